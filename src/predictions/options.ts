/** Options of `submit`, `wait`, `watch`, `run` and `runMany`, and their checks. */
import { ConfigurationError } from '../core/errors/input-error.js';
import type { Prediction } from '../core/prediction.js';
import {
  type CallOptions,
  checkFunction,
  checkInteger,
  checkMaxCost,
  checkMs,
  checkObject,
  checkSignal,
  copyOptions,
  rejectOption,
} from '../core/validate-options.js';
import type { PollInterval, PredictionEvents } from './poll.js';

/** Options of `submit`. */
export interface SubmitOptions extends CallOptions {
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

/** Options of `runMany`. A request's `timeoutMs` counts from its turn. */
export interface RunManyOptions extends Pick<
  RunOptions,
  'signal' | 'maxRetries' | 'timeoutMs' | 'pollIntervalMs' | 'webhookUrl' | 'webhookReceiver' | 'whenAbsent'
> {
  /** How many tasks of this batch may run at once. @default the client's limit, or 100 */
  concurrency?: number | undefined;
  /** Highest cost of the whole batch, in US dollars. A request that does not fit is rejected, and nothing is sent for it. */
  maxCost?: number | undefined;
  /** Called when a task was accepted, and awaited: save its id here. If it throws, the batch starts nothing more. */
  onSubmitted?: ((prediction: Prediction, index: number) => void | Promise<void>) | undefined;
  /** Called at every change of a task's status. */
  onUpdate?: ((prediction: Prediction, index: number) => void | Promise<void>) | undefined;
}

export const DEFAULT_TIMEOUT_MS = 30 * 60_000;

const SUBMIT_OPTIONS = [
  'signal',
  'maxRetries',
  'maxCost',
  'onSubmitted',
  'webhookUrl',
  'idempotencyKey',
  'whenAbsent',
] as const satisfies readonly (keyof SubmitOptions)[];

const WATCH_OPTIONS = [
  'signal',
  'maxRetries',
  'timeoutMs',
  'pollIntervalMs',
  'webhookReceiver',
] as const satisfies readonly (keyof WatchOptions)[];

const WAIT_OPTIONS = [...WATCH_OPTIONS, 'onUpdate'] as const satisfies readonly (keyof WaitOptions)[];

const RUN_MANY_OPTIONS = [
  ...WAIT_OPTIONS,
  'concurrency',
  'maxCost',
  'onSubmitted',
  'webhookUrl',
  'whenAbsent',
] as const satisfies readonly (keyof RunManyOptions)[];

export const readSubmitOptions = (options: SubmitOptions): SubmitOptions =>
  checkOptions(copyOptions(options, SUBMIT_OPTIONS));

export const readWaitOptions = (options: WaitOptions): WaitOptions =>
  checkOptions(copyOptions(options, WAIT_OPTIONS));

export const readWatchOptions = (options: WatchOptions): WatchOptions =>
  checkOptions(copyOptions(options, WATCH_OPTIONS));

export function readRunOptions(options: RunOptions): RunOptions {
  const copy = checkOptions(copyOptions(options, [...SUBMIT_OPTIONS, ...WAIT_OPTIONS]));
  checkReceiverHasUrl(copy);
  return copy;
}

export function readRunManyOptions(options: RunManyOptions): RunManyOptions {
  checkObject('options', options, '{ maxCost: 5 }');
  for (const name of ['level', 'limits', 'perMinute']) {
    if (name in options) {
      throw new ConfigurationError(
        `\`${name}\`: not an option of runMany; limits hold for every submit of a client: new WaveSpeedKling({ level }) or { limits }.`,
      );
    }
  }
  const copy = copyOptions(options, RUN_MANY_OPTIONS);
  checkOptions(copy as RunOptions);
  checkInteger('concurrency', copy.concurrency, 1);
  checkReceiverHasUrl(copy);
  return copy;
}

function checkOptions<Options extends RunOptions>(options: Options): Options {
  const { signal, maxRetries, timeoutMs, onSubmitted, onUpdate, maxCost } = options;
  checkSignal(signal);
  checkInteger('maxRetries', maxRetries, 0);
  checkMs('timeoutMs', timeoutMs);
  checkPollInterval(options.pollIntervalMs);
  checkFunction('onSubmitted', onSubmitted);
  checkFunction('onUpdate', onUpdate);
  checkMaxCost(maxCost);
  checkWebhookUrl(options.webhookUrl);
  checkWebhookReceiver(options.webhookReceiver);
  checkIdempotencyKey(options.idempotencyKey);
  const { whenAbsent } = options;
  if (whenAbsent !== undefined && whenAbsent !== 'throw' && whenAbsent !== 'resubmit') {
    rejectOption('whenAbsent', whenAbsent, "'throw' or 'resubmit'");
  }
  return options;
}

export function checkPollInterval(value: unknown): void {
  if (value === undefined || typeof value === 'function') return;
  if (typeof value === 'number' && value >= 0 && value < Infinity) return;
  rejectOption(
    'pollIntervalMs',
    value,
    'a number of milliseconds, 0 or more, or a function that returns one',
  );
}

export function checkIdempotencyKey(key: unknown): void {
  if (key === undefined || (typeof key === 'string' && key.trim() !== '' && key.length <= 255)) return;
  const given =
    typeof key === 'string' ? `a string of ${key.length} characters` : `a value of type ${typeof key}`;
  throw new ConfigurationError(
    `\`idempotencyKey\`: got ${given}; expected 1 to 255 characters, not all blank.`,
  );
}

function checkWebhookUrl(value: unknown): void {
  if (value === undefined) return;
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  const isLocal = url !== undefined && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return;
  // The URL may have a token in its query.
  throw new ConfigurationError('`webhookUrl`: expected an https URL that the service can reach.');
}

function checkWebhookReceiver(value: unknown): void {
  if (value === undefined) return;
  if (typeof (value as { subscribe?: unknown } | null)?.subscribe !== 'function') {
    rejectOption('webhookReceiver', value, 'a webhook receiver');
  }
}

/** Without a `webhookUrl` no event ever comes, and the receiver would only slow polling down. */
function checkReceiverHasUrl(options: Pick<RunOptions, 'webhookReceiver' | 'webhookUrl'>): void {
  if (options.webhookReceiver === undefined || options.webhookUrl !== undefined) return;
  throw new ConfigurationError('`webhookReceiver`: got one without `webhookUrl`; expected both, or neither.');
}
