/** Reads the arguments of `download`: which outputs, and the directory and names of their files. */
import { stat } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidInputError } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import { httpUrl, labelOf } from '../http/http-url.js';
import { isRecord } from '../utils/is-record.js';
import { nameInUrl, safeName } from './file-name.js';
import { MEDIA_EXTENSIONS } from './file-type.js';

export interface Output {
  url: URL;
  basename: string;
  target: string;
  extension: string | undefined;
  possibleExtensions: Iterable<string>;
  label: string;
  predictionId: string | undefined;
  /** Time at which its task was completed, at the earliest; undefined if it is not known. */
  completedAt: number | undefined;
}

function invalid(field: string, problem: string): InvalidInputError {
  return new InvalidInputError('download', [{ path: [field], message: `${field}: ${problem}` }]);
}

/** @throws {InvalidInputError} also for a path such as `./out/fox.mp4`, unless it is an existing directory. */
export async function readDirectory(directory: unknown): Promise<string> {
  const path = pathOf(directory);
  const extension = extname(path).slice(1).toLowerCase();
  if (!MEDIA_EXTENSIONS.has(extension)) return path;
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory() === true) return path;
  throw invalid(
    'directory',
    `got ${JSON.stringify(directory)}, the name of a file; expected the path of a directory. The file's name is ` +
      'in the result: `const [file] = await kling.download(…)`, then rename `file.path`',
  );
}

function pathOf(directory: unknown): string {
  const expected = 'the path of a directory, or its file: URL';
  if (directory instanceof URL) {
    if (directory.protocol === 'file:') return resolve(fileURLToPath(directory));
    throw invalid('directory', `got a ${directory.protocol} URL; expected ${expected}`);
  }
  if (typeof directory === 'string' && directory !== '' && !directory.includes('\0')) {
    return resolve(directory);
  }
  const given = typeof directory === 'string' ? JSON.stringify(directory) : typeof directory;
  throw invalid('directory', `got ${given}; expected ${expected}`);
}

export function readOutputs(source: unknown, directory: string): Output[] {
  if (typeof source === 'string' || source instanceof URL) return [outputOfUrl(String(source), directory)];
  const task = (source ?? {}) as Partial<Record<keyof Prediction, unknown>>;
  const { id, status, outputs } = task;
  if (typeof id !== 'string' || id === '' || !Array.isArray(outputs)) {
    const given = source === null ? 'null' : typeof source;
    throw invalid('source', `got ${given}; expected a task or the URL of an output`);
  }
  // With lone surrogates, different ids would get the same file name.
  if (id === '.' || id === '..' || /\p{Surrogate}/u.test(id)) {
    throw invalid('id', `got ${JSON.stringify(id)}, which is not the id of a task`);
  }
  if (status !== 'completed') {
    const problem = `task ${id} is ${String(status)}; expected a completed one, as returned by wait('${id}')`;
    throw invalid('source', problem);
  }
  if (outputs.length === 0) throw invalid('source', `task ${id} has no outputs`);
  const completedAt = completionTimeOf(task);
  return outputs.map((url: unknown, index) => ({
    ...outputOfTask(id, url, index, directory),
    completedAt,
  }));
}

/** How long a task may run whose duration the service does not tell, in milliseconds. */
const LONGEST_TASK_MS = 30 * 60_000;

/** Without the time that the task was queued for, which the service does not tell. */
function completionTimeOf({
  created_at,
  timings,
  executionTime,
}: Partial<Record<keyof Prediction, unknown>>): number | undefined {
  const createdAt = typeof created_at === 'string' ? Date.parse(created_at) : NaN;
  if (Number.isNaN(createdAt)) return undefined;
  const inference = (isRecord(timings) ? timings.inference : undefined) ?? executionTime;
  if (typeof inference === 'number' && inference > 0) return createdAt + inference;
  return Math.min(createdAt + LONGEST_TASK_MS, Date.now());
}

function outputOfUrl(text: string, directory: string): Output {
  const url = httpUrl(text);
  if (url === undefined) {
    throw invalid(
      'source',
      "got a string that is not an http(s) URL; expected a task or the URL of an output. For a task's id: download(await get(id), …)",
    );
  }
  const name = nameInUrl(url);
  const extension = knownExtension(name.extension);
  const isUnknown = extension === undefined && name.extension !== undefined;
  const basename = safeName(isUnknown ? `${name.basename}.${name.extension}` : name.basename);
  return {
    url,
    basename,
    target: join(directory, basename),
    extension,
    possibleExtensions: extension === undefined ? MEDIA_EXTENSIONS : [extension],
    label: labelOf('GET', url),
    predictionId: undefined,
    completedAt: undefined,
  };
}

function outputOfTask(
  id: string,
  value: unknown,
  index: number,
  directory: string,
): Omit<Output, 'completedAt'> {
  const number = index + 1;
  const url = httpUrl(value);
  if (url === undefined) {
    throw invalid(`outputs[${index}]`, `output ${number} of task ${id} is not an http(s) URL`);
  }
  const basename = safeName(`${id}-${number}`);
  return {
    url,
    basename,
    target: join(directory, basename),
    extension: knownExtension(nameInUrl(url).extension),
    // The extension depends on the content type, which is not known before the request.
    possibleExtensions: MEDIA_EXTENSIONS,
    label: `${labelOf('GET', url)} (output ${number} of task ${id})`,
    predictionId: id,
  };
}

const knownExtension = (extension: string | undefined): string | undefined =>
  extension !== undefined && MEDIA_EXTENSIONS.has(extension) ? extension : undefined;
