/** Calls the handler once for each delivery, and again if it failed. */
import { getErrorMessage } from '../utils/error-message.js';
import { ConfigurationError } from '../core/errors/index.js';
import { CLAIM_STATES, type WebhookClaim, type WebhookStore } from './store.js';
import type { WebhookEvent } from './verify.js';

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
  onEvent: (event: WebhookEvent) => unknown;
  report: (error: unknown, context: WebhookErrorContext) => Promise<void>;
}

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
  { store, onEvent, report }: DeduplicateOptions,
  webhookId: string,
  event: WebhookEvent,
): Promise<WebhookResponse> {
  const context = { webhookId, event };
  const update = async (action: () => unknown) => {
    try {
      await action();
    } catch (error) {
      await report(error, context);
    }
  };
  let claim;
  try {
    claim = checkClaim(await store.claim(webhookId));
  } catch (error) {
    await report(error, context);
    return rejected(500, 'store_failed', 'The event was not handled; send it again.');
  }
  if (claim === 'done') return { status: 200, body: { received: true, duplicate: true } };
  if (claim === 'running') {
    return {
      ...rejected(503, 'being_handled', 'Another process is handling this delivery; send it again.'),
      headers: { 'retry-after': '60' },
    };
  }
  try {
    await onEvent(event);
  } catch (error) {
    await update(() => store.release(webhookId));
    await report(error, context);
    // The response leaves the server, so it does not contain the error's message.
    return rejected(500, 'handler_failed', 'The event was not handled; send it again.');
  }
  // If this fails, the event was still handled: "send it again" would handle it twice.
  await update(() => store.complete(webhookId));
  return { status: 200, body: { received: true } };
}

/** Rejects other values: a store without a `return` would otherwise have each retry handled again. */
function checkClaim(claim: WebhookClaim): WebhookClaim {
  if ((CLAIM_STATES as readonly unknown[]).includes(claim)) return claim;
  throw new ConfigurationError(
    `\`store.claim\` returned ${getErrorMessage(claim)}; expected ${CLAIM_STATES.join(', ')}.`,
  );
}
