/** Requests and responses as plain values, the same for a socket, a `fetch` and msw. */
import { randomUUID } from 'node:crypto';

export interface WireRequest {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body: AsyncIterable<Uint8Array>;
  /** Whether any key is accepted, or none. */
  isTrusted?: boolean;
  /** TCP connection number, from 1, and whether it carried a request before. Absent without sockets. */
  socket?: { connection: number; reused: boolean };
}

export interface ResponseBody {
  readonly length: number;
  chunks(): Iterable<Uint8Array>;
}

export interface WireResponse {
  status: number;
  /** Lowercase names. The transport adds `content-length`. */
  headers: Record<string, string>;
  body: ResponseBody;
}

export function bytesBody(bytes: Uint8Array): ResponseBody {
  return { length: bytes.byteLength, chunks: () => (bytes.byteLength === 0 ? [] : [bytes]) };
}

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

export function jsonResponse(status: number, value: unknown, headers?: Record<string, string>): WireResponse {
  return textResponse(status, JSON.stringify(value), 'application/json; charset=utf-8', headers);
}

export function successResponse(data: unknown): WireResponse {
  return jsonResponse(200, { code: 200, message: 'success', data });
}

export function errorResponse(
  status: number,
  message: string,
  { code, headers }: { code?: number | undefined; headers?: Record<string, string> } = {},
): WireResponse {
  const error_code = code === undefined ? {} : { error_code: code };
  return jsonResponse(status, { code: status, message, ...error_code, data: null }, headers);
}

export function htmlPage(status: number, title: string): string {
  return `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
}

export function* firstBytes(chunks: Iterable<Uint8Array>, count: number): Generator<Uint8Array> {
  let left = count;
  for (const chunk of chunks) {
    if (left <= 0) return;
    yield chunk.byteLength <= left ? chunk : chunk.subarray(0, left);
    left -= chunk.byteLength;
  }
}

export function* inChunks(chunks: Iterable<Uint8Array>, size: number): Generator<Uint8Array> {
  for (const chunk of chunks) {
    for (let start = 0; start < chunk.byteLength; start += size) yield chunk.subarray(start, start + size);
  }
}

export async function readAll(body: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size <= limit) chunks.push(chunk);
  }
  return size > limit ? undefined : Buffer.concat(chunks);
}
