/**
 * Reads a request's raw body, within a limit, whatever stands between the socket and the receiver.
 */
import { ConfigurationError, WebhookVerificationError } from '../core/errors/index.js';

/** What `receiver.node` needs of a request: `http.IncomingMessage` has it, and so have Express's requests. */
export interface NodeWebhookRequest {
  readonly method?: string | undefined;
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  /** False while nobody has read the stream. */
  readonly readableDidRead: boolean;
  readonly destroyed: boolean;
  on(event: 'data', listener: (chunk: Uint8Array | string) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** A webhook carries the task's `input`, and with it every `data:` URL among its images: those are many megabytes. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Gives the limit in bytes. */
export function checkMaxBodyBytes(maxBodyBytes: number = MAX_BODY_BYTES): number {
  if (Number.isSafeInteger(maxBodyBytes) && maxBodyBytes > 0) return maxBodyBytes;
  throw new ConfigurationError(
    `Expected \`maxBodyBytes\` to be a whole number of bytes, 1 or more; got ${String(maxBodyBytes)}.`,
  );
}

/** Reads the body of a Fetch request. */
export async function readFetchBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (request.bodyUsed) {
    throw new WebhookVerificationError(
      'parsed_body',
      'The request was read before the receiver got it: call receiver.fetch(request) before request.json() or ' +
        'text(), or give it request.clone() first.',
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
    // Not awaited: some servers settle it only once the sender has sent everything.
    reader.cancel().catch(() => {});
    throw tooLarge(maxBytes);
  }
  return join(chunks);
}

/** Reads the body of a request of Node's, or takes it from where a framework has left its bytes. */
export async function readNodeBody(request: NodeWebhookRequest, maxBytes: number): Promise<unknown> {
  // `rawBody`: Google Cloud Functions, Firebase and NestJS keep the bytes there. `body`: express.raw() and text().
  const { rawBody, body } = request as { rawBody?: unknown; body?: unknown };
  if (isRaw(rawBody)) return checkSize(rawBody, maxBytes);
  if (request.readableDidRead === false) return collect(request, maxBytes);
  if (isRaw(body)) return checkSize(body, maxBytes);
  throw new WebhookVerificationError(
    'parsed_body',
    `Something read the body before the receiver, and the signature is over its bytes. Leave it unread –
  Express: register app.post(path, receiver.node) before app.use(express.json()), or put express.raw({ type: '*/*', limit: '32mb' }) on the route
  Fastify: in a plugin of its own, addContentTypeParser('application/json', (request, payload, done) => done(null)), then reply.hijack() and receiver.node(request.raw, reply.raw)
  Next: receiver.fetch in a route handler; under pages/api, export const config = { api: { bodyParser: false } }
  Lambda and Hono: receiver.fetch, or verifyWebhook with the raw body`,
  );
}

const isRaw = (body: unknown): body is string | ArrayBufferView =>
  typeof body === 'string' || ArrayBuffer.isView(body);

function checkSize<Body extends string | ArrayBufferView>(body: Body, maxBytes: number): Body {
  // A string has no fewer bytes than characters: near enough for one that a framework has let in already.
  if ((typeof body === 'string' ? body.length : body.byteLength) > maxBytes) throw tooLarge(maxBytes);
  return body;
}

async function collect(request: NodeWebhookRequest, maxBytes: number): Promise<Uint8Array> {
  const { 'content-length': length } = request.headers;
  checkLength(length, maxBytes);
  // The sender hung up while a middleware was at work: no event will come any more.
  if (request.destroyed) throw cutOff(undefined);
  // By events: leaving a `for await` early destroys the socket, and with it the answer.
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
      // What still comes is dropped, so that the sender gets to read its answer.
      chunks = [];
      reject(tooLarge(maxBytes));
    });
    request.on('end', () => resolve(join(chunks)));
    request.on('error', (cause) => reject(cutOff(cause)));
    // A broken HTTP/2 request only closes. After `end` this changes nothing.
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
  return new WebhookVerificationError('unreadable_body', 'The request ended before its body was whole.', {
    cause,
  });
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
