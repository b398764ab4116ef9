/**
 * Which files the upload takes, and how large.
 */

const MB = 1024 * 1024;
const IMAGE_LIMIT = 20 * MB;
/** The most that anything but an image may have, in bytes. */
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
};

/** What systems call the same formats beside. */
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
];
const TAKEN: ReadonlySet<string> = new Set([...Object.values(TYPES), ...OTHER_NAMES]);

/** Takes the media type by the file's name where none was given, and refuses what the service's docs do not list. */
export function mediaType(filename: string, contentType: string | undefined): string | undefined {
  const given = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (given !== '' && given !== 'application/octet-stream') return TAKEN.has(given) ? given : undefined;
  return TYPES[/\.(\w+)$/.exec(filename)?.[1]?.toLowerCase() ?? ''];
}

/** Says why a file is too large, if it is. */
export function tooLarge(contentType: string, size: number): string | undefined {
  const limit = contentType.startsWith('image/') ? IMAGE_LIMIT : OTHER_LIMIT;
  return size > limit ? `the file is too large: at most ${limit / MB} MB` : undefined;
}
