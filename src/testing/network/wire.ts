/** Requests and responses as plain values, the same for a socket, a `fetch` and msw. */
import { randomUUID } from 'node:crypto';

/** A received request. */
export interface WireRequest {
  method: string;
  url: URL;
  /** Names are lower case. */
  headers: Record<string, string>;
  body: AsyncIterable<Uint8Array>;
  /** Number of its TCP connection, from 1, and whether that carried a request before; absent without sockets. */
  socket?: { connection: number; reused: boolean };
}

/** A body of known length, generated as it is sent. */
export interface ResponseBody {
  /** In bytes. */
  readonly length: number;
  chunks(): Iterable<Uint8Array>;
}

/** A response. */
export interface WireResponse {
  status: number;
  /** Names are lower case. The transport adds `content-length`. */
  headers: Record<string, string>;
  body: ResponseBody;
}

/** Creates a body of bytes. */
export function bytesBody(bytes: Uint8Array): ResponseBody {
  return { length: bytes.byteLength, chunks: () => (bytes.byteLength === 0 ? [] : [bytes]) };
}

/** Creates a response of text. */
export function textResponse(
  status: number,
  text: string,
  contentType: string,
  headers: Record<string, string> = {},
): WireResponse {
  return {
    status,
    headers: { 'content-type': contentType, 'x-request-id': randomUUID(), ...headers },
    body: bytesBody(Buffer.from(text)),
  };
}

/** Creates a JSON response. */
export function jsonResponse(status: number, value: unknown, headers?: Record<string, string>): WireResponse {
  return textResponse(status, JSON.stringify(value), 'application/json; charset=utf-8', headers);
}

/** Creates the envelope of a successful call. */
export function successResponse(data: unknown): WireResponse {
  return jsonResponse(200, { code: 200, message: 'success', data });
}

/** Creates an error envelope, with the service's own code if it has one. */
export function errorResponse(
  status: number,
  message: string,
  { code, headers }: { code?: number | undefined; headers?: Record<string, string> } = {},
): WireResponse {
  const error_code = code === undefined ? {} : { error_code: code };
  return jsonResponse(status, { code: status, message, ...error_code, data: null }, headers);
}

/** Returns the error page of a gateway. */
export function htmlPage(status: number, title: string): string {
  return `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
}

/** Yields the first `count` bytes of a body. */
export function* firstBytes(chunks: Iterable<Uint8Array>, count: number): Generator<Uint8Array> {
  let left = count;
  for (const chunk of chunks) {
    if (left <= 0) return;
    yield chunk.byteLength <= left ? chunk : chunk.subarray(0, left);
    left -= chunk.byteLength;
  }
}

/** Yields a body in chunks of at most `size` bytes. */
export function* inChunks(chunks: Iterable<Uint8Array>, size: number): Generator<Uint8Array> {
  for (const chunk of chunks) {
    for (let start = 0; start < chunk.byteLength; start += size) yield chunk.subarray(start, start + size);
  }
}

/** Reads a body to its end; returns undefined if it has more bytes than the limit. */
export async function readAll(body: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size <= limit) chunks.push(chunk);
  }
  return size > limit ? undefined : Buffer.concat(chunks);
}
