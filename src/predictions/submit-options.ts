/** Options of `submit` and `run`, and their checks. */
import { ConfigurationError } from '../core/errors/index.js';
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
import { WAIT_OPTIONS, type WaitOptions } from './wait-options.js';

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
