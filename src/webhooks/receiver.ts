/**
 * Ready handlers that take webhooks in: verified, each event handled once, none lost when the caller's handler throws.
 */
import { getErrorMessage } from '../utils/error-message.js';
import { ConfigurationError, WebhookVerificationError } from '../core/errors/index.js';
import type { WebhookVerificationReason } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import { checkMaxBodyBytes, type NodeWebhookRequest, readFetchBody, readNodeBody } from './read-body.js';
import { createEventHub } from './event-emitter.js';
import { CLAIMS, createMemoryStore, type WebhookClaim, type WebhookStore } from './store.js';
import {
  checkSecret,
  checkTolerance,
  verifyDelivery,
  type VerifiedDelivery,
  type WebhookEvent,
  type WebhookHeaders,
  type WebhookSecret,
} from './verify.js';

/** What `onError` is told beside the error, as far as it is known. */
export interface WebhookErrorContext {
  /** The delivery's `webhook-id`, verified. */
  webhookId?: string;
  /** The verified event. */
  event?: WebhookEvent;
}

/** What `createWebhookReceiver` takes. */
export interface WebhookReceiverOptions {
  /** The secret of your API key (`await kling.webhookSecret()`), or several of them. */
  secret: WebhookSecret;
  /**
   * Handles an event: called once for each `webhook-id` and awaited before the answer, so the service sends the event
   * again when it throws. It waits 20 minutes for the answer; put what takes longer into a queue of your own.
   * Optional: `subscribe`, and so `wait(id, { webhookReceiver: receiver })`, work without it.
   */
  onEvent?: ((event: WebhookEvent) => unknown) | undefined;
  /**
   * Hears of every delivery that was not taken: the error of `onEvent`, of the store or of a listener as it was
   * thrown, or a `WebhookVerificationError`. Without it they are only in the answers. What it throws is ignored.
   */
  onError?: ((error: unknown, context: WebhookErrorContext) => unknown) | undefined;
  /** Remembers which deliveries were handled. Default: in this process's memory, the last 10,000, for 24 hours. */
  store?: WebhookStore | undefined;
  /** How many seconds the timestamp may be off in either direction. Default: 300. */
  toleranceSeconds?: number | undefined;
  /**
   * The largest body taken, in bytes; a larger one is answered 413. Default: 33,554,432 (32 MiB), since a webhook carries
   * the task's `input` with every `data:` URL in it. The body is read before it can be verified, so that anyone who
   * knows the URL can make the receiver hold this much: where no `data:` URLs are submitted, 1,048,576 is ample.
   * A framework that reads the body first has a limit of its own, such as 100 kB in `express.raw()`.
   */
  maxBodyBytes?: number | undefined;
  /** Tells the time, in milliseconds since 1970. Default: `Date.now`. For tests. */
  now?: (() => number) | undefined;
}

/** What `receiver.node` needs of a response: `http.ServerResponse` has it. */
export interface NodeWebhookResponse {
  statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/** Takes webhooks in; its functions need no `this`, so they can be passed on as they are. */
export interface WebhookReceiver {
  /** Answers a Fetch request: for Hono, Next route handlers, Workers, Deno and Bun. Never rejects. */
  fetch: (request: Request) => Promise<Response>;
  /** Answers a request of Node's: for plain http, Express, and Fastify's `request.raw` and `reply.raw`. Never rejects. */
  node: (request: NodeWebhookRequest, response: NodeWebhookResponse) => Promise<void>;
  /**
   * Calls the listener with every verified event of one task, until the function it returns is called. An event that
   * came before is not missed: the last 1,000 ended tasks are remembered, without their `input`. The listener is never
   * called before `subscribe` has returned.
   */
  subscribe: (predictionId: string, listener: (prediction: Prediction) => unknown) => () => void;
}

interface Answer {
  status: number;
  body: { received: true; duplicate?: true } | { reason: string; message: string };
  headers?: Record<string, string>;
}

/** The status for each refusal: 4xx where the sender is at fault, 5xx where our own set-up is, so that it is sent again. */
const REFUSAL_STATUS: Record<WebhookVerificationReason, number> = {
  invalid_secret: 500,
  parsed_body: 500,
  body_too_large: 413,
  unreadable_body: 400,
  missing_header: 400,
  invalid_timestamp: 400,
  invalid_signature_format: 400,
  invalid_payload: 400,
  timestamp_too_old: 401,
  timestamp_too_new: 401,
  signature_mismatch: 401,
};

/**
 * Makes handlers that answer the service's webhooks. Each verifies the request, wakes who waits for the task, calls
 * `onEvent` once for each `webhook-id`, and answers:
 *
 * | status | when |
 * |---|---|
 * | 200 | the event was handled, now or by an earlier delivery |
 * | 400, 401, 413, 405 | it is not a webhook, not verified, too large, not a POST; JSON with `reason` and `message` |
 * | 500 | `onEvent` or the store threw, or something parsed the body first; the service sends the event again |
 * | 503 | another process is handling it this moment |
 *
 * A delivery that comes while the same one is being handled waits and gets the same answer: never 2xx before
 * `onEvent` has succeeded. When a process dies in the middle the event comes again, so `onEvent` runs at least once.
 *
 * @throws WebhookVerificationError (`invalid_secret`) when a secret is empty.
 * @throws ConfigurationError when another option is not valid.
 * @see Source: WaveSpeed's webhook documentation.
 * @example
 * const receiver = createWebhookReceiver({
 *   secret: await kling.webhookSecret(),
 *   async onEvent(event) {
 *     if (isCompleted(event)) await saveVideo(event.id, event.outputs[0]);
 *   },
 * });
 * app.post('/webhooks', (context) => receiver.fetch(context.req.raw)); // Hono
 * app.post('/webhooks', receiver.node); // Express, before any express.json()
 * export const POST = receiver.fetch; // Next, app/webhooks/route.ts
 */
export function createWebhookReceiver(options: WebhookReceiverOptions): WebhookReceiver {
  const { secret, onEvent, onError, now } = options;
  // A mistake in the set-up shows when the program starts, not with the first event.
  checkSecret(secret);
  const toleranceSeconds = checkTolerance(options.toleranceSeconds);
  const maxBodyBytes = checkMaxBodyBytes(options.maxBodyBytes);
  const store = options.store ?? createMemoryStore();
  const running = new Map<string, Promise<Answer>>();
  const events = createEventHub((error, event) => report(error, { event }));

  async function report(error: unknown, context: WebhookErrorContext): Promise<void> {
    try {
      await onError?.(error, context);
    } catch {
      // The answer must not depend on it, and there is nobody left to tell.
    }
  }

  async function answer(
    method: string | undefined,
    headers: WebhookHeaders,
    readBody: () => unknown,
  ): Promise<Answer> {
    if (method !== 'POST') {
      return {
        ...refusal(405, 'method_not_allowed', 'Webhooks are sent with POST.'),
        headers: { allow: 'POST' },
      };
    }
    let delivery: VerifiedDelivery;
    try {
      delivery = await verifyDelivery(await readBody(), headers, secret, { toleranceSeconds, now });
    } catch (error) {
      await report(error, {});
      return error instanceof WebhookVerificationError
        ? refusal(REFUSAL_STATUS[error.reason], error.reason, error.message)
        : refusal(500, 'verification_failed', 'The webhook could not be verified; send it again.');
    }
    // Before anything that may fail: whoever waits for this task need not wait for the handler or the store.
    events.publish(delivery.event);
    if (onEvent === undefined) return { status: 200, body: { received: true } };

    const { id } = delivery;
    const first = running.get(id);
    if (first !== undefined) return first;
    const mine = handleOnce(delivery, onEvent).finally(() => running.delete(id));
    running.set(id, mine);
    return mine;
  }

  async function handleOnce(
    { id, event }: VerifiedDelivery,
    handle: (event: WebhookEvent) => unknown,
  ): Promise<Answer> {
    const context = { webhookId: id, event };
    let claim;
    try {
      claim = checkClaim(await store.claim(id));
    } catch (error) {
      await report(error, context);
      return refusal(500, 'store_failed', 'The event was not handled; send it again.');
    }
    if (claim === 'done') return { status: 200, body: { received: true, duplicate: true } };
    if (claim === 'running') {
      return {
        ...refusal(503, 'being_handled', 'Another process is handling this delivery; send it again.'),
        headers: { 'retry-after': '60' },
      };
    }
    try {
      await handle(event);
    } catch (error) {
      await attempt(() => store.release(id), context);
      await report(error, context);
      // Without the error's own message: it is for the caller, and the answer goes outside.
      return refusal(500, 'handler_failed', 'The event was not handled; send it again.');
    }
    // Should this fail, the event is handled all the same: to answer "send it again" would handle it twice.
    await attempt(() => store.complete(id), context);
    return { status: 200, body: { received: true } };
  }

  async function attempt(action: () => unknown, context: WebhookErrorContext): Promise<void> {
    try {
      await action();
    } catch (error) {
      await report(error, context);
    }
  }

  return {
    async fetch(request) {
      const { status, body, headers } = await answer(request.method, request.headers, () =>
        readFetchBody(request, maxBodyBytes),
      );
      return Response.json(body, { status, ...(headers && { headers }) });
    },
    async node(request, response) {
      const { status, body, headers } = await answer(request.method, request.headers, () =>
        readNodeBody(request, maxBodyBytes),
      );
      if (response.headersSent) return;
      response.statusCode = status;
      for (const [name, value] of Object.entries({ ...headers, 'content-type': 'application/json' })) {
        response.setHeader(name, value);
      }
      response.end(JSON.stringify(body));
    },
    subscribe: (predictionId, listener) => events.subscribe(predictionId, listener),
  };
}

/** Refuses what is no claim: taken for `new`, a store that forgot to return one would have each retry handled anew. */
function checkClaim(claim: WebhookClaim): WebhookClaim {
  if ((CLAIMS as readonly unknown[]).includes(claim)) return claim;
  throw new ConfigurationError(
    `\`store.claim\` gave ${getErrorMessage(claim)}; expected ${CLAIMS.join(', ')}.`,
  );
}

function refusal(status: number, reason: string, message: string): Answer {
  return { status, body: { reason, message } };
}
