/** Reads the request of one task from flags or a batch line, and validates it before anything is sent. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { estimateCost, type InputIssue, InvalidInputError, parseInput } from '../inputs.js';
import type { Model, ModelId, ModelInput } from '../schemas.js';
import { decodeText } from './decode-text.js';
import { interrupted } from './interrupt.js';
import { factsOf } from './options.js';

export interface TaskRequest<M extends Model = ModelId> {
  model: M;
  input: ModelInput<M>;
  /** In US dollars; undefined where only the service knows it. */
  cost: number | undefined;
  files: URL[];
}

/** A URL stays as it is; a path becomes a `file:` URL. */
export function readMedia(value: unknown): unknown {
  if (typeof value !== 'string' || value === '' || /^(?:https?|data):/i.test(value)) return value;
  if (/^file:/i.test(value) && URL.canParse(value)) return new URL(value);
  return pathToFileURL(resolve(value));
}

export async function readStdin(): Promise<string> {
  const { buffer } = await import('node:stream/consumers');
  let bytes: Buffer;
  try {
    bytes = await buffer(addAbortSignal(interrupted, process.stdin));
  } catch (error) {
    interrupted.throwIfAborted();
    throw error;
  }
  return decodeText(bytes, 'stdin');
}

/** Validates a request with the service's field names; media may be paths. */
export async function readRequest<M extends Model>(
  model: M,
  fields: Record<string, unknown>,
): Promise<TaskRequest<M>> {
  const { id, fields: known } = factsOf(model);
  const given: Record<string, unknown> = { ...fields };
  const files: { path: (string | number)[]; url: URL }[] = [];
  for (const [name, { media, type }] of Object.entries(known)) {
    const value = given[name];
    if (media === undefined || value === undefined) continue;
    const isList = type === 'array' && Array.isArray(value);
    const read = isList ? value.map(readMedia) : type === 'array' ? value : readMedia(value);
    given[name] = read;
    for (const [index, one] of (isList ? (read as unknown[]) : [read]).entries()) {
      if (one instanceof URL) files.push({ path: isList ? [name, index] : [name], url: one });
    }
  }
  const issues: InputIssue[] = [];
  for (const { path, url } of files) {
    const problem = await fileProblem(url);
    if (problem !== undefined) issues.push({ path, message: `${formatPath(path)}: ${problem}` });
  }
  try {
    const input = parseInput(model, given);
    if (issues.length === 0) {
      const cost: number | undefined = estimateCost<Model>(model, input);
      return { model, input, cost, files: files.map(({ url }) => url) };
    }
  } catch (error) {
    if (!InvalidInputError.isInstance(error)) throw error;
    issues.push(...error.issues);
  }
  throw new InvalidInputError(id, issues);
}

const formatPath = ([field, index]: readonly (string | number)[]) =>
  index === undefined ? String(field) : `${field}[${index}]`;

async function fileProblem(url: URL): Promise<string | undefined> {
  let path: string;
  try {
    path = fileURLToPath(url);
  } catch {
    return `${url.href}: not the URL of a file on this machine`;
  }
  try {
    return (await stat(path)).isFile() ? undefined : `${path}: not a file`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? `${path}: there is no such file`
      : `${path}: cannot be read (${code ?? String(error)})`;
  }
}
