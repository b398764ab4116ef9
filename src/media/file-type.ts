/** Detects a file's type by its content, and checks it against the types and sizes that the service accepts. */

import type { MediaKind } from '../models/media.js';

export type MediaGroup = MediaKind;

export interface FileType {
  group: MediaGroup;
  contentType: string;
  extensions: readonly [string, ...string[]];
}

export interface RandomAccess {
  size: number;
  read(start: number, end: number): Promise<Uint8Array>;
}

interface DetectedType {
  mime: string;
  ext: string;
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
const FILE_TYPES: ReadonlyMap<string, FileType> = new Map([
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
const RULES: Readonly<Record<MediaGroup, { types: string; maxBytes: number }>> = {
  image: { types: 'JPG, PNG, WebP, GIF, BMP or TIFF', maxBytes: 20 * MB },
  video: { types: 'MP4, AVI, MOV, WMV, FLV, WebM, MKV, 3GP or OGV', maxBytes: 100 * MB },
  audio: { types: 'MP3, WAV, OGG, AAC, FLAC, WebM, M4A or Opus', maxBytes: 50 * MB },
};

export async function detectFileType(file: RandomAccess): Promise<DetectedType | undefined> {
  // Loaded lazily.
  const { fileTypeFromBlob } = await import('file-type/core');
  let readError: { error: unknown } | undefined;
  // As a Blob, the library can read the end of a file without reading the middle.
  const blob = {
    size: file.size,
    type: '',
    slice: (start: number, end: number) => ({
      arrayBuffer: async () => {
        try {
          return Uint8Array.from(await file.read(start, end)).buffer;
        } catch (error) {
          readError = { error };
          throw error;
        }
      },
    }),
  };
  let detected: DetectedType | undefined;
  try {
    detected = await fileTypeFromBlob(blob as unknown as Blob);
  } catch {
    // A parse error means that the type is not recognized; a read error does not.
    if (readError !== undefined) throw readError.error;
    return undefined;
  }
  if (detected?.mime === 'video/webm' && (await isAudioOnly(file)))
    return { mime: 'audio/webm', ext: 'webm' };
  const container = detected && AV_CONTAINERS.get(detected.mime);
  return container === undefined ? detected : ((await detectVideoStream(file, container)) ?? detected);
}

const OGG_VIDEO = { mime: 'video/ogg', ext: 'ogv', markers: ['\x80theora', '\x01video\0'] };
/** The GUID of a video stream: BC19EFC0-5B4D-11CF-A8FD-00805F5C442B. */
const ASF_VIDEO = {
  mime: 'video/x-ms-asf',
  ext: 'asf',
  markers: ['\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b'],
};

/** Containers that the library names after their first stream, which may be a video's audio. */
const AV_CONTAINERS: ReadonlyMap<string, typeof OGG_VIDEO> = new Map([
  ['audio/ogg', OGG_VIDEO],
  ['audio/ogg; codecs=opus', OGG_VIDEO],
  ['application/ogg', OGG_VIDEO],
  ['audio/x-ms-asf', ASF_VIDEO],
]);

const STREAM_HEADER_BYTES = 64 * 1024;

async function readHeader(file: RandomAccess): Promise<string> {
  const header = await file.read(0, Math.min(file.size, STREAM_HEADER_BYTES));
  return Array.from(header, (byte) => String.fromCharCode(byte)).join('');
}

/** WebM names the codec of each track: `A_OPUS`, `V_VP9`. */
async function isAudioOnly(file: RandomAccess): Promise<boolean> {
  const header = await readHeader(file);
  return /A_(?:OPUS|VORBIS)/.test(header) && !/V_(?:VP8|VP9|AV1|MPEG4)/.test(header);
}

async function detectVideoStream(
  file: RandomAccess,
  video: typeof OGG_VIDEO,
): Promise<DetectedType | undefined> {
  const header = await readHeader(file);
  return video.markers.some((marker) => header.includes(marker)) ? video : undefined;
}

/** Returns the type of a file, or the problem as the rest of a sentence that starts with the file's name. */
export async function validateFile(
  file: RandomAccess,
  groups: readonly MediaGroup[],
): Promise<{ type: FileType } | { problem: string }> {
  const rules = groups.map((group) => RULES[group]);
  const types = rules.map((rule) => rule.types).join('; or ');
  if (file.size === 0) return { problem: `is empty; expected ${types}` };
  const maxBytes = Math.max(...rules.map((rule) => rule.maxBytes));
  if (file.size > maxBytes) return { problem: tooLarge(file.size, maxBytes) };

  const detected = await detectFileType(file);
  const type = FILE_TYPES.get(detected?.mime ?? '');
  if (type === undefined || !groups.includes(type.group)) {
    const problem = detected === undefined ? 'has an unknown file type' : `is ${detected.mime}`;
    return { problem: `${problem}; expected ${types}` };
  }
  const limit = RULES[type.group].maxBytes;
  return file.size > limit ? { problem: tooLarge(file.size, limit, type.group) } : { type };
}

function tooLarge(size: number, maxBytes: number, group?: MediaGroup): string {
  const what =
    group === undefined ? '' : ` for ${{ image: 'an image', video: 'a video', audio: 'audio' }[group]}`;
  // Rounded up, to avoid "20.0 MB; expected at most 20 MB".
  const megabytes = Math.ceil((size / MB) * 100) / 100;
  return `has ${megabytes} MB; expected at most ${maxBytes / MB} MB${what}`;
}

const OTHER_CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  ['application/mp4', 'mp4'],
  ['video/avi', 'avi'],
  ['video/msvideo', 'avi'],
  ['video/x-mkv', 'mkv'],
  ['image/jpg', 'jpg'],
]);

export function extensionFor(contentType: string | undefined): string | undefined {
  const mime = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  const type = [...FILE_TYPES.values()].find((each) => each.contentType === mime) ?? FILE_TYPES.get(mime);
  return type?.extensions[0] ?? OTHER_CONTENT_TYPES.get(mime);
}

export const MEDIA_EXTENSIONS: ReadonlySet<string> = new Set(
  [...FILE_TYPES.values()].flatMap((type) => type.extensions),
);
