/** Reads a request's raw body within a limit, from a Fetch request or a Node one. */
import { ConfigurationError, WebhookVerificationError } from '../core/errors/index.js';

/** The request of `receiver.node`: an `http.IncomingMessage`, or Express's. */
export interface NodeWebhookRequest {
  readonly method?: string | undefined;
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  /** False until the stream is read. */
  readonly readableDidRead: boolean;
  readonly destroyed: boolean;
  on(event: 'data', listener: (chunk: Uint8Array | string) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** A webhook contains the task's `input` with every `data:` URL in it, which can be many megabytes. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

export function checkMaxBodyBytes(maxBodyBytes: number = MAX_BODY_BYTES): number {
  if (Number.isSafeInteger(maxBodyBytes) && maxBodyBytes > 0) return maxBodyBytes;
  throw new ConfigurationError(
    `Expected \`maxBodyBytes\` to be a whole number of bytes, 1 or more; got ${String(maxBodyBytes)}.`,
  );
}

export async function readFetchBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (request.bodyUsed) {
    throw new WebhookVerificationError(
      'parsed_body',
      'The request body was already read: call receiver.fetch(request) before request.json() or text(), or pass ' +
        'request.clone().',
    );
  }
  checkLength(request.headers.get('content-length'), maxBytes);
  if (request.body === null) return new Uint8Array();
  const reader: { read(): Promise<{ done: boolean; value?: Uint8Array }>; cancel(): Promise<void> } =
    request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (let part = await reader.read(); part.value !== undefined; part = await reader.read()) {
      size += part.value.byteLength;
      if (size > maxBytes) break;
      chunks.push(part.value);
    }
  } catch (cause) {
    throw cutOff(cause);
  }
  if (size > maxBytes) {
    // Not awaited: some servers settle it only after the sender has sent everything.
    reader.cancel().catch(() => {});
    throw tooLarge(maxBytes);
  }
  return join(chunks);
}

export async function readNodeBody(request: NodeWebhookRequest, maxBytes: number): Promise<unknown> {
  // `rawBody`: Google Cloud Functions, Firebase and NestJS keep the bytes there. `body`: express.raw() and text().
  const { rawBody, body } = request as { rawBody?: unknown; body?: unknown };
  if (isRaw(rawBody)) return checkSize(rawBody, maxBytes);
  if (request.readableDidRead === false) return collect(request, maxBytes);
  if (isRaw(body)) return checkSize(body, maxBytes);
  throw parsedBodyError('Something read the body before the receiver.');
}

export function parsedBodyError(problem: string): WebhookVerificationError {
  return new WebhookVerificationError(
    'parsed_body',
    `${problem} The signature is computed over the bytes as received: skip the body parser on this route, or keep ` +
      'its raw bytes. For Express, Fastify, Hono, Next and Lambda see ' +
      'node_modules/wavespeed-kling/docs/webhooks.md#the-raw-body.',
  );
}

const isRaw = (body: unknown): body is string | ArrayBufferView =>
  typeof body === 'string' || ArrayBuffer.isView(body);

function checkSize<Body extends string | ArrayBufferView>(body: Body, maxBytes: number): Body {
  // The length in characters is a lower bound, which is enough for a body that a framework already accepted.
  if ((typeof body === 'string' ? body.length : body.byteLength) > maxBytes) throw tooLarge(maxBytes);
  return body;
}

async function collect(request: NodeWebhookRequest, maxBytes: number): Promise<Uint8Array> {
  const { 'content-length': length } = request.headers;
  checkLength(length, maxBytes);
  // The sender disconnected while a middleware ran: no further event will be emitted.
  if (request.destroyed) throw cutOff(undefined);
  // Not `for await`: leaving it early destroys the socket, and with it the response.
  return new Promise((resolve, reject) => {
    let chunks: Uint8Array[] = [];
    let size = 0;
    request.on('data', (chunk) => {
      const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
      size += bytes.byteLength;
      if (size <= maxBytes) {
        chunks.push(bytes);
        return;
      }
      // The rest is read and dropped, so that the sender can read the response.
      chunks = [];
      reject(tooLarge(maxBytes));
    });
    request.on('end', () => resolve(join(chunks)));
    request.on('error', (cause) => reject(cutOff(cause)));
    // A broken HTTP/2 request only emits `close`. After `end` this has no effect.
    request.on('close', () => reject(cutOff(undefined)));
  });
}

function checkLength(contentLength: string | readonly string[] | null | undefined, maxBytes: number): void {
  if (Number(contentLength) > maxBytes) throw tooLarge(maxBytes);
}

function tooLarge(maxBytes: number): WebhookVerificationError {
  return new WebhookVerificationError(
    'body_too_large',
    `The body is larger than \`maxBodyBytes\`, ${maxBytes} bytes.`,
  );
}

function cutOff(cause: unknown): WebhookVerificationError {
  return new WebhookVerificationError('unreadable_body', 'The request ended before its body was complete.', {
    cause,
  });
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
