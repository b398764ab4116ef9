/** Request handlers that receive webhooks: verified, and each event handled once. */
import { WebhookVerificationError } from '../core/errors/index.js';
import type { WebhookVerificationReason } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import { checkFunction, checkNames, rejectOption } from '../core/validate-options.js';
import { deduplicate, rejected, type WebhookErrorContext, type WebhookResponse } from './deduplicate.js';
import { createEmitter } from './event-emitter.js';
import { checkMaxBodyBytes, type NodeWebhookRequest, readFetchBody, readNodeBody } from './read-body.js';
import { createSecretSource, type WebhookSecretSource } from './secret-source.js';
import { readSignatureHeaders, type WebhookHeaders } from './signature.js';
import { createMemoryStore, type WebhookStore } from './store.js';
import {
  checkTolerance,
  TOLERANCE_OPTIONS,
  toBytes,
  type ToleranceOptions,
  verifyBody,
  type WebhookEvent,
} from './verify.js';
import { withTimeLimit } from './with-time-limit.js';

/** Options of `createWebhookReceiver`. */
export interface WebhookReceiverOptions extends ToleranceOptions {
  /**
   * The secret of your API key, several of them during a rotation, or a function such as `() => kling.webhookSecret()`. A
   * function is called with the first delivery, and its result is cached; after a signature that does not match it is called
   * again, at most 5 times a minute. White space around a secret is ignored.
   */
  secret: WebhookSecretSource;
  /**
   * Handles an event: called once per `webhook-id` and awaited before the response, so the service sends the event
   * again when it throws. The service waits 20 minutes for the response; use a queue for work that takes longer.
   * Optional: `subscribe`, and so `wait(id, { webhookReceiver: receiver })`, work without it.
   */
  onEvent?: ((event: WebhookEvent, context: WebhookEventContext) => unknown) | undefined;
  /** Finds the idempotency key of an event's task for `onEvent`: the `journal` of the client, if it has `find`. */
  journal?: WebhookJournal | undefined;
  /**
   * Called for every rejected delivery: with the error of `onEvent`, of the store or of a listener as it was thrown,
   * or with a `WebhookVerificationError`. Errors that it throws are ignored.
   */
  onError?: ((error: unknown, context: WebhookErrorContext) => unknown) | undefined;
  /** Remembers which deliveries were handled. Share one between several processes. @default in memory, for 24 hours */
  store?: WebhookStore | undefined;
  /**
   * Maximum size of a body in bytes; a larger one gets a 413 response. A webhook contains the task's `input` with every
   * `data:` URL in it; without `data:` URLs 1,048,576 is enough. A request without well-formed, recent signature headers
   * is rejected before its body is read. A framework that reads the body first has its own limit.
   * @default 33_554_432 (32 MiB)
   */
  maxBodyBytes?: number | undefined;
}

const RECEIVER_OPTIONS: readonly (keyof WebhookReceiverOptions)[] = [
  'secret',
  'onEvent',
  'journal',
  'onError',
  'store',
  'maxBodyBytes',
  ...TOLERANCE_OPTIONS,
];

const STORE_METHODS = ['claim', 'complete', 'release'] as const satisfies (keyof WebhookStore)[];

/** Second argument of `onEvent`. */
export interface WebhookEventContext {
  /** The idempotency key of the task; undefined without a `journal`, or if the journal does not know the task. */
  idempotencyKey?: string;
}

/** The part of a journal that a receiver uses. */
export interface WebhookJournal {
  find?(predictionId: string): Promise<string | undefined>;
}

/** The response of `receiver.node`: an `http.ServerResponse`. */
export interface NodeWebhookResponse {
  statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/** Receives webhooks. Its functions do not use `this`, so they can be passed on as they are. */
export interface WebhookReceiver {
  /** Handles a Fetch request: for Hono, Next route handlers, Workers, Deno and Bun. Never rejects. */
  fetch: (request: Request) => Promise<Response>;
  /** Handles a Node request: for plain http, Express, and Fastify's `request.raw` and `reply.raw`. Never rejects. */
  node: (request: NodeWebhookRequest, response: NodeWebhookResponse) => Promise<void>;
  /**
   * Calls the listener with every verified event of one task, until the returned function is called. Earlier events
   * are not missed: the last 1,000 finished tasks are remembered, without their `input`. The listener is never called
   * before `subscribe` has returned.
   */
  subscribe: (predictionId: string, listener: (prediction: Prediction) => unknown) => () => void;
}

/** 4xx for errors of the sender. 5xx for configuration errors: the service sends those events again. */
const STATUS: Record<WebhookVerificationReason, number> = {
  invalid_secret: 500,
  parsed_body: 500,
  body_too_large: 413,
  unreadable_body: 400,
  missing_header: 400,
  invalid_id: 400,
  invalid_timestamp: 400,
  invalid_signature_format: 400,
  invalid_payload: 400,
  timestamp_too_old: 401,
  timestamp_too_new: 401,
  signature_mismatch: 401,
};

/**
 * Creates request handlers for the service's webhooks. Each verifies the request, passes the event to `subscribe`'s
 * listeners, calls `onEvent` once per `webhook-id`, and responds:
 *
 * | status | when |
 * |---|---|
 * | 200 | the event was handled, now or by an earlier delivery |
 * | 400, 401, 413, 405 | not a webhook, not verified, too large, not a POST; JSON with `reason` and `message` |
 * | 500 | `onEvent`, the store, the journal or the `secret` function failed, or the body was parsed before; the service sends the event again |
 * | 503 | another process is handling it |
 *
 * A delivery that arrives while the same one is being handled waits and gets the same response. When a process dies
 * while it handles an event, the next delivery of the event is handled, with a shared store 30 seconds later at the latest:
 * `onEvent` runs at least once. The service stops after three retries, so look for tasks whose event never came.
 *
 * @throws {WebhookVerificationError} (`invalid_secret`) when a secret is empty.
 * @throws {ConfigurationError} when another option is invalid.
 * @example
 * const receiver = createWebhookReceiver({
 *   secret: () => kling.webhookSecret(),
 *   async onEvent(event) {
 *     if (isCompleted(event)) await saveVideo(event.id, event.outputs[0]);
 *   },
 * });
 * app.post('/webhooks', (context) => receiver.fetch(context.req.raw)); // Hono
 * app.post('/webhooks', receiver.node); // Express, before any express.json()
 * export const POST = receiver.fetch; // Next, app/webhooks/route.ts
 */
export function createWebhookReceiver(options: WebhookReceiverOptions): WebhookReceiver {
  const { onEvent, onError, journal, now = Date.now } = options;
  // Invalid options throw when the program starts, not with the first event: without `onEvent` every event would be lost.
  checkNames(options, RECEIVER_OPTIONS);
  const secret = createSecretSource(options.secret);
  const toleranceSeconds = checkTolerance(options);
  const maxBodyBytes = checkMaxBodyBytes(options.maxBodyBytes);
  for (const name of ['onEvent', 'onError', 'now'] as const) checkFunction(name, options[name]);
  const store = options.store ?? createMemoryStore();
  for (const name of STORE_METHODS) {
    if (typeof store[name] !== 'function') rejectOption(`store.${name}`, store[name], 'a function');
  }
  const report = async (error: unknown, context: WebhookErrorContext): Promise<void> => {
    try {
      await onError?.(error, context);
    } catch {
      // Errors of `onError` must not affect the response.
    }
  };
  const emitter = createEmitter((error, event) => report(error, { event }));
  const findKey = async ({ id }: WebhookEvent) => {
    const key = await withTimeLimit('journal.find', () => journal?.find?.(id));
    return key === undefined ? {} : { idempotencyKey: key };
  };
  const handle =
    onEvent && deduplicate({ store, report, handle: async (event) => onEvent(event, await findKey(event)) });

  async function respond(
    method: string | undefined,
    headers: WebhookHeaders,
    readBody: () => unknown,
  ): Promise<WebhookResponse> {
    if (method !== 'POST') {
      const response = rejected(405, 'method_not_allowed', 'Webhooks are sent with POST.');
      return { ...response, headers: { allow: 'POST' } };
    }
    try {
      // Checked before the body is read: anyone can send a request without a signature.
      const signature = readSignatureHeaders(headers, toleranceSeconds, now());
      const body = toBytes(await readBody());
      const event = await secret.verifyWith((keys) => verifyBody(body, signature, keys));
      // Called before the handler and the store, which may fail: waits for the task do not depend on them.
      emitter.publish(event);
      return (await handle?.(signature.id, event)) ?? { status: 200, body: { received: true } };
    } catch (error) {
      await report(error, {});
      return error instanceof WebhookVerificationError
        ? rejected(STATUS[error.reason], error.reason, error.message)
        : rejected(500, 'verification_failed', 'The webhook could not be verified; send it again.');
    }
  }

  return {
    async fetch(request) {
      const readBody = () => readFetchBody(request, maxBodyBytes);
      const { status, body, headers } = await respond(request.method, request.headers, readBody);
      return Response.json(body, { status, ...(headers && { headers }) });
    },
    async node(request, response) {
      const readBody = () => readNodeBody(request, maxBodyBytes);
      const { status, body, headers } = await respond(request.method, request.headers, readBody);
      if (response.headersSent) return;
      response.statusCode = status;
      for (const [name, value] of Object.entries({ ...headers, 'content-type': 'application/json' })) {
        response.setHeader(name, value);
      }
      response.end(JSON.stringify(body));
    },
    subscribe: (predictionId, listener) => emitter.subscribe(predictionId, listener),
  };
}
