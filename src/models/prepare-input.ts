/**
 * Reads what a caller gives as input: checks it against the model, and sets aside what is still to be uploaded.
 */
import type { DefinedModel } from './define-model.js';
import { InvalidInputError } from '../core/errors/index.js';
import type {
  InputOf,
  KlingO1Input,
  KlingO3StdInput,
  ReferenceRequest,
  ReferenceRequestWithSound,
} from './input-types.js';
import { findModel, type KLING_O1, type KLING_O3_STD, type Model } from './registry.js';
import { parseInput } from './parse-input.js';

/** A reference image or video: a URL as it is; a `file:` URL, a Blob or a File to be uploaded first. */
export type Media = string | URL | Blob | File;

/** Lets media stand where the wire has URLs. */
type WithMedia<Input> = Omit<Input, 'images' | 'video'> & {
  /** A reference video. With one, at most 4 images are allowed, and the price is half as much again. */
  video?: Media | undefined;
  /** Reference images of the element, scene or style: at most 7, at most 4 beside a reference video. Default: none. */
  images?: readonly Media[] | undefined;
};

/** Refuses `sound` in a variable as well, where TypeScript lets pass what is not declared. */
interface WithoutSound {
  /** Not a parameter of this model, which makes no sound. */
  sound?: never;
}

/** What a client takes as input for Kling O1. */
export interface KlingO1MediaInput extends WithMedia<KlingO1Input>, WithoutSound {}
/** What a client takes as input for Kling O3 Standard. */
export interface KlingO3StdMediaInput extends WithMedia<KlingO3StdInput> {}

/** What a client takes as input, by the durations a model makes and whether it makes sound. */
type MediaInputOf<Duration extends number, Sound extends boolean> = Sound extends true
  ? WithMedia<InputOf<Duration, true>>
  : WithMedia<InputOf<Duration, false>> & WithoutSound;

/** What a client takes as input for a model, by its id or what `defineModel` made. */
export type ModelInput<M extends Model> = M extends typeof KLING_O1
  ? KlingO1MediaInput
  : M extends typeof KLING_O3_STD
    ? KlingO3StdMediaInput
    : M extends DefinedModel
      ? MediaInputOf<M['durations'][number], M['sound']>
      : never;

/** Something to be uploaded, and where in the body its URL belongs. */
export interface LocalMedia {
  source: URL | Blob;
  /** `video`, or the index in `images`. */
  place: 'video' | number;
}

/** An input that was checked; until the uploads are done, a placeholder URL stands in each of their places. */
export interface ReadInput {
  model: DefinedModel;
  body: ReferenceRequest | ReferenceRequestWithSound;
  local: LocalMedia[];
}

const isTagged = (value: unknown, ...tags: string[]) =>
  tags.includes(Object.prototype.toString.call(value).slice('[object '.length, -1));

/** Recognises also another realm's URL. */
const isUrl = (value: unknown): value is URL => value instanceof URL || isTagged(value, 'URL');

/** Recognises also another realm's or package's Blob and File. */
export const isBlob = (value: unknown): value is Blob =>
  value instanceof Blob || isTagged(value, 'Blob', 'File');

const FILE_HINT =
  'a file of this machine is given as pathToFileURL(path), of node:url, or as what `await kling.upload(path)` gives';
const BYTES_HINT = 'bytes are given as `new Blob([bytes])`';

/** Says how a local file that was given as its path or its bytes can be given; undefined for anything else. */
function localHint(value: unknown): string | undefined {
  if (ArrayBuffer.isView(value) || isTagged(value, 'ArrayBuffer')) return BYTES_HINT;
  // A letter alone before the colon is a drive of Windows.
  const isPath = typeof value === 'string' && value !== '' && !/^(?!file:)[a-z][a-z\d+.-]+:/i.test(value);
  return isPath ? FILE_HINT : undefined;
}

/** Checks an input, and says of each path and each bundle of bytes in it how it can be given. */
function parse(model: DefinedModel, fields: Record<string, unknown>): ReadInput['body'] {
  try {
    return parseInput(model, fields);
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    const issues = error.issues.map((issue) => {
      const [field, index] = issue.path;
      const { images, video } = fields;
      const image = Array.isArray(images) && typeof index === 'number' ? images[index] : undefined;
      const hint = localHint(field === 'video' ? video : field === 'images' ? image : undefined);
      return hint === undefined ? issue : { ...issue, message: `${issue.message}; ${hint}` };
    });
    throw new InvalidInputError(model.id, issues);
  }
}

/**
 * Checks an input as a whole, local media counted in.
 *
 * @throws {InvalidInputError} with everything that is wrong with it; nothing was sent.
 */
export function readInput(given: unknown, input: unknown): ReadInput {
  const model = findModel(given);
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return { model, body: parseInput(model, input), local: [] };
  }
  const local: LocalMedia[] = [];
  const setAside = (value: unknown, place: LocalMedia['place']): unknown => {
    if (isUrl(value) && value.protocol !== 'file:') return value.href;
    if (!isUrl(value) && !isBlob(value)) return value;
    local.push({ source: value, place });
    return `https://local.invalid/${place}`;
  };
  const fields: Record<string, unknown> = { ...input };
  if (fields.video !== undefined) fields.video = setAside(fields.video, 'video');
  if (Array.isArray(fields.images)) fields.images = fields.images.map(setAside);
  return { model, body: parse(model, fields), local };
}

/** Puts the URLs of what was uploaded in its places. */
export function fillIn(read: ReadInput, urls: readonly string[]): ReadInput['body'] {
  const images = [...read.body.images];
  let { video } = read.body;
  for (const [index, { place }] of read.local.entries()) {
    const url = urls[index] ?? '';
    if (place === 'video') video = url;
    else images[place] = url;
  }
  return video === undefined ? { ...read.body, images } : { ...read.body, images, video };
}
