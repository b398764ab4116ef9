/** What every transport shares about the body of a response: its limits and its text. */
import { InvalidResponseError } from '../core/errors/connection-error.js';

/** More of an error response is not read. */
export const MAX_ERROR_BYTES = 64 * 1024;

export function createTooLargeError(maxResponseBytes: number): InvalidResponseError {
  return new InvalidResponseError(`the response is larger than maxResponseBytes (${maxResponseBytes} bytes)`);
}

const utf8 = new TextDecoder();

/** Without a byte order mark. */
export const decodeText = (bytes: Uint8Array): string => utf8.decode(bytes);
