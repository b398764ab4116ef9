/** What counts as media: the types that the client accepts for it, and the marks that `field` sets on a zod schema. */
import type * as z from 'zod';

/** A reference image, video or audio file: a URL, or a `file:` URL, Blob or File, which is uploaded first. */
export type Media = string | URL | Blob | File;

/** Kind of a medium. */
export type MediaKind = 'image' | 'video' | 'audio';

/** Loaded copies of this library share the symbol. */
export const MEDIA: unique symbol = Symbol.for('wavespeed-kling.media') as never;

/** zod schema of the URL of a medium: the client also accepts a file in its place. */
export interface MediaUrl extends z.ZodString {
  /** Kind of the medium. */
  readonly [MEDIA]: MediaKind;
}

export function markMedia(schema: z.ZodString, kind: MediaKind): MediaUrl {
  return Object.defineProperty(schema, MEDIA, { value: kind }) as unknown as MediaUrl;
}

/** Set on lists of media: whether an empty one is sent. */
const SENDS_EMPTY = /* @__PURE__ */ Symbol.for('wavespeed-kling.sends-empty');

export const markSendsEmpty = <Schema extends object>(schema: Schema, value: boolean): Schema =>
  Object.defineProperty(schema, SENDS_EMPTY, { value });

export const sendsEmpty = (schema: unknown): boolean =>
  (schema as { [SENDS_EMPTY]?: boolean } | undefined)?.[SENDS_EMPTY] === true;

/** Finds the mark below `.optional()`, `.default()` and lists. */
export function mediaKindOf(schema: unknown): { kind: MediaKind; isList: boolean } | undefined {
  let inner = schema as { [MEDIA]?: MediaKind; unwrap?: () => unknown; def?: { type?: string } } | undefined;
  let isList = false;
  while (typeof inner === 'object' && inner !== null) {
    if (inner[MEDIA] !== undefined) return { kind: inner[MEDIA], isList };
    isList ||= inner.def?.type === 'array';
    inner = typeof inner.unwrap === 'function' ? (inner.unwrap() as typeof inner) : undefined;
  }
  return undefined;
}

/** Unlike `instanceof`, works across realms and packages, and if the class does not exist. */
export const hasTag = (value: unknown, ...tags: string[]) =>
  tags.includes(Object.prototype.toString.call(value).slice('[object '.length, -1));

export const isUrl = (value: unknown): value is URL => hasTag(value, 'URL');

export const isBlob = (value: unknown): value is Blob => hasTag(value, 'Blob', 'File');
