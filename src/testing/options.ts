/**
 * What the emulator can be told when it is made, and what holds when nothing is said.
 */
import { checkFields } from './check.js';
import type { ManualClock } from './service/clock.js';

/** Sets up an emulator; every field may be left out. */
export interface EmulatorOptions {
  /** The only key that is accepted. Default: any key that is not empty. */
  apiKey?: string | undefined;
  /** What the account holds at the start, in US dollars. Default 100. */
  balance?: number | undefined;
  /** How long a task stays `created`, in milliseconds. Default 50. */
  createdMs?: number | undefined;
  /** How long a task then stays `processing`, in milliseconds. Default 250. */
  processingMs?: number | undefined;
  /** `real`, or a clock of your own that moves only when advanced. Default `real`. */
  clock?: 'real' | ManualClock | undefined;
  /** How many tasks may be started within a minute; beyond it 429. Default: no limit. */
  perMinute?: number | undefined;
  /** How many tasks may run at once; beyond it 429. Default: no limit. */
  concurrent?: number | undefined;
  /** How long after its submit a task's result URL still answers 404, in milliseconds. Default 0. */
  resultLagMs?: number | undefined;
  /** How long after its submit a task is still missing from the list, in milliseconds. Default 0. */
  listLagMs?: number | undefined;
  /** Whether outputs are flagged as not safe for work. Default false. */
  nsfw?: boolean | undefined;
  /** Makes every task end as `failed` with this message. Default: they complete. */
  failWith?: string | undefined;
  /** Whether a prediction carries the `input` it was made from. Default true. */
  returnInput?: boolean | undefined;
  /** The size of every output file, in bytes, made up as it is sent. Default: a small MP4 of the task's duration and aspect ratio. */
  outputBytes?: number | undefined;
  /** Whether output files can be fetched in parts (HTTP Range). Default true. */
  outputRanges?: boolean | undefined;
  /** Whether `POST /media/uploads` is known; when false it answers 404 and only the multipart upload works. Default true. */
  ticketUploads?: boolean | undefined;
  /** Whether uploaded bytes are kept to be served back; when false only their number is. Default true. */
  keepUploads?: boolean | undefined;
  /** The wait before a refused webhook is sent again, in milliseconds; doubled each time. Default 100. */
  webhookRetryMs?: number | undefined;
  /** How many times a delivered webhook is delivered once more, under the same id. Default 0. */
  webhookDuplicates?: number | undefined;
  /** The secret that webhooks are signed with. Default: one made up for this emulator. */
  webhookSecret?: string | undefined;
}

/** The options that mean "no limit" or "any" when they are left out. */
type OpenOption = 'apiKey' | 'perMinute' | 'concurrent' | 'failWith' | 'outputBytes' | 'webhookSecret';

/** The options with every default filled in. */
export type Settings = {
  [Field in keyof EmulatorOptions]-?: Field extends OpenOption
    ? EmulatorOptions[Field]
    : NonNullable<EmulatorOptions[Field]>;
};

function amount(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || Number.isNaN(value) || value < 0) {
    throw new RangeError(`${name}: got ${String(value)}; expected a number, 0 or more`);
  }
  return value;
}

function limit(name: string, value: number | undefined): number | undefined {
  return value === undefined ? undefined : amount(name, value, 0);
}

/**
 * Fills in the defaults, and refuses what cannot be meant.
 *
 * @param others The names of options that are read elsewhere.
 */
export function settle(options: EmulatorOptions, others: readonly string[]): Settings {
  if (options.apiKey !== undefined && options.apiKey.trim() === '') {
    throw new RangeError('apiKey: got an empty string; expected a key, or nothing to accept any');
  }
  const settings: Settings = {
    apiKey: options.apiKey,
    balance: amount('balance', options.balance, 100),
    createdMs: amount('createdMs', options.createdMs, 50),
    processingMs: amount('processingMs', options.processingMs, 250),
    clock: options.clock ?? 'real',
    perMinute: limit('perMinute', options.perMinute),
    concurrent: limit('concurrent', options.concurrent),
    resultLagMs: amount('resultLagMs', options.resultLagMs, 0),
    listLagMs: amount('listLagMs', options.listLagMs, 0),
    nsfw: options.nsfw ?? false,
    failWith: options.failWith,
    returnInput: options.returnInput ?? true,
    outputBytes: limit('outputBytes', options.outputBytes),
    outputRanges: options.outputRanges ?? true,
    ticketUploads: options.ticketUploads ?? true,
    keepUploads: options.keepUploads ?? true,
    webhookRetryMs: amount('webhookRetryMs', options.webhookRetryMs, 100),
    webhookDuplicates: amount('webhookDuplicates', options.webhookDuplicates, 0),
    webhookSecret: options.webhookSecret,
  };
  checkFields('the options', options, [...Object.keys(settings), ...others]);
  return settings;
}
