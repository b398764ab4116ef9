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

/** Takes the media type by the file's name where none was given, and refuses what is neither image, video nor audio. */
export function mediaType(filename: string, contentType: string | undefined): string | undefined {
  const named = TYPES[/\.(\w+)$/.exec(filename)?.[1]?.toLowerCase() ?? ''];
  const type = contentType === undefined || contentType === 'application/octet-stream' ? named : contentType;
  return type !== undefined && /^(image|video|audio)\//.test(type) ? type : undefined;
}

/** Says why a file is too large, if it is. */
export function tooLarge(contentType: string, size: number): string | undefined {
  const limit = contentType.startsWith('image/') ? IMAGE_LIMIT : OTHER_LIMIT;
  return size > limit ? `the file is too large: at most ${limit / MB} MB` : undefined;
}
