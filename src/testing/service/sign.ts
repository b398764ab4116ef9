/**
 * Signs webhooks as the service does, for tests: written with node:crypto, on its own, so that it checks the verifier.
 */
import { createHmac, randomUUID } from 'node:crypto';

/** What `signWebhook` puts into the headers. */
export interface SignWebhookOptions {
  /** The delivery's `webhook-id`, the same on every retry of one event. Default: a new random one. */
  id?: string;
  /** The `webhook-timestamp`, in whole unix seconds. Default: now. */
  timestamp?: number;
}

/** The three headers of a signed webhook; a type, not an interface, so that it fits where a record of strings is asked for. */
export type SignedWebhookHeaders = {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
};

/**
 * Makes the headers that the service would send with this body: `webhook-signature: v3,<hex>`, where hex is
 * HMAC-SHA256 over `{id}.{timestamp}.{raw body}` and the key is the secret without `whsec_`, used as text.
 *
 * @param rawBody The exact bytes, or text taken as UTF-8, that will be sent.
 * @param secret `whsec_…`, or the key without that prefix.
 * @throws TypeError when the secret is empty: a verifier refuses it, so a test signed with it would mislead.
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
