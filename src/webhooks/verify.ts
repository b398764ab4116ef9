/**
 * The check that a webhook comes from the service, unchanged and fresh, and the event it carries.
 */
import { ConfigurationError, WebhookVerificationError } from '../core/errors/index.js';
import { normalizePrediction, type Prediction } from '../core/prediction.js';

/** What a webhook carries: the task as it ended, without an envelope. Source: WaveSpeed's webhook documentation. */
export type WebhookEvent = Prediction;

/** The body exactly as it came: its bytes (a Node Buffer is a Uint8Array), or text that is taken as UTF-8. */
export type RawWebhookBody = string | ArrayBufferView | ArrayBuffer;

/** The request's headers: a Fetch `Headers`, or a record such as Node's, in any case, with strings or lists of them. */
export type WebhookHeaders =
  | { get(name: string): string | null | undefined }
  | { readonly [name: string]: string | readonly string[] | undefined };

/** `whsec_…`, or several of them while a secret is being changed: one that fits is enough. */
export type WebhookSecret = string | readonly string[];

/** How strictly a webhook is checked. */
export interface VerifyWebhookOptions {
  /**
   * How many seconds the timestamp may be off in either direction. Default: 300, as the service's documentation
   * asks. Beyond it a captured webhook could be sent again.
   */
  toleranceSeconds?: number | undefined;
  /** Tells the time, in milliseconds since 1970. Default: `Date.now`. For tests. */
  now?: (() => number) | undefined;
}

/** A verified delivery; `id` is the `webhook-id`, which repeats when the service sends the event again. */
export interface VerifiedDelivery {
  id: string;
  event: WebhookEvent;
}

/** More signatures than any rotation has; each one costs an HMAC over the whole body. */
const MAX_SIGNATURES = 16;

/**
 * Checks that a webhook was signed by the service, is unchanged and fresh, and gives the event it carries: the task
 * as it ended. New fields, nulls and a new status never break it.
 *
 * The signature is `webhook-signature: v3,<hex>`, HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{raw body}`. It
 * resembles Standard Webhooks, but a stock Standard Webhooks verifier does not fit: the version is `v3`, the digest
 * hexadecimal and not base64, and the key is the text of the secret after `whsec_`, not its base64 decoding.
 *
 * Deliveries can repeat: handle each `webhook-id` once, or let `createWebhookReceiver` see to that.
 *
 * @param rawBody The body as it came. A parsed object is refused: turned into JSON again, it need not be the same bytes.
 * @param headers The request's headers as your framework has them.
 * @param secret The secret of your API key (`kling.webhookSecret()`), or several of them.
 * @throws WebhookVerificationError when a check is not passed: `.reason` says which, the message how to mend it.
 * @throws ConfigurationError when an option is not valid, or the runtime has no Web Crypto.
 * @see Source: WaveSpeed's webhook documentation.
 * @example
 * export async function POST(request: Request) {
 *   const event = await verifyWebhook(await request.arrayBuffer(), request.headers, process.env.WEBHOOK_SECRET ?? '');
 *   if (event.status === 'completed') await saveVideo(event.id, event.outputs);
 *   return new Response();
 * }
 */
export async function verifyWebhook(
  rawBody: RawWebhookBody,
  headers: WebhookHeaders,
  secret: WebhookSecret,
  options: VerifyWebhookOptions = {},
): Promise<WebhookEvent> {
  return (await verifyDelivery(rawBody, headers, secret, options)).event;
}

/**
 * Is `verifyWebhook` with the delivery's id. The checks go from the receiver's own set-up to the sender's message, so
 * that a mistake in the set-up is named and not hidden behind "the signature does not match".
 */
export async function verifyDelivery(
  rawBody: unknown,
  headers: WebhookHeaders,
  secret: WebhookSecret,
  options: VerifyWebhookOptions = {},
): Promise<VerifiedDelivery> {
  const toleranceSeconds = checkTolerance(options.toleranceSeconds);
  const keys = checkSecret(secret);
  const body = toBytes(rawBody);
  const id = requireHeader(headers, 'webhook-id');
  const timestamp = requireHeader(headers, 'webhook-timestamp');
  const signatures = parseSignatures(requireHeader(headers, 'webhook-signature'));
  checkTimestamp(timestamp, toleranceSeconds, (options.now ?? Date.now)());

  if (!(await anyMatches(keys, signatures, concatenate(`${id}.${timestamp}.`, body)))) {
    throw new WebhookVerificationError(
      'signature_mismatch',
      'The signature does not match. Either the request is not from WaveSpeed, or the secret is not that of the ' +
        'API key that submitted the task (or has white space around it), or the body is not the bytes as they came: ' +
        'JSON.stringify of a parsed body is not.' +
        (body.byteLength === 0 ? ' This body is empty: something may have read it before.' : ''),
    );
  }
  return { id, event: parseEvent(body) };
}

/** Gives the tolerance in seconds. */
export function checkTolerance(toleranceSeconds: number = 300): number {
  // Infinity too: without an end to the tolerance, a captured webhook could be sent again for ever.
  if (Number.isFinite(toleranceSeconds) && toleranceSeconds >= 0) return toleranceSeconds;
  throw new ConfigurationError(
    `Expected \`toleranceSeconds\` to be a finite number of seconds, 0 or more; got ${String(toleranceSeconds)}.`,
  );
}

/** Gives the keys: each secret's text without its prefix. */
export function checkSecret(secret: WebhookSecret): string[] {
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
  const keys = secrets.map((one) => (typeof one === 'string' ? one.replace(/^whsec_/, '') : ''));
  // With an empty key anybody could sign; Web Crypto itself does not refuse it everywhere.
  if (keys.length === 0 || keys.some((key) => key.trim() === '')) {
    throw new WebhookVerificationError(
      'invalid_secret',
      'Expected `secret` to be "whsec_…", or a list of such, and none of them empty. Is the environment variable ' +
        "set? The secret is that of your API key: client.webhookSecret(), or WaveSpeed's dashboard.",
    );
  }
  return keys;
}

function toBytes(rawBody: unknown): Uint8Array {
  // Text that a careless String(body) made: no JSON begins so.
  if (typeof rawBody === 'string' && rawBody !== '[object Object]') return new TextEncoder().encode(rawBody);
  if (ArrayBuffer.isView(rawBody)) {
    return new Uint8Array(rawBody.buffer, rawBody.byteOffset, rawBody.byteLength);
  }
  // By its tag and not by instanceof: a buffer from another realm (jest, vm) is one as well.
  if (Object.prototype.toString.call(rawBody) === '[object ArrayBuffer]') {
    return new Uint8Array(rawBody as ArrayBuffer);
  }
  throw new WebhookVerificationError(
    'parsed_body',
    `Expected the raw body, as a string, a Buffer, a Uint8Array or an ArrayBuffer; got ${
      rawBody === null || rawBody === undefined ? String(rawBody) : 'something parsed'
    }. The signature is over the bytes as they came. Get them so –
  Express: express.raw({ type: '*/*', limit: '32mb' }) on this route, before any express.json(); then request.body
  Fastify: addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: 33554432 }, (request, body, done) => done(null, body)); then request.body
  Hono: await context.req.arrayBuffer()
  Next: await request.arrayBuffer() in a route handler; under pages/api, export const config = { api: { bodyParser: false } } and read the stream
  Lambda: Buffer.from(event.body, event.isBase64Encoded ? 'base64' : 'utf8')`,
  );
}

/** Looks a header up in any case; several values are joined as HTTP does. */
function findHeader(headers: WebhookHeaders, name: string): string | null | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  if (typeof headers.get === 'function') return headers.get(name);
  return Object.entries(headers)
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, value]) => value)
    .filter((value) => value !== undefined)
    .join(', ');
}

function requireHeader(headers: WebhookHeaders, name: string): string {
  const value = findHeader(headers, name)?.trim();
  if (value) return value;
  throw new WebhookVerificationError(
    'missing_header',
    `The request has no \`${name}\` header: it is not a webhook of WaveSpeed's, or a proxy took the header off, or ` +
      'the `headers` given are not those of the request.',
  );
}

/** Gives the digests of the `v3` signatures, as bytes; other versions are passed over, as a later scheme may add them. */
function parseSignatures(header: string): Uint8Array<ArrayBuffer>[] {
  const candidates = header
    .split(/\s+/)
    .filter((part) => part.startsWith('v3,'))
    // A comma at the end is HTTP's, which joins a header that came twice with ", ".
    .map((part) => part.slice('v3,'.length).replace(/,$/, ''));
  const digests = candidates.filter((hex) => /^[0-9a-f]{64}$/i.test(hex));
  if (digests.length === 0 || candidates.length > MAX_SIGNATURES) {
    throw new WebhookVerificationError(
      'invalid_signature_format',
      `Expected \`webhook-signature\` to hold "v3," and 64 hexadecimal digits (1 to ${MAX_SIGNATURES} such, ` +
        `separated by spaces); found ${candidates.length} that begin with "v3,", ${digests.length} of them well-formed.`,
    );
  }
  return digests.map((hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));
}

function checkTimestamp(timestamp: string, toleranceSeconds: number, nowMs: number): void {
  // Digits only: Number() would also take '', '1e9', '0x1' and '1.5'.
  if (!/^\d{1,15}$/.test(timestamp)) {
    throw new WebhookVerificationError(
      'invalid_timestamp',
      'Expected `webhook-timestamp` to be whole seconds since 1970, digits only.',
    );
  }
  const ageSeconds = Math.floor(nowMs / 1000) - Number(timestamp);
  // Written so that a NaN is refused.
  if (Math.abs(ageSeconds) <= toleranceSeconds) return;
  throw ageSeconds < 0
    ? new WebhookVerificationError(
        'timestamp_too_new',
        `The webhook's timestamp is ${-ageSeconds} s ahead of this machine's clock, over the tolerance of ` +
          `${toleranceSeconds} s. Is the clock right?`,
      )
    : new WebhookVerificationError(
        'timestamp_too_old',
        `The webhook was signed ${ageSeconds} s ago, over the tolerance of ${toleranceSeconds} s: it was held up, or ` +
          'somebody sends an old one again. Is the clock right?',
      );
}

function concatenate(head: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const headBytes = new TextEncoder().encode(head);
  const whole = new Uint8Array(headBytes.byteLength + body.byteLength);
  whole.set(headBytes);
  whole.set(body, headBytes.byteLength);
  return whole;
}

/** Tells whether any signature is that of any key. Web Crypto's `verify` compares in constant time. */
async function anyMatches(
  keys: readonly string[],
  signatures: readonly Uint8Array<ArrayBuffer>[],
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const { crypto } = globalThis as { crypto?: typeof globalThis.crypto };
  const subtle = crypto?.subtle;
  // Left out by browsers on plain http pages, and by some test environments.
  if (subtle === undefined) {
    throw new ConfigurationError(
      'This runtime has no Web Crypto (`crypto.subtle`): Node 20 or later has it, and browsers on https pages.',
    );
  }
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  for (const key of keys) {
    const hmacKey = await subtle.importKey('raw', new TextEncoder().encode(key), algorithm, false, [
      'verify',
    ]);
    for (const signature of signatures) {
      if (await subtle.verify('HMAC', hmacKey, signature, signed)) return true;
    }
  }
  return false;
}

function parseEvent(body: Uint8Array): WebhookEvent {
  let cause: unknown;
  try {
    const event = normalizePrediction(JSON.parse(new TextDecoder().decode(body)));
    if (event !== undefined) return event;
  } catch (error) {
    cause = error;
  }
  throw new WebhookVerificationError(
    'invalid_payload',
    'The signature is right, but the body is not a prediction: expected a JSON object with an `id`.',
    { cause },
  );
}
