/** Serves files as object storage does: complete, in ranges, or as not modified. */
import { sampleVideo } from './sample-video.js';
import { type WireResponse, type ResponseBody, bytesBody } from '../network/wire.js';

export interface ServedFile {
  contentType: string;
  size: number;
  etag: string;
  modifiedMs: number;
  /** `end` is exclusive. */
  read(start: number, end: number): Iterable<Uint8Array>;
}

export function bytesFile(
  bytes: Uint8Array,
  about: Pick<ServedFile, 'contentType' | 'etag' | 'modifiedMs'>,
): ServedFile {
  return { ...about, size: bytes.byteLength, read: (start, end) => [bytes.subarray(start, end)] };
}

/** Not a power of two, so that a range read from the wrong position never has the right bytes. */
const PATTERN_LENGTH = 1_048_573;
const patterns = new Map<number, Uint8Array>();

function pattern(version: number): Uint8Array {
  let bytes = patterns.get(version);
  if (bytes === undefined) {
    const words = new Uint32Array(Math.ceil(PATTERN_LENGTH / 4));
    let state = 0x9e3779b9 ^ Math.imul(version + 1, 0x85ebca6b);
    for (let index = 0; index < words.length; index += 1) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[index] = state;
    }
    bytes = new Uint8Array(words.buffer).subarray(0, PATTERN_LENGTH);
    patterns.set(version, bytes);
  }
  return bytes;
}

/**
 * Generates a video of any size: the sample, then a padding box that players skip. The same version always has the same
 * bytes.
 */
export function generatedVideo(size: number, version: number): Pick<ServedFile, 'size' | 'read'> {
  // A box of size 0 extends to the end of the file.
  const head = Buffer.concat([sampleVideo(), Buffer.from('\0\0\0\0free', 'latin1')]);
  const filler = pattern(version);
  function* read(start: number, end: number): Generator<Uint8Array> {
    let at = start;
    while (at < end) {
      const inHead = at < head.byteLength;
      const source: Uint8Array = inHead ? head : filler;
      const offset = inHead ? at : (at - head.byteLength) % PATTERN_LENGTH;
      // Chunks of 64 KiB, as a socket writes them.
      const chunk = source.subarray(offset, Math.min(offset + 65_536, offset + end - at));
      yield chunk;
      at += chunk.byteLength;
    }
  }
  return { size, read };
}

type Span = { start: number; end: number };

function parseRange(header: string, size: number): Span | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) };
}

export function serveFile(
  method: string,
  headers: Readonly<Record<string, string>>,
  file: ServedFile,
  ranges: boolean,
): WireResponse {
  const modified = new Date(file.modifiedMs).toUTCString();
  const common: Record<string, string> = {
    etag: file.etag,
    'last-modified': modified,
    'cache-control': 'public, max-age=604800',
    ...(ranges ? { 'accept-ranges': 'bytes' } : {}),
  };
  if (headers['if-none-match'] === file.etag) {
    return { status: 304, headers: common, body: bytesBody(new Uint8Array()) };
  }
  const condition = headers['if-range'];
  const unchanged = condition === undefined || condition === file.etag || condition === modified;
  const asked = headers['range'];
  const span =
    ranges && method === 'GET' && asked !== undefined && unchanged ? parseRange(asked, file.size) : undefined;
  if (span === 'unsatisfiable') {
    return {
      status: 416,
      headers: { ...common, 'content-range': `bytes */${file.size}` },
      body: bytesBody(new Uint8Array()),
    };
  }
  const { start, end } = span ?? { start: 0, end: file.size };
  const body: ResponseBody = { length: end - start, chunks: () => file.read(start, end) };
  return {
    status: span === undefined ? 200 : 206,
    headers: {
      ...common,
      'content-type': file.contentType,
      ...(span === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${file.size}` }),
    },
    body,
  };
}
