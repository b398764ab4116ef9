/** Validates an input, and extracts the local media that must be uploaded first. */
import { InvalidInputError } from '../core/errors/index.js';
import { costOf } from './cost-of.js';
import { noObjectMessage } from './field-messages.js';
import { hasTag, isBlob, isUrl, type MediaKind } from './media.js';
import { type ModelReader, readerOf } from './model-reader.js';
import { readFields } from './read-fields.js';
import { validateInput } from './validate-input.js';

/** A file that must be uploaded before the submit. */
export interface PendingUpload {
  source: URL | Blob;
  kind: MediaKind;
  /** The field, and the index in its list. */
  path: [string] | [string, number];
}

export interface CheckedInput {
  /** With every default filled in. Local media are placeholders. */
  parsed: Readonly<Record<string, unknown>>;
  /** What is sent: without the defaults that the service's own page does not print. */
  body: Readonly<Record<string, unknown>>;
  local: PendingUpload[];
  /** In US dollars; undefined while only the service knows it. */
  cost: number | undefined;
}

const FILE_HINT =
  'pass a local file as pathToFileURL(path) from node:url, or as the URL that `await kling.upload(path)` returns';
const BYTES_HINT = 'pass bytes as `new Blob([bytes])`';

function localFileHint(value: unknown): string | undefined {
  if (ArrayBuffer.isView(value) || hasTag(value, 'ArrayBuffer')) return BYTES_HINT;
  // A single letter before the colon is a Windows drive.
  const isPath = typeof value === 'string' && value !== '' && !/^(?!file:)[a-z][a-z\d+.-]+:/i.test(value);
  return isPath ? FILE_HINT : undefined;
}

function addHints(error: InvalidInputError, reader: ModelReader, fields: Record<string, unknown>) {
  const issues = error.issues.map((issue) => {
    const [name, index] = issue.path;
    const media = typeof name === 'string' ? reader.mediaOf(name) : undefined;
    if (media === undefined) return issue;
    const value = fields[name as string];
    const item = Array.isArray(value) && typeof index === 'number' ? (value as unknown[])[index] : undefined;
    const hint = localFileHint(media.isList ? item : value);
    return hint === undefined ? issue : { ...issue, message: `${issue.message}; ${hint}` };
  });
  return new InvalidInputError(reader.model.id, issues);
}

export function checkInput(model: unknown, input: unknown): CheckedInput {
  const reader = readerOf(model);
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const message = noObjectMessage(Array.isArray(input) ? [] : input);
    throw new InvalidInputError(reader.model.id, [{ path: [], message }]);
  }
  const local: PendingUpload[] = [];
  const fields = readFields(input);
  for (const name of reader.names) {
    const media = reader.mediaOf(name);
    const value = fields[name];
    if (media === undefined || value === undefined) continue;
    const extract = (item: unknown, path: PendingUpload['path']): unknown => {
      if (isUrl(item) && item.protocol !== 'file:') return item.href;
      if (!isUrl(item) && !isBlob(item)) return item;
      // A copy: the caller can change a URL while the call is queued.
      local.push({ source: isUrl(item) ? new URL(item.href) : item, kind: media.kind, path });
      return placeholderOf(path);
    };
    fields[name] =
      media.isList && Array.isArray(value)
        ? value.map((item: unknown, index) => extract(item, [name, index]))
        : extract(value, [name]);
  }
  try {
    const parsed = validateInput(reader, fields);
    const cost = costOf(reader.model, parsed);
    return {
      parsed,
      body: toBody(reader, parsed),
      local: local.filter(({ path }) => isIn(parsed, path)),
      cost,
    };
  } catch (error) {
    throw error instanceof InvalidInputError ? addHints(error, reader, fields) : error;
  }
}

const placeholderOf = (path: PendingUpload['path']) => `https://local.invalid/${path.join('/')}`;

/** A schema with `.catch()` may have put another value in its place. */
function isIn(parsed: Readonly<Record<string, unknown>>, path: PendingUpload['path']): boolean {
  const [name, index] = path;
  const value = index === undefined ? parsed[name] : (parsed[name] as unknown[] | undefined)?.[index];
  return value === placeholderOf(path);
}

/** Leaves out empty lists of media, unless the service's own page prints them as the default. */
function toBody(reader: ModelReader, parsed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parsed).filter(([name, value]) => {
      if (value === undefined) return false;
      const isEmptyList = Array.isArray(value) && value.length === 0;
      return !isEmptyList || reader.mediaOf(name) === undefined || reader.sendsEmpty(name);
    }),
  );
}

/** Returns the fields with these in place of the local media. */
export function replaceMedia<T>(
  { body, local }: { body: Readonly<Record<string, unknown>>; local: readonly PendingUpload[] },
  replacements: readonly T[],
): Record<string, unknown> {
  const fields: Record<string, unknown> = { ...body };
  for (const [index, { path }] of local.entries()) {
    const [name, position] = path;
    if (position === undefined) {
      fields[name] = replacements[index];
      continue;
    }
    // The list of the body is not changed.
    if (fields[name] === body[name]) fields[name] = [...(body[name] as unknown[])];
    (fields[name] as unknown[])[position] = replacements[index];
  }
  return fields;
}
