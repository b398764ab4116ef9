/** Verifies that a webhook is signed and recent, and parses the event in it. */
import { ConfigurationError, WebhookVerificationError } from '../core/errors/index.js';
import { parseJson } from '../core/parse-json.js';
import { normalizePrediction, type Prediction } from '../core/prediction.js';
import { checkNames } from '../core/validate-options.js';
import { parsedBodyError } from './read-body.js';
import {
  checkSecret,
  isSignedBy,
  readSignatureHeaders,
  type SignatureHeaders,
  type WebhookHeaders,
  type WebhookSecret,
} from './signature.js';

/** The finished task, without an envelope. */
export type WebhookEvent = Prediction;

/** The body exactly as received: bytes (such as a Node Buffer), or text that is encoded as UTF-8. */
export type RawWebhookBody = string | ArrayBufferView | ArrayBuffer;

/** Default of `toleranceSeconds`. */
const TOLERANCE_SECONDS = 300;

/** When a signature is recent. */
export interface ToleranceOptions {
  /**
   * Maximum difference between the webhook's timestamp and the clock, in seconds, in either direction.
   * @default 300
   */
  toleranceSeconds?: number | undefined;
  /** Returns the current time in milliseconds since 1970; for tests. @default Date.now */
  now?: (() => number) | undefined;
}

export const TOLERANCE_OPTIONS = ['toleranceSeconds', 'now'] as const;

/** Options of `verifyWebhook`. */
export interface VerifyWebhookOptions extends ToleranceOptions {}

/**
 * Verifies that WaveSpeed signed a webhook, that it is unchanged and recent, and returns its event: the finished task.
 *
 * Deliveries can repeat: handle each `webhook-id` once, or use `createWebhookReceiver`, which does.
 *
 * @param rawBody The body as received. A parsed object is rejected: serialized again, its bytes may differ.
 * @param headers The request's headers as your framework has them.
 * @param secret The secret of your API key (`kling.webhookSecret()`), or several of them.
 * @throws {WebhookVerificationError} when a check fails: see `reason`.
 * @throws {ConfigurationError} when an option is invalid, or the runtime has no Web Crypto.
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
  // Configuration errors first: they must not hide behind "the signature does not match".
  checkNames(options, TOLERANCE_OPTIONS);
  const toleranceSeconds = checkTolerance(options);
  const keys = checkSecret(secret);
  const body = toBytes(rawBody);
  const signature = readSignatureHeaders(headers, toleranceSeconds, (options.now ?? Date.now)());
  return verifyBody(body, signature, keys);
}

export function checkTolerance({ toleranceSeconds = TOLERANCE_SECONDS }: ToleranceOptions): number {
  // An infinite tolerance would allow replaying a captured webhook forever.
  if (Number.isFinite(toleranceSeconds) && toleranceSeconds >= 0) return toleranceSeconds;
  throw new ConfigurationError(
    `Expected \`toleranceSeconds\` to be a finite number of seconds, 0 or more; got ${String(toleranceSeconds)}.`,
  );
}

export async function verifyBody(
  body: Uint8Array,
  signature: SignatureHeaders,
  keys: readonly string[],
): Promise<WebhookEvent> {
  if (!(await isSignedBy(keys, signature, body))) {
    throw new WebhookVerificationError(
      'signature_mismatch',
      'The signature does not match. Either the request is not from WaveSpeed, or the secret does not belong to ' +
        'the API key that submitted the task, or the body is not the bytes as ' +
        'received: JSON.stringify of a parsed body is not.' +
        (body.byteLength === 0 ? ' This body is empty: something may have read it before.' : ''),
    );
  }
  return parseEvent(body);
}

export function toBytes(rawBody: unknown): Uint8Array {
  // The result of String(object), which is never valid JSON.
  if (typeof rawBody === 'string' && rawBody !== '[object Object]') return new TextEncoder().encode(rawBody);
  if (ArrayBuffer.isView(rawBody)) {
    return new Uint8Array(rawBody.buffer, rawBody.byteOffset, rawBody.byteLength);
  }
  // Not instanceof: a buffer may come from another realm (jest, vm).
  if (Object.prototype.toString.call(rawBody) === '[object ArrayBuffer]') {
    return new Uint8Array(rawBody as ArrayBuffer);
  }
  const given = rawBody === null || rawBody === undefined ? String(rawBody) : 'something parsed';
  throw parsedBodyError(
    `Expected the raw body, as a string, a Buffer, a Uint8Array or an ArrayBuffer; got ${given}.`,
  );
}

function parseEvent(body: Uint8Array): WebhookEvent {
  let cause: unknown;
  try {
    const event = normalizePrediction(parseJson(new TextDecoder().decode(body)));
    if (event !== undefined) return event;
  } catch (error) {
    cause = error;
  }
  throw new WebhookVerificationError(
    'invalid_payload',
    'The signature matches, but the body is not a prediction: expected a JSON object with an `id`.',
    { cause },
  );
}
