/** Options of `submit`, `wait`, `watch`, `run` and `runMany`, and their checks. */
import { ConfigurationError, type SubmissionUnknownError } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import {
  aFunction,
  CALL_OPTIONS,
  type CallOptions,
  checkMaxCost,
  checkObject,
  checkSignal,
  integer,
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
   * Time between two polls, in milliseconds, or a function of the time waited so far.
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

/** Options of `run`: those of `submit` and of `wait`. */
export interface RunOptions extends SubmitOptions, WaitOptions {}

/** Options of `runMany`. A request's `timeoutMs` counts from its slot. */
export interface RunManyOptions extends Pick<
  RunOptions,
  'signal' | 'maxRetries' | 'timeoutMs' | 'pollIntervalMs' | 'webhookUrl' | 'webhookReceiver' | 'whenAbsent'
> {
  /** How many tasks of this batch may run at once. @default the client's limit, or 100 */
  concurrency?: number | undefined;
  /** Highest cost of the whole batch, in US dollars. A request that does not fit is rejected, and nothing is sent for it. */
  maxCost?: number | undefined;
  /** Called when a task was accepted, and awaited: save its id here. If it throws, the batch stops new submits. */
  onSubmitted?: ((prediction: Prediction, index: number) => void | Promise<void>) | undefined;
  /**
   * Called when a task may or may not have been accepted, and awaited. Without it, a loop that is left before it saw
   * such an error warns on `process`. If it throws, the batch stops new submits.
   */
  onUnknown?: ((error: SubmissionUnknownError, index: number) => void | Promise<void>) | undefined;
  /** Called at every change of a task's status. */
  onUpdate?: ((prediction: Prediction, index: number) => void | Promise<void>) | undefined;
}

/** Options of `resolve`. */
export interface ResolveOptions {
  signal?: AbortSignal | undefined;
  /** Time limit, in milliseconds. @default the client's requestTimeoutMs */
  timeoutMs?: number | undefined;
  /**
   * Also settles the key before it is certain that there is no task, and with a task whose input differs.
   *
   * @default false
   */
  force?: boolean | undefined;
}

const RESOLVE_OPTIONS = {
  signal: { check: checkSignal },
  timeoutMs: { check: ms },
  force: { check: checkForce, default: false },
} satisfies OptionTable<ResolveOptions>;

export const readResolveOptions = (options: ResolveOptions): ResolveOptions =>
  readOptions<ResolveOptions, typeof RESOLVE_OPTIONS>(options, RESOLVE_OPTIONS);

const SUBMIT_OPTIONS = {
  ...CALL_OPTIONS,
  timeoutMs: { check: ms },
  maxCost: { check: checkMaxCost },
  onSubmitted: { check: aFunction },
  webhookUrl: { check: checkWebhookUrl },
  idempotencyKey: { check: checkIdempotencyKey },
  whenAbsent: { check: checkWhenAbsent, default: 'throw' },
} satisfies OptionTable<SubmitOptions>;

const WATCH_OPTIONS = {
  ...CALL_OPTIONS,
  timeoutMs: { check: ms },
  pollIntervalMs: { check: checkPollInterval },
  webhookReceiver: { check: checkWebhookReceiver },
} satisfies OptionTable<WatchOptions>;

const WAIT_OPTIONS = { ...WATCH_OPTIONS, onUpdate: { check: aFunction } } satisfies OptionTable<WaitOptions>;

/** The options of `run` with their checks, for other rooms that take some of them. */
export const RUN_OPTIONS = { ...SUBMIT_OPTIONS, ...WAIT_OPTIONS } satisfies OptionTable<RunOptions>;

const { idempotencyKey: _, ...SHARED_OPTIONS } = RUN_OPTIONS;
const RUN_MANY_OPTIONS = {
  ...SHARED_OPTIONS,
  concurrency: { check: integer(1) },
  onUnknown: { check: aFunction },
} satisfies OptionTable<RunManyOptions>;

export const readSubmitOptions = (options: SubmitOptions): SubmitOptions =>
  readOptions<SubmitOptions, typeof SUBMIT_OPTIONS>(options, SUBMIT_OPTIONS);

export const readWaitOptions = (options: WaitOptions): WaitOptions =>
  readOptions<WaitOptions, typeof WAIT_OPTIONS>(options, WAIT_OPTIONS);

export const readWatchOptions = (options: WatchOptions): WatchOptions =>
  readOptions<WatchOptions, typeof WATCH_OPTIONS>(options, WATCH_OPTIONS);

export function readRunOptions(options: RunOptions): RunOptions {
  const read = readOptions<RunOptions, typeof RUN_OPTIONS>(options, RUN_OPTIONS);
  checkReceiverHasUrl(read);
  return read;
}

export function readRunManyOptions(options: RunManyOptions): RunManyOptions {
  checkObject('options', options, '{ maxCost: 5 }');
  for (const name of ['level', 'limits', 'perMinute']) {
    if (Object.hasOwn(options, name)) {
      throw new ConfigurationError(
        `\`${name}\`: not an option of runMany; limits hold for every submit of a client: new WaveSpeedKling({ level }) or { limits }.`,
      );
    }
  }
  const read = readOptions<RunManyOptions, typeof RUN_MANY_OPTIONS>(options, RUN_MANY_OPTIONS);
  checkReceiverHasUrl(read);
  return read;
}

function checkForce(value: unknown): void {
  if (typeof value !== 'boolean') rejectOption('force', value, 'true or false');
}

function checkWhenAbsent(value: unknown): void {
  if (value !== 'throw' && value !== 'resubmit') rejectOption('whenAbsent', value, "'throw' or 'resubmit'");
}

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

export function checkIdempotencyKey(key: unknown): void {
  if (typeof key === 'string' && key.trim() !== '' && key.length <= 255) return;
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

function checkWebhookReceiver(value: unknown): void {
  if (typeof (value as { subscribe?: unknown } | null)?.subscribe !== 'function') {
    rejectOption('webhookReceiver', value, 'a webhook receiver');
  }
}

/** Without a `webhookUrl` no event ever comes, and the receiver would only slow polling down. */
function checkReceiverHasUrl(options: Pick<RunOptions, 'webhookReceiver' | 'webhookUrl'>): void {
  if (options.webhookReceiver === undefined || options.webhookUrl !== undefined) return;
  throw new ConfigurationError('`webhookReceiver`: got one without `webhookUrl`; expected both, or neither.');
}
