/** Decompresses response bodies: a gateway may compress although the requests ask for `identity`. */
import { InvalidResponseError } from '../core/errors/connection-error.js';
import { getErrorMessage } from '../utils/error-message.js';
import { createTooLargeError } from './response-body.js';

type Decompress = (bytes: Uint8Array, maxBytes: number) => Buffer;

/** Loaded with the first body that is compressed. */
const zlib = () => process.getBuiltinModule('node:zlib');

/** A body that was cut short is decompressed as far as it goes: it may name a task. */
const untilCut = (maxOutputLength: number) => ({
  finishFlush: zlib().constants.Z_SYNC_FLUSH,
  maxOutputLength,
});

const gunzip: Decompress = (bytes, maxBytes) => zlib().gunzipSync(bytes, untilCut(maxBytes));

const DECOMPRESS: Record<string, Decompress> = {
  gzip: gunzip,
  'x-gzip': gunzip,
  deflate(bytes, maxBytes) {
    const { inflateRawSync, inflateSync } = zlib();
    // Some servers send the raw format.
    const inflate = ((bytes[0] ?? 0) & 0x0f) === 8 ? inflateSync : inflateRawSync;
    return inflate(bytes, untilCut(maxBytes));
  },
  br(bytes, maxOutputLength) {
    const { brotliDecompressSync, constants } = zlib();
    return brotliDecompressSync(bytes, { finishFlush: constants.BROTLI_OPERATION_FLUSH, maxOutputLength });
  },
};

/**
 * Returns the body without its content encodings.
 *
 * @throws {InvalidResponseError} for an encoding that is not known, or a body that does not match it.
 */
export function decodeBody(
  bytes: Uint8Array,
  contentEncoding: string | undefined,
  maxBytes: number,
): Uint8Array {
  const encodings = (contentEncoding ?? (isGzip(bytes) ? 'gzip' : ''))
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  return encodings
    .filter((name) => name !== '' && name !== 'identity')
    .reduceRight((body, name) => decompress(body, name, maxBytes), bytes);
}

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

function decompress(bytes: Uint8Array, encoding: string, maxBytes: number): Uint8Array {
  if (bytes.byteLength === 0) return bytes;
  const run = Object.hasOwn(DECOMPRESS, encoding) ? DECOMPRESS[encoding] : undefined;
  if (run === undefined) {
    throw new InvalidResponseError(`the response is compressed with "${encoding}", which is not supported`);
  }
  try {
    return run(bytes, maxBytes);
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw createTooLargeError(maxBytes);
    const detail = getErrorMessage(cause);
    throw new InvalidResponseError(
      `the response is compressed (${encoding}), and cannot be decompressed: ${detail}`,
      {
        cause,
      },
    );
  }
}
