/** Bodies for fetch: of an upload, and of a request that must not be sent again. */
import { collectBody } from './collect-body.js';

export async function toFetchBody(body: AsyncIterable<Uint8Array>): Promise<RequestInit> {
  // Deno sends a stream without Content-Length, which storage rejects.
  if ('Deno' in globalThis) return collectBody(body);
  // Test environments replace the global one. Loading it is slow.
  const { ReadableStream } = await import('node:stream/web');
  return { body: ReadableStream.from(body), duplex: 'half' } as RequestInit;
}

/**
 * Node's own fetch sends a request again by itself after a 421, as the Fetch standard says of a body that can be read
 * twice: a second payment. It cannot read a stream twice.
 */
export function toUnrepeatableBody(headers: Record<string, string>, body: string): RequestInit {
  if ('Deno' in globalThis || 'Bun' in globalThis) return { headers, body };
  const length = String(Buffer.byteLength(body));
  return {
    headers: { ...headers, 'content-length': length },
    body: new Response(body).body,
    duplex: 'half',
  } as RequestInit;
}
