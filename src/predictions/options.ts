/** Options of `submit`, `run`, `wait` and `watch`, their checks, and the default poll intervals. */
import { ConfigurationError, WaveSpeedError } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import {
  aFunction,
  CALL_OPTIONS,
  type CallOptions,
  checkMaxCost,
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

/** Options of `submit`. */
export interface SubmitOptions extends CallOptions {
  /** Time limit, in milliseconds: nothing is sent after it. With a key, also how long the call looks for its task. @default none */
  timeoutMs?: number | undefined;
  /** Highest cost of this task, in US dollars; checked before anything is uploaded or sent. @default the client's */
  maxCost?: number | undefined;
  /** Called with the task once the service has accepted it, and awaited before the first poll: save its id here. */
  onSubmitted?: ((prediction: Prediction) => void | Promise<void>) | undefined;
  /** HTTPS URL that the service calls when the task ends (or http to this machine). */
  webhookUrl?: string | undefined;
  /** Every call with the same key gets the same task, also after a crash; see `journal`. 1–255 characters. */
  idempotencyKey?: string | undefined;
  /**
   * What to do when an earlier submit with this key was interrupted and the history shows no such task: `'throw'` a
   * `SubmissionUnknownError`, or `'resubmit'`.
   *
   * @default 'throw'
   */
  whenAbsent?: 'throw' | 'resubmit' | undefined;
}

/** Options of `run`: those of `submit` and of `wait`. */
export interface RunOptions extends SubmitOptions, WaitOptions {}

const SUBMIT_OPTIONS = {
  ...CALL_OPTIONS,
  timeoutMs: { check: ms },
  maxCost: { check: checkMaxCost },
  onSubmitted: { check: aFunction },
  webhookUrl: { check: checkWebhookUrl },
  idempotencyKey: { check: checkIdempotencyKey },
  whenAbsent: { check: checkWhenAbsent, default: 'throw' },
} satisfies OptionTable<SubmitOptions>;

/** The options of `run` with their checks, for other rooms that take some of them. */
export const RUN_OPTIONS = { ...SUBMIT_OPTIONS, ...WAIT_OPTIONS } satisfies OptionTable<RunOptions>;

export const readSubmitOptions = (options: SubmitOptions): SubmitOptions =>
  readOptions<SubmitOptions, typeof SUBMIT_OPTIONS>(options, SUBMIT_OPTIONS);

export function readRunOptions(options: RunOptions): RunOptions {
  const read = readOptions<RunOptions, typeof RUN_OPTIONS>(options, RUN_OPTIONS);
  checkReceiverHasUrl(read);
  return read;
}

function checkWhenAbsent(value: unknown): void {
  if (value !== 'throw' && value !== 'resubmit') rejectOption('whenAbsent', value, "'throw' or 'resubmit'");
}

export function checkIdempotencyKey(key: unknown): string {
  if (typeof key === 'string' && key.trim() !== '' && key.length <= 255) return key;
  const given =
    typeof key === 'string' ? `a string of ${key.length} characters` : `a value of type ${typeof key}`;
  throw new ConfigurationError(
    `\`idempotencyKey\`: got ${given}; expected 1 to 255 characters, not all blank.`,
  );
}

function checkWebhookUrl(value: unknown): void {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  const isLocal = url !== undefined && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return;
  // The URL may have a token in its query.
  throw new ConfigurationError('`webhookUrl`: expected an https URL that the service can reach.');
}

/** Without a `webhookUrl` no event ever comes, and the receiver would only slow polling down. */
export function checkReceiverHasUrl(options: Pick<RunOptions, 'webhookReceiver' | 'webhookUrl'>): void {
  if (options.webhookReceiver === undefined || options.webhookUrl !== undefined) return;
  throw new ConfigurationError('`webhookReceiver`: got one without `webhookUrl`; expected both, or neither.');
}
