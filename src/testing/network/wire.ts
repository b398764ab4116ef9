/**
 * Requests and answers as plain values, the same for a socket, a `fetch` and msw.
 */
import { randomUUID } from 'node:crypto';

/** One request as it came in. */
export interface WireRequest {
  method: string;
  url: URL;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: AsyncIterable<Uint8Array>;
  /** Which TCP connection it came on, from 1, and whether that had carried a request before; absent without sockets. */
  socket?: { connection: number; reused: boolean };
}

/** A body whose length is known before its bytes are made, so that a large one is never held in memory. */
export interface AnswerBody {
  /** In bytes. */
  readonly length: number;
  chunks(): Iterable<Uint8Array>;
}

/** One answer. */
export interface Answer {
  status: number;
  /** Lower-case names. `content-length` is added by the transport, from the body. */
  headers: Record<string, string>;
  body: AnswerBody;
}

/** Makes a body of bytes that are there already. */
export function bytesBody(bytes: Uint8Array): AnswerBody {
  return { length: bytes.byteLength, chunks: () => (bytes.byteLength === 0 ? [] : [bytes]) };
}

/** Makes an answer from a text. */
export function textAnswer(
  status: number,
  text: string,
  contentType: string,
  headers: Record<string, string> = {},
): Answer {
  return {
    status,
    headers: { 'content-type': contentType, 'x-request-id': randomUUID(), ...headers },
    body: bytesBody(Buffer.from(text)),
  };
}

/** Makes an answer from a value, as JSON. */
export function jsonAnswer(status: number, value: unknown, headers?: Record<string, string>): Answer {
  return textAnswer(status, JSON.stringify(value), 'application/json; charset=utf-8', headers);
}

/** Makes the envelope of a call that went well. */
export function success(data: unknown): Answer {
  return jsonAnswer(200, { code: 200, message: 'success', data });
}

/** Makes an error envelope, with the service's own code where there is one. */
export function refusal(
  status: number,
  message: string,
  { code, headers }: { code?: number | undefined; headers?: Record<string, string> } = {},
): Answer {
  const error_code = code === undefined ? {} : { error_code: code };
  return jsonAnswer(status, { code: status, message, ...error_code, data: null }, headers);
}

/** The page that gateways and CDNs put up in place of an answer. */
export function htmlPage(status: number, title: string): string {
  return `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
}

/** Yields the first so many bytes of a body. */
export function* firstBytes(chunks: Iterable<Uint8Array>, count: number): Generator<Uint8Array> {
  let left = count;
  for (const chunk of chunks) {
    if (left <= 0) return;
    yield chunk.byteLength <= left ? chunk : chunk.subarray(0, left);
    left -= chunk.byteLength;
  }
}

/** Yields a body in pieces of at most so many bytes. */
export function* inPieces(chunks: Iterable<Uint8Array>, size: number): Generator<Uint8Array> {
  for (const chunk of chunks) {
    for (let start = 0; start < chunk.byteLength; start += size) yield chunk.subarray(start, start + size);
  }
}

/** Reads a request's body whole; undefined when it is over the limit (in bytes), read to its end all the same. */
export async function readAll(body: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size <= limit) chunks.push(chunk);
  }
  return size > limit ? undefined : Buffer.concat(chunks);
}
