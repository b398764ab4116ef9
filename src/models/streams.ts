/** Tells video from audio where a container can hold either. */

/** Reads a part of a file. */
export interface RandomAccess {
  size: number;
  read(start: number, end: number): Promise<Uint8Array>;
}

const HEADER_BYTES = 64 * 1024;

/** More than the index of an hour of video needs. */
const MAX_INDEX_BYTES = 4 * 1024 * 1024;

export function toLatin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4096)
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}

export const readHeader = async (file: RandomAccess): Promise<string> =>
  toLatin1(await file.read(0, Math.min(file.size, HEADER_BYTES)));

/** The GUID of a video stream: BC19EFC0-5B4D-11CF-A8FD-00805F5C442B. */
const ASF_VIDEO = '\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b';

/** Returns the MIME type by the streams in the file: libraries name a container by its brand or its first stream. */
export async function refineByStreams(mime: string, file: RandomAccess): Promise<string> {
  switch (mime) {
    case 'audio/ogg':
    case 'audio/ogg; codecs=opus':
    case 'application/ogg': {
      const header = await readHeader(file);
      return header.includes('\x80theora') || header.includes('\x01video\0') ? 'video/ogg' : mime;
    }
    case 'audio/x-ms-asf':
      return (await readHeader(file)).includes(ASF_VIDEO) ? 'video/x-ms-asf' : mime;
    case 'video/webm': {
      // Each track names its codec: `A_OPUS`, `V_VP9`.
      const header = await readHeader(file);
      const isAudio = /A_(?:OPUS|VORBIS)/.test(header) && !/V_(?:VP8|VP9|AV1|MPEG4)/.test(header);
      return isAudio ? 'audio/webm' : mime;
    }
    case 'audio/x-m4a':
    case 'audio/mp4':
      return (await findMp4Tracks(file)).includes('vide') ? 'video/mp4' : mime;
    case 'video/mp4': {
      const tracks = await findMp4Tracks(file);
      return tracks.includes('soun') && !tracks.includes('vide') ? 'audio/mp4' : mime;
    }
    default:
      return mime;
  }
}

/** Returns the kinds of tracks that the index of an MP4 names: `vide`, `soun`. Empty if there is no index in it. */
async function findMp4Tracks(file: RandomAccess): Promise<string[]> {
  let at = 0;
  for (let boxes = 0; boxes < 64 && at + 8 <= file.size; boxes++) {
    const head = await file.read(at, Math.min(at + 16, file.size));
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    const short = view.getUint32(0);
    // 0: to the end of the file. 1: the size follows, in 64 bits.
    const length = short === 1 && head.length === 16 ? Number(view.getBigUint64(8)) : short || file.size - at;
    if (length < 8) return [];
    if (toLatin1(head.subarray(4, 8)) === 'moov') {
      const index = await file.read(at, Math.min(at + length, at + MAX_INDEX_BYTES, file.size));
      return Array.from(toLatin1(index).matchAll(/hdlr[^]{8}(vide|soun)/g), ([, kind = '']) => kind);
    }
    at += length;
  }
  return [];
}
