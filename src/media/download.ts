/**
 * Downloads a task's outputs: names them, refuses what is in the way, and publishes them when all of them are whole.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onAbort } from '../utils/abort.js';
import { ConfigurationError, InvalidInputError } from '../core/errors/index.js';
import { KNOWN_ENDINGS } from './file-type.js';
import { nameInUrl, safeName } from './file-name.js';
import type { CallOptions } from '../core/validate-options.js';
import { type DownloadMeans, type DownloadProgress, type Output, OutputDownload } from './download-task.js';
import { alreadyThere, diskError, isThere } from './partial-file.js';
import type { Prediction } from '../core/prediction.js';
import { httpUrl, labelOf } from '../http/stream-request.js';
import { readTransferOptions, tellProgress } from './transfer-options.js';

/** How outputs are downloaded. */
export interface DownloadOptions extends CallOptions {
  /** Is told how many bytes were written; not waited for. What it throws or rejects with ends the download. */
  onProgress?: ((progress: DownloadProgress) => unknown) | undefined;
  /** Replaces files of the same name, each in one step. Default: false, which refuses before anything is requested. */
  overwrite?: boolean | undefined;
}

/** A file that was downloaded whole. */
export interface DownloadedFile {
  /** Where it is: an absolute path. */
  path: string;
  /** Where it came from. */
  url: string;
  /** How large it is. */
  bytes: number;
  /** What the server called it; undefined where it did not. */
  contentType: string | undefined;
}

/** Downloads a task's outputs, or one URL, one after the other. */
export async function download(
  means: DownloadMeans,
  source: Prediction | string | URL,
  directory: string | URL,
  options: DownloadOptions,
): Promise<DownloadedFile[]> {
  const {
    signal: given,
    onProgress,
    overwrite = false,
  } = readTransferOptions(options, ['signal', 'onProgress', 'overwrite']);
  if (typeof overwrite !== 'boolean') {
    throw new ConfigurationError(`\`overwrite\`: got ${String(overwrite)}; expected true or false.`);
  }
  const into = readDirectory(directory);
  const outputs = readOutputs(source, into);
  given?.throwIfAborted();
  await prepare(into, outputs, overwrite);

  const stop = new AbortController();
  const { signal } = stop;
  const forget = given && onAbort(given, () => stop.abort(given.reason));
  const predictionId = outputs[0]?.predictionId;
  const tell = (progress: DownloadProgress) => {
    tellProgress(onProgress, progress, (mistake) => {
      if (predictionId !== undefined) mistake.predictionId = predictionId;
      stop.abort(mistake);
    });
  };
  const downloads = outputs.map(
    (output) => new OutputDownload(means, output, { signal, onProgress: tell, overwrite }),
  );
  const published: string[] = [];
  try {
    for (const one of downloads) await one.fetch();
    signal.throwIfAborted();
    // Only now, and all of them: a call that failed halfway must not stand in the way of the next.
    for (const one of downloads) published.push(await one.publish());
  } catch (error) {
    // What replaced another file stays: there is nothing to put back in its place.
    if (!overwrite)
      await Promise.all(published.map((path) => rm(path, { force: true }).catch(() => undefined)));
    throw error;
  } finally {
    forget?.();
    await Promise.all(downloads.map((one) => one.discard()));
  }
  return downloads.map((one) => one.file);
}

function invalid(field: string, problem: string): InvalidInputError {
  return new InvalidInputError('download', [{ path: [field], message: `${field}: ${problem}` }]);
}

function readDirectory(directory: unknown): string {
  const expected = 'the path of a directory, or its file: URL';
  if (directory instanceof URL) {
    if (directory.protocol === 'file:') return resolve(fileURLToPath(directory));
    throw invalid('directory', `got a ${directory.protocol} URL; expected ${expected}`);
  }
  if (typeof directory === 'string' && directory !== '' && !directory.includes('\0'))
    return resolve(directory);
  const shown = typeof directory === 'string' ? JSON.stringify(directory) : typeof directory;
  throw invalid('directory', `got ${shown}; expected ${expected}`);
}

function readOutputs(source: unknown, directory: string): Output[] {
  if (typeof source === 'string' || source instanceof URL) {
    const url = httpUrl(String(source));
    if (url === undefined) {
      throw invalid(
        'source',
        "got a text that is no http(s) URL; expected a task or the URL of an output. From a task's id: download(await get(id), …)",
      );
    }
    const { stem, ending } = nameInUrl(url);
    const known = ending !== undefined && KNOWN_ENDINGS.has(ending) ? ending : undefined;
    const name = known === undefined && ending !== undefined ? `${stem}.${ending}` : stem;
    return [
      {
        url,
        stem: join(directory, safeName(name)),
        ending: known,
        possibleEndings: known === undefined ? KNOWN_ENDINGS : [known],
        label: labelOf('GET', url),
        predictionId: undefined,
      },
    ];
  }
  const { id, status, outputs } = (source ?? {}) as Partial<Record<keyof Prediction, unknown>>;
  if (typeof id !== 'string' || id === '' || !Array.isArray(outputs)) {
    throw invalid(
      'source',
      `got ${source === null ? 'null' : typeof source}; expected a task or the URL of an output`,
    );
  }
  if (status !== 'completed') {
    throw invalid(
      'source',
      `task ${id} is ${String(status)}; expected one that is completed, as from wait('${id}')`,
    );
  }
  if (outputs.length === 0) throw invalid('source', `task ${id} has no outputs`);
  return outputs.map((value: unknown, index): Output => {
    const url = httpUrl(value);
    const number = index + 1;
    if (url === undefined)
      throw invalid(`outputs[${index}]`, `output ${number} of task ${id} is no http(s) URL`);
    const { ending } = nameInUrl(url);
    return {
      url,
      stem: join(directory, safeName(`${id}-${number}`)),
      ending: ending !== undefined && KNOWN_ENDINGS.has(ending) ? ending : undefined,
      // The ending is the content type's, which is not known before the request: any of them would be in the way.
      possibleEndings: KNOWN_ENDINGS,
      label: `${labelOf('GET', url)} (output ${number} of task ${id})`,
      predictionId: id,
    };
  });
}

/** Makes the directory, and sees that no file is in the way. */
async function prepare(directory: string, outputs: readonly Output[], overwrite: boolean): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (cause) {
    throw diskError(cause, directory, 'the directory could not be made', undefined);
  }
  if (overwrite) return;
  for (const { stem, possibleEndings, predictionId } of outputs) {
    for (const ending of possibleEndings) {
      const path = `${stem}.${ending}`;
      if (await isThere(path)) throw alreadyThere(path, predictionId);
    }
  }
}
