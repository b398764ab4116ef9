/** Converts the body of an upload to one that fetch accepts. */
import { collectBody } from './collect-body.js';

export async function toFetchBody(body: AsyncIterable<Uint8Array>): Promise<RequestInit> {
  // Deno sends a stream without Content-Length, which storage rejects.
  if ('Deno' in globalThis) return collectBody(body);
  // Test environments replace the global one. Loading it is slow.
  const { ReadableStream } = await import('node:stream/web');
  return { body: ReadableStream.from(body), duplex: 'half' } as RequestInit;
}
