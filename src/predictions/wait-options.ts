/** Options of `wait` and `watch`, their checks, and the default poll intervals. */
import { ConfigurationError, WaveSpeedError } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import {
  aFunction,
  CALL_OPTIONS,
  type CallOptions,
  ms,
  type OptionTable,
  readOptions,
  rejectOption,
} from '../core/validate-options.js';

/** Time between two polls, in milliseconds: a number, or a function of the time waited so far. */
export type PollInterval = number | ((elapsedMs: number) => number);

/** A source of webhook events, such as a webhook receiver. */
export interface PredictionEvents {
  /** Calls the listener with each event of the task, also with the last one before the call. Returns `unsubscribe`. */
  subscribe(predictionId: string, listener: (prediction: Prediction) => void): () => void;
}

/** Options of `wait`. */
export interface WaitOptions extends CallOptions {
  /**
   * Time limit, in milliseconds; the task itself continues. For `run` it counts from the call, and nothing is submitted
   * after it.
   *
   * @default 1_800_000 (30 minutes), or the client's
   */
  timeoutMs?: number | undefined;
  /**
   * Time between two polls, in milliseconds, or a function of the time waited so far. Polls of one client that are due
   * within 25 ms (5 % of a shorter interval) are sent together, when the last of them is due: never early.
   *
   * @default 1_000, or the client's; 30_000 with `webhookReceiver`
   */
  pollIntervalMs?: PollInterval | undefined;
  /** Called with the task at every change of its status, the last included. Awaited, so that changes come in order. */
  onUpdate?: ((prediction: Prediction) => void | Promise<void>) | undefined;
  /** A webhook receiver that ends the wait when the event comes. Polling continues every 30 s as a fallback. */
  webhookReceiver?: PredictionEvents | undefined;
}

/** Options of `watch`. */
export interface WatchOptions extends Omit<WaitOptions, 'onUpdate'> {}

const WATCH_OPTIONS = {
  ...CALL_OPTIONS,
  timeoutMs: { check: ms },
  pollIntervalMs: { check: checkPollInterval },
  webhookReceiver: { check: checkWebhookReceiver },
} satisfies OptionTable<WatchOptions>;

export const WAIT_OPTIONS = {
  ...WATCH_OPTIONS,
  onUpdate: { check: aFunction },
} satisfies OptionTable<WaitOptions>;

export const readWaitOptions = (options: WaitOptions): WaitOptions =>
  readOptions<WaitOptions, typeof WAIT_OPTIONS>(options, WAIT_OPTIONS);

export const readWatchOptions = (options: WatchOptions): WatchOptions =>
  readOptions<WatchOptions, typeof WATCH_OPTIONS>(options, WATCH_OPTIONS);

export function checkPollInterval(value: unknown): void {
  if (typeof value === 'function') return;
  if (typeof value === 'number' && value >= 0 && value < Infinity) return;
  rejectOption(
    'pollIntervalMs',
    value,
    'a number of milliseconds, 0 or more, or a function that returns one',
  );
}

/** Defaults of `pollIntervalMs`. While webhook events are expected, polling is only a fallback. */
const POLL_INTERVAL_MS = 1000;
const WEBHOOK_POLL_INTERVAL_MS = 30_000;

/** Returns the time until the next poll. The client's interval does not apply with a webhook receiver. */
export function readPollInterval(
  { pollIntervalMs, webhookReceiver }: WatchOptions,
  clientInterval: PollInterval = POLL_INTERVAL_MS,
  elapsedMs: number,
  predictionId: string,
): number {
  const interval =
    pollIntervalMs ?? (webhookReceiver === undefined ? clientInterval : WEBHOOK_POLL_INTERVAL_MS);
  let ms: unknown = interval;
  if (typeof interval === 'function') {
    try {
      ms = interval(elapsedMs);
    } catch (cause) {
      throw new ConfigurationError('`pollIntervalMs` threw; see the cause.', { cause, predictionId });
    }
  }
  if (typeof ms === 'number' && ms >= 0) return Math.max(1, ms);
  throw new ConfigurationError(
    `\`pollIntervalMs\`: got ${String(ms)}; expected a number of milliseconds, 0 or more, or a function that returns one.`,
    { predictionId },
  );
}

function checkWebhookReceiver(value: unknown): void {
  if (typeof (value as { subscribe?: unknown } | null)?.subscribe !== 'function') {
    rejectOption('webhookReceiver', value, 'a webhook receiver');
  }
}

/** Listens to the events of a task. Returns `unsubscribe`. */
export function subscribe(
  events: PredictionEvents | undefined,
  id: string,
  listener: (prediction: Prediction) => void,
): (() => void) | undefined {
  try {
    return events?.subscribe(id, listener);
  } catch (cause) {
    throw new WaveSpeedError('`webhookReceiver`: `subscribe` threw; see the cause.', {
      cause,
      predictionId: id,
    });
  }
}
