/**
 * Looks behind the first bytes of a file, which are all that the sniffing library goes by: texts may begin like an
 * image, and a video may begin with its sound.
 */

const latin = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.subarray(start, end)).toString('latin1');

/** Sizes of a bitmap's second header, which begins with its own: OS/2's and those of each version of Windows. */
const DIB_HEADERS: readonly number[] = [12, 16, 40, 52, 56, 64, 108, 124];

/** What takes no fewer bytes: a PNG's signature and header; a JPEG's begin, end and one table to decode it by. */
const PNG_HEADER_BYTES = 33;
const JPEG_LEAST_BYTES = 73;

/** By media type: whether a file that begins like an image goes on as one. Lenient: no image must be refused. */
const GOES_ON: Readonly<Record<string, (head: Uint8Array, size: number) => boolean>> = {
  'image/gif': (head) => /^GIF8[79]a/.test(latin(head, 0, 6)),
  'image/bmp': (head) =>
    head.byteLength >= 18 && DIB_HEADERS.includes(Buffer.from(head.subarray(14, 18)).readUInt32LE()),
  'image/png': (_head, size) => size > PNG_HEADER_BYTES,
  'image/webp': (head) => /^VP8[ LX]/.test(latin(head, 12, 16)),
  'image/jpeg': (head, size) => size >= JPEG_LEAST_BYTES && beginsSegment(head[3]),
};

/** Tells whether a second marker of a JPEG is one that may follow its begin; `FF` fills. */
function beginsSegment(marker: number = 0): boolean {
  return marker >= 0xc0 && (marker < 0xd0 || marker > 0xd9);
}

/** Tells whether a file of a media type, by its first bytes, goes on as such a file does. */
export function goesOnAs(mime: string, head: Uint8Array, size: number): boolean {
  return !Object.hasOwn(GOES_ON, mime) || GOES_ON[mime]?.(head, size) === true;
}

const OGG_VIDEO = { mime: 'video/ogg', ext: 'ogv', marks: ['\x80theora', '\x01video\0'] };
/** The type of a video stream among the properties of a stream: BC19EFC0-5B4D-11CF-A8FD-00805F5C442B. */
const ASF_VIDEO = {
  mime: 'video/x-ms-asf',
  ext: 'asf',
  marks: ['\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b'],
};

/** Containers that are named after the first stream in them, and how to see that there is a video in them. */
const MAY_HOLD_VIDEO: Readonly<Record<string, typeof OGG_VIDEO>> = {
  'audio/ogg': OGG_VIDEO,
  'audio/ogg; codecs=opus': OGG_VIDEO,
  'application/ogg': OGG_VIDEO,
  'audio/x-ms-asf': ASF_VIDEO,
};

/** Tells whether a file of a media type may hold a video all the same. */
export const mayHoldVideo = (mime: string): boolean => Object.hasOwn(MAY_HOLD_VIDEO, mime);

/** Finds the video in a file whose media type is that of its sound; undefined where there is none. */
export function videoIn(mime: string, head: Uint8Array): { mime: string; ext: string } | undefined {
  const video = MAY_HOLD_VIDEO[mime];
  const bytes = Buffer.from(head);
  return video?.marks.some((mark) => bytes.includes(mark, 0, 'latin1')) === true ? video : undefined;
}
