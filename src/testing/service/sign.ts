/** Signs webhooks as the service does. Shares no code with the verifier, so that it can test it. */
import { createHmac, randomUUID } from 'node:crypto';

/** Options of `signWebhook`. */
export interface SignWebhookOptions {
  /** The `webhook-id`, the same for every retry of an event. @default a random one */
  id?: string;
  /** The `webhook-timestamp`, in unix seconds. @default now */
  timestamp?: number;
}

/** The headers of a signed webhook. */
export type SignedWebhookHeaders = {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
};

/**
 * Returns the headers that the service would send with a body: `webhook-signature: v3,<hex>`, where hex is
 * HMAC-SHA256 over `{id}.{timestamp}.{raw body}` and the key is the secret without `whsec_`, used as text.
 *
 * @param rawBody The exact bytes, or text to be encoded as UTF-8.
 * @param secret `whsec_…`, or the key without that prefix.
 * @throws {TypeError} for an empty secret, which every verifier rejects.
 * @see Source: WaveSpeed's webhook documentation.
 * @example
 * const body = JSON.stringify({ id: 'task-1', status: 'completed', outputs: ['https://example.com/video.mp4'] });
 * const secret = 'whsec_for_tests';
 * const event = await verifyWebhook(body, signWebhook(body, secret), secret);
 */
export function signWebhook(
  rawBody: string | Uint8Array,
  secret: string,
  options: SignWebhookOptions = {},
): SignedWebhookHeaders {
  const key = secret.replace(/^whsec_/, '');
  if (key.trim() === '')
    throw new TypeError('signWebhook: expected `secret` to be "whsec_…" with something after the prefix.');
  const id = options.id ?? `msg_${randomUUID()}`;
  const timestamp = String(options.timestamp ?? Math.floor(Date.now() / 1000));
  const hex = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(rawBody).digest('hex');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v3,${hex}` };
}
