/** The types and sizes of files that the service accepts. Source: the upload endpoint's docs. */
import type { MediaKind } from './media.js';

export interface FileType {
  group: MediaKind;
  contentType: string;
  extensions: readonly [string, ...string[]];
}

const image = (contentType: string, ...extensions: FileType['extensions']): FileType => ({
  group: 'image',
  contentType,
  extensions,
});
const video = (contentType: string, ...extensions: FileType['extensions']): FileType => ({
  group: 'video',
  contentType,
  extensions,
});

const audio = (contentType: string, ...extensions: FileType['extensions']): FileType => ({
  group: 'audio',
  contentType,
  extensions,
});

const PNG = image('image/png', 'png', 'apng');
const WMV = video('video/x-ms-wmv', 'wmv', 'asf');
const M4A = audio('audio/mp4', 'm4a');
const MP4 = video('video/mp4', 'mp4', 'm4v', 'f4v');

/** Accepted types by the MIME type that the `file-type` library returns. Source: the upload endpoint's docs. */
export const FILE_TYPES: ReadonlyMap<string, FileType> = new Map([
  ['image/jpeg', image('image/jpeg', 'jpg', 'jpeg', 'jpe', 'jfif')],
  ['image/png', PNG],
  ['image/apng', PNG],
  ['image/webp', image('image/webp', 'webp')],
  ['image/gif', image('image/gif', 'gif')],
  ['image/bmp', image('image/bmp', 'bmp', 'dib')],
  ['image/tiff', image('image/tiff', 'tiff', 'tif')],
  ['video/mp4', MP4],
  ['video/x-m4v', MP4],
  ['video/vnd.avi', video('video/x-msvideo', 'avi')],
  ['video/quicktime', video('video/quicktime', 'mov', 'qt')],
  ['video/x-ms-asf', WMV],
  // Returned if the header is too long to find the stream's type in it.
  ['application/vnd.ms-asf', WMV],
  ['video/x-flv', video('video/x-flv', 'flv')],
  ['video/webm', video('video/webm', 'webm')],
  ['video/matroska', video('video/x-matroska', 'mkv')],
  ['video/3gpp', video('video/3gpp', '3gp', '3gpp')],
  ['video/ogg', video('video/ogg', 'ogv', 'ogg', 'ogm')],
  ['audio/mpeg', audio('audio/mpeg', 'mp3')],
  ['audio/wav', audio('audio/wav', 'wav')],
  ['audio/ogg', audio('audio/ogg', 'ogg', 'oga')],
  ['audio/ogg; codecs=opus', audio('audio/ogg', 'opus', 'ogg')],
  ['audio/aac', audio('audio/aac', 'aac')],
  ['audio/flac', audio('audio/flac', 'flac')],
  ['audio/webm', audio('audio/webm', 'webm', 'weba')],
  ['audio/x-m4a', M4A],
  ['audio/mp4', M4A],
]);

const MB = 1024 * 1024;

/** Source: the upload endpoint's docs. */
const RULES: Readonly<Record<MediaKind, { types: string; maxBytes: number }>> = {
  image: { types: 'JPG, PNG, WebP, GIF, BMP or TIFF', maxBytes: 20 * MB },
  video: { types: 'MP4, AVI, MOV, WMV, FLV, WebM, MKV, 3GP or OGV', maxBytes: 100 * MB },
  audio: { types: 'MP3, WAV, OGG, AAC, FLAC, WebM, M4A or Opus', maxBytes: 50 * MB },
};

/** Returns the problem of a size, as the rest of a sentence that starts with the file's name. */
export function findSizeProblem(size: number, kinds: readonly MediaKind[]): string | undefined {
  if (size === 0) return `is empty; expected ${typesOf(kinds)}`;
  const maxBytes = Math.max(...kinds.map((kind) => RULES[kind].maxBytes));
  return size > maxBytes ? tooLarge(size, maxBytes) : undefined;
}

/** Returns the type of a file whose MIME type was detected, or its problem. */
export function judgeType(
  mime: string | undefined,
  size: number,
  kinds: readonly MediaKind[],
): { type: FileType } | { problem: string } {
  const type = FILE_TYPES.get(mime ?? '');
  if (type === undefined || !kinds.includes(type.group)) {
    const problem = mime === undefined ? 'has an unknown file type' : `is ${mime}`;
    return { problem: `${problem}; expected ${typesOf(kinds)}` };
  }
  const limit = RULES[type.group].maxBytes;
  return size > limit ? { problem: tooLarge(size, limit, type.group) } : { type };
}

const typesOf = (kinds: readonly MediaKind[]) => kinds.map((kind) => RULES[kind].types).join('; or ');

function tooLarge(size: number, maxBytes: number, group?: MediaKind): string {
  const what =
    group === undefined ? '' : ` for ${{ image: 'an image', video: 'a video', audio: 'audio' }[group]}`;
  // Rounded up, to avoid "20.0 MB; expected at most 20 MB".
  const megabytes = Math.ceil((size / MB) * 100) / 100;
  return `has ${megabytes} MB; expected at most ${maxBytes / MB} MB${what}`;
}
