/** The file types and sizes that uploads accept. */

const MB = 1024 * 1024;
const IMAGE_LIMIT = 20 * MB;
export const OTHER_LIMIT = 100 * MB;
const TYPES: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  gif: 'image/gif',
  bmp: 'image/bmp',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  mp4: 'video/mp4',
  avi: 'video/x-msvideo',
  mov: 'video/quicktime',
  wmv: 'video/x-ms-wmv',
  flv: 'video/x-flv',
  webm: 'video/webm',
  mkv: 'video/x-matroska',
  '3gp': 'video/3gpp',
  ogv: 'video/ogg',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  m4a: 'audio/mp4',
  aac: 'audio/aac',
  ogg: 'audio/ogg',
  opus: 'audio/ogg',
  flac: 'audio/flac',
};

const OTHER_NAMES = [
  'image/jpg',
  'image/x-ms-bmp',
  'image/x-bmp',
  'video/avi',
  'video/vnd.avi',
  'video/msvideo',
  'video/x-m4v',
  'video/x-ms-asf',
  'video/matroska',
  'audio/x-wav',
  'audio/x-m4a',
  'audio/x-flac',
  'audio/x-aac',
  'audio/webm',
];
const ACCEPTED: ReadonlySet<string> = new Set([...Object.values(TYPES), ...OTHER_NAMES]);

/**
 * Falls back to the extension if no type is given. A name without an extension is accepted, because the official
 * clients send such files. Returns undefined for a type that is not accepted.
 */
export function mediaType(filename: string, contentType: string | undefined): string | undefined {
  const given = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (given !== '' && given !== 'application/octet-stream') return ACCEPTED.has(given) ? given : undefined;
  const extension = /\.(\w+)$/.exec(filename)?.[1]?.toLowerCase();
  return extension === undefined ? 'application/octet-stream' : TYPES[extension];
}

export function tooLarge(contentType: string, size: number): string | undefined {
  const limit = contentType.startsWith('image/') ? IMAGE_LIMIT : OTHER_LIMIT;
  return size > limit ? `the file is too large: at most ${limit / MB} MB` : undefined;
}
