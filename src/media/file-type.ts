/**
 * Tells what a file is by its content, and whether the service takes it: which types, up to which size.
 */

import { goesOnAs, mayHoldVideo, videoIn } from './file-signatures.js';

/** What a file is used as. */
export type MediaGroup = 'image' | 'video';

/** One type of file that the service takes. */
export interface FileKind {
  group: MediaGroup;
  /** As it is declared to the service. */
  contentType: string;
  /** The endings that name this type; the first is the usual one. */
  endings: readonly [string, ...string[]];
}

const image = (contentType: string, ...endings: FileKind['endings']): FileKind => ({
  group: 'image',
  contentType,
  endings,
});
const video = (contentType: string, ...endings: FileKind['endings']): FileKind => ({
  group: 'video',
  contentType,
  endings,
});

const WMV = video('video/x-ms-wmv', 'wmv', 'asf');
const MP4 = video('video/mp4', 'mp4', 'm4v', 'f4v');

/** What the service takes, under the media type that the sniffing library gives it. Source: the upload endpoint's docs. */
const KINDS: Readonly<Record<string, FileKind>> = {
  'image/jpeg': image('image/jpeg', 'jpg', 'jpeg', 'jpe', 'jfif'),
  'image/png': image('image/png', 'png'),
  // An animated PNG is a PNG to whoever does not know better.
  'image/apng': image('image/png', 'png', 'apng'),
  'image/webp': image('image/webp', 'webp'),
  'image/gif': image('image/gif', 'gif'),
  'image/bmp': image('image/bmp', 'bmp', 'dib'),
  'image/tiff': image('image/tiff', 'tiff', 'tif'),
  'video/mp4': MP4,
  'video/x-m4v': MP4,
  'video/vnd.avi': video('video/x-msvideo', 'avi'),
  'video/quicktime': video('video/quicktime', 'mov', 'qt'),
  'video/x-ms-asf': WMV,
  // So it is called where the header is too long to find the stream's type in it.
  'application/vnd.ms-asf': WMV,
  'video/x-flv': video('video/x-flv', 'flv'),
  'video/webm': video('video/webm', 'webm'),
  'video/matroska': video('video/x-matroska', 'mkv'),
  'video/3gpp': video('video/3gpp', '3gp', '3gpp'),
  'video/ogg': video('video/ogg', 'ogv', 'ogg', 'ogm'),
};

const MB = 1024 * 1024;

/** What the service takes as an image and as a video. Source: the upload endpoint's docs. */
const RULES: Readonly<Record<MediaGroup, { types: string; maxBytes: number }>> = {
  image: { types: 'JPG, PNG, WebP, GIF, BMP or TIFF', maxBytes: 20 * MB },
  video: { types: 'MP4, AVI, MOV, WMV, FLV, WebM, MKV, 3GP or OGV', maxBytes: 100 * MB },
};

/** Bytes that can be read from any place on. */
export interface RandomAccess {
  /** In bytes. */
  size: number;
  read(start: number, end: number): Promise<Uint8Array>;
}

/** Finds the media type and the usual ending of a file by its content; undefined where it is not known. */
export async function sniff(file: RandomAccess): Promise<{ mime: string; ext: string } | undefined> {
  // Loaded with the first local file: most programs never have one.
  const { fileTypeFromBlob } = await import('file-type/core');
  let broken: { error: unknown } | undefined;
  // All that is asked of a Blob, so that the parser may look at the end of a file without reading the middle.
  const blob = {
    size: file.size,
    type: '',
    slice: (start: number, end: number) => ({
      arrayBuffer: async () => {
        try {
          return Uint8Array.from(await file.read(start, end)).buffer;
        } catch (error) {
          broken = { error };
          throw error;
        }
      },
    }),
  };
  let found: { mime: string; ext: string } | undefined;
  try {
    found = await fileTypeFromBlob(blob as unknown as Blob);
  } catch {
    // What the parser trips over is of no type it knows; what cannot be read is another matter.
    if (broken !== undefined) throw broken.error;
    return undefined;
  }
  if (found === undefined || !mayHoldVideo(found.mime)) return found;
  return videoIn(found.mime, await headOf(file, STREAMS_BYTES)) ?? found;
}

/** Where containers describe their streams, and where images say how they go on; in bytes from the beginning. */
const STREAMS_BYTES = 64 * 1024;
const IMAGE_HEAD_BYTES = 32;

const headOf = (file: RandomAccess, bytes: number): Promise<Uint8Array> =>
  file.read(0, Math.min(file.size, bytes));

/**
 * Finds the kind of a file by its content, and says what is wrong with it, as the rest of a sentence that begins with
 * its name.
 */
export async function judge(
  file: RandomAccess,
  groups: readonly MediaGroup[],
): Promise<{ kind: FileKind } | { problem: string }> {
  const rules = groups.map((group) => RULES[group]);
  const types = rules.map((rule) => rule.types).join('; or ');
  if (file.size === 0) return { problem: `is empty; expected ${types}` };
  // Before it is read: what is over every limit need not be looked at.
  const most = Math.max(...rules.map((rule) => rule.maxBytes));
  if (file.size > most) return { problem: tooLarge(file.size, most) };

  const found = await sniff(file);
  const kind = found === undefined || !Object.hasOwn(KINDS, found.mime) ? undefined : KINDS[found.mime];
  if (kind === undefined || !groups.includes(kind.group)) {
    const what = found === undefined ? 'is of no type that its content tells' : `is ${found.mime}`;
    return { problem: `${what}; expected ${types}` };
  }
  if (found !== undefined && !goesOnAs(found.mime, await headOf(file, IMAGE_HEAD_BYTES), file.size)) {
    return { problem: `begins like ${found.mime} and is none; expected ${types}` };
  }
  const { maxBytes } = RULES[kind.group];
  return file.size > maxBytes ? { problem: tooLarge(file.size, maxBytes, kind.group) } : { kind };
}

function tooLarge(size: number, maxBytes: number, group?: MediaGroup): string {
  const what = group === undefined ? '' : ` for ${group === 'image' ? 'an image' : 'a video'}`;
  // Rounded up, lest "20.0 MB; expected at most 20 MB".
  const megabytes = Math.ceil((size / MB) * 100) / 100;
  return `has ${megabytes} MB; expected at most ${maxBytes / MB} MB${what}`;
}

/** The ending for what a server calls a video or an image, by its `Content-Type`; undefined where it says nothing of use. */
export function endingFor(contentType: string | undefined): string | undefined {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  const kind = Object.values(KINDS).find((each) => each.contentType === type) ?? KINDS[type];
  return kind?.endings[0] ?? OTHER_NAMES[type];
}

const OTHER_NAMES: Readonly<Record<string, string>> = {
  'application/mp4': 'mp4',
  'video/avi': 'avi',
  'video/msvideo': 'avi',
  'video/x-mkv': 'mkv',
  'image/jpg': 'jpg',
};

/** Every ending that a downloaded file can get. */
export const KNOWN_ENDINGS: ReadonlySet<string> = new Set(
  Object.values(KINDS).flatMap((kind) => kind.endings),
);
