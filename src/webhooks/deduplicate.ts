/** Calls the handler once for each delivery, and again if it failed or its process died. */
import { getErrorMessage } from '../utils/error-message.js';
import { ConfigurationError } from '../core/errors/index.js';
import { CLAIM_STATES, type WebhookClaim, type WebhookStore } from './store.js';
import type { WebhookEvent } from './verify.js';
import { withTimeLimit } from './with-time-limit.js';

/** Second argument of `onError`, as far as it is known. */
export interface WebhookErrorContext {
  /** The verified `webhook-id` of the delivery. */
  webhookId?: string;
  /** The verified event. */
  event?: WebhookEvent;
}

export interface WebhookResponse {
  status: number;
  body: { received: true; duplicate?: true } | { reason: string; message: string };
  headers?: Record<string, string>;
}

export interface DeduplicateOptions {
  store: WebhookStore;
  handle: (event: WebhookEvent) => Promise<unknown>;
  report: (error: unknown, context: WebhookErrorContext) => Promise<void>;
}

const LEASE_MS = 30_000;
const RENEW_EVERY_MS = 10_000;
/** The service sends an event again when it has waited this long for the response. */
const SERVICE_WAIT_MS = 20 * 60_000;

export function rejected(status: number, reason: string, message: string): WebhookResponse {
  return { status, body: { reason, message } };
}

export function deduplicate(options: DeduplicateOptions) {
  const running = new Map<string, Promise<WebhookResponse>>();
  return (webhookId: string, event: WebhookEvent): Promise<WebhookResponse> => {
    const first = running.get(webhookId);
    if (first !== undefined) return first;
    const response = handleOnce(options, webhookId, event).finally(() => running.delete(webhookId));
    running.set(webhookId, response);
    return response;
  };
}

async function handleOnce(
  { store, handle, report }: DeduplicateOptions,
  webhookId: string,
  event: WebhookEvent,
): Promise<WebhookResponse> {
  const context = { webhookId, event };
  const update = (method: 'renew' | 'complete' | 'release', action: () => unknown) =>
    withTimeLimit(`store.${method}`, action).catch((error: unknown) => report(error, context));
  let claim;
  try {
    claim = await claimDelivery(store, webhookId);
  } catch (error) {
    await report(error, context);
    return rejected(500, 'store_failed', 'The event was not handled; send it again.');
  }
  if (claim === 'done') return { status: 200, body: { received: true, duplicate: true } };
  if (claim === 'running') {
    return {
      ...rejected(503, 'being_handled', 'Another process is handling this delivery; send it again.'),
      headers: { 'retry-after': String(LEASE_MS / 1000) },
    };
  }
  const stopRenewing = keepLease(store, () => update('renew', () => store.renew?.(webhookId, LEASE_MS)));
  try {
    await handle(event);
  } catch (error) {
    stopRenewing();
    await update('release', () => store.release(webhookId));
    await report(error, context);
    // The response leaves the server, so it does not contain the error's message.
    return rejected(500, 'handler_failed', 'The event was not handled; send it again.');
  }
  stopRenewing();
  // If this fails, the event was still handled: "send it again" would handle it twice.
  await update('complete', () => store.complete(webhookId));
  return { status: 200, body: { received: true } };
}

async function claimDelivery(store: WebhookStore, webhookId: string): Promise<WebhookClaim> {
  // Without `renew`, a claim lasts as long as a handler may run.
  const leaseMs = store.renew === undefined ? SERVICE_WAIT_MS : LEASE_MS;
  const claim = await withTimeLimit(
    'store.claim',
    () => store.claim(webhookId, leaseMs),
    (late) => (late === 'new' ? store.release(webhookId) : undefined),
  );
  if ((CLAIM_STATES as readonly unknown[]).includes(claim)) return claim;
  // A store without a `return` would otherwise have each retry handled again.
  throw new ConfigurationError(
    `\`store.claim\` returned ${getErrorMessage(claim)}; expected ${CLAIM_STATES.join(', ')}.`,
  );
}

/** Renews the lease of a claim until it is stopped, or the service has given up on the delivery. */
function keepLease(store: WebhookStore, renew: () => Promise<unknown>): () => void {
  if (store.renew === undefined) return () => undefined;
  let renewals = 0;
  const timer = setInterval(() => {
    renewals += 1;
    if (renewals * RENEW_EVERY_MS > SERVICE_WAIT_MS) clearInterval(timer);
    else void renew();
  }, RENEW_EVERY_MS);
  return () => clearInterval(timer);
}
