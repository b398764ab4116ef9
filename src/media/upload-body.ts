/** Sends the body of an upload, and reads the response. */
import { concatBytes } from '../utils/bytes.js';
import { raceAbort } from '../utils/abort.js';
import type { IdleTimer } from '../http/idle-timeout.js';
import type { StreamResponse } from '../http/types.js';

const MAX_RESPONSE_BYTES = 64 * 1024;

/** Counts the bytes that the transport requests: it requests a chunk once the previous ones are sent. */
export async function* counted(
  chunks: AsyncGenerator<Uint8Array, void, void>,
  sent: { bytes: number },
  timer: IdleTimer,
  onBytes: (loaded: number) => void,
): AsyncGenerator<Uint8Array, void, void> {
  let loaded = 0;
  for await (const chunk of chunks) {
    timer.refresh();
    sent.bytes += chunk.byteLength;
    yield chunk;
    loaded += chunk.byteLength;
    timer.refresh();
    onBytes(loaded);
  }
}

/** Reads to the end, so that the connection can be reused. One timeout covers the complete response. */
export async function readText(response: StreamResponse, timer: IdleTimer): Promise<string> {
  timer.refresh();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const iterator = response.body[Symbol.asyncIterator]();
  while (size <= MAX_RESPONSE_BYTES) {
    // Does not refresh the timeout: a server that sends byte by byte would keep the upload open forever.
    const { done, value } = await raceAbort(iterator.next(), timer.signal);
    if (done === true) return new TextDecoder().decode(concatBytes(chunks));
    size += value.byteLength;
    chunks.push(value);
  }
  // For a web page, for example, the status is enough.
  response.discard();
  return new TextDecoder().decode(concatBytes(chunks).subarray(0, MAX_RESPONSE_BYTES));
}
