/** Prepares an input for a submit: validates it, and extracts the local media that must be uploaded first. */
import { InvalidInputError } from '../core/errors/index.js';
import type { DefinedModel } from './defined-model.js';
import type { ReferenceParams, ReferenceParamsWithSound } from './input-types.js';
import { resolveModel } from './resolve-model.js';
import { validateInput } from './validate-input.js';

export interface PendingUpload {
  source: URL | Blob;
  place: 'video' | number;
}

export interface PreparedInput {
  model: DefinedModel;
  body: ReferenceParams | ReferenceParamsWithSound;
  local: PendingUpload[];
}

/** Unlike `instanceof`, works across realms and packages, and if the class does not exist. */
const hasTag = (value: unknown, ...tags: string[]) =>
  tags.includes(Object.prototype.toString.call(value).slice('[object '.length, -1));

const isUrl = (value: unknown): value is URL => hasTag(value, 'URL');

export const isBlob = (value: unknown): value is Blob => hasTag(value, 'Blob', 'File');

const FILE_HINT =
  'pass a local file as pathToFileURL(path) from node:url, or as the URL that `await kling.upload(path)` returns';
const BYTES_HINT = 'pass bytes as `new Blob([bytes])`';

function localFileHint(value: unknown): string | undefined {
  if (ArrayBuffer.isView(value) || hasTag(value, 'ArrayBuffer')) return BYTES_HINT;
  // A single letter before the colon is a Windows drive.
  const isPath = typeof value === 'string' && value !== '' && !/^(?!file:)[a-z][a-z\d+.-]+:/i.test(value);
  return isPath ? FILE_HINT : undefined;
}

function addHints(error: InvalidInputError, model: DefinedModel, fields: Record<string, unknown>) {
  const { images, video } = fields;
  const issues = error.issues.map((issue) => {
    const [field, index] = issue.path;
    const image = Array.isArray(images) && typeof index === 'number' ? images[index] : undefined;
    const hint = localFileHint(field === 'video' ? video : field === 'images' ? image : undefined);
    return hint === undefined ? issue : { ...issue, message: `${issue.message}; ${hint}` };
  });
  return new InvalidInputError(model.id, issues);
}

export function prepareInput(given: unknown, input: unknown): PreparedInput {
  const model = resolveModel(given);
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return { model, body: validateInput(model, input), local: [] };
  }
  const local: PendingUpload[] = [];
  const extract = (value: unknown, place: PendingUpload['place']): unknown => {
    if (isUrl(value) && value.protocol !== 'file:') return value.href;
    if (!isUrl(value) && !isBlob(value)) return value;
    // A copy: the caller can change a URL while the call is queued.
    local.push({ source: isUrl(value) ? new URL(value.href) : value, place });
    return `https://local.invalid/${place}`;
  };
  const fields: Record<string, unknown> = { ...input };
  if (fields.video !== undefined) fields.video = extract(fields.video, 'video');
  if (Array.isArray(fields.images)) fields.images = fields.images.map(extract);
  try {
    return { model, body: validateInput(model, fields), local };
  } catch (error) {
    throw error instanceof InvalidInputError ? addHints(error, model, fields) : error;
  }
}

export function replaceMedia<T>({ body, local }: PreparedInput, replacements: readonly T[]) {
  const images: (string | T)[] = [...body.images];
  let video: string | T | undefined = body.video;
  for (const [index, { place }] of local.entries()) {
    const replacement = replacements[index] as T;
    if (place === 'video') video = replacement;
    else images[place] = replacement;
  }
  return video === undefined ? { ...body, images } : { ...body, images, video };
}
