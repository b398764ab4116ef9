/** Options of an emulator: defaults and validation. */
import { type DefinedModel, isDefinedModel } from '../models/defined-model.js';
import { checkChoice, checkFields } from './check.js';
import type { EmulatorPrice } from './service/prices.js';
import type { ManualClock } from './service/clock.js';

/** Options of `createEmulator`, `startEmulator` and `emulatorHandlers`. */
export interface EmulatorOptions {
  /** The only accepted API key. @default any non-empty key */
  apiKey?: string | undefined;
  /** Initial balance of the account, in US dollars. @default 100 */
  balance?: number | undefined;
  /** Models to serve in addition to the built-in ones, made by `defineModel`. @default none */
  models?: readonly DefinedModel[] | undefined;
  /**
   * Prices by model id, in US dollars a task, or as a function of the input. @default the models' own; where those are
   * unknown, a made-up $0.2 per second
   */
  prices?: Readonly<Record<string, EmulatorPrice>> | undefined;
  /** Time that a task stays `created`, in milliseconds. @default 50 */
  queueMs?: number | undefined;
  /** Time that a task then stays `processing`, in milliseconds. @default 250 */
  processingMs?: number | undefined;
  /** `real`, or a `ManualClock` that moves only when advanced. @default 'real' */
  clock?: 'real' | ManualClock | undefined;
  /** Maximum number of submits per minute; more are rejected with 429. @default no limit */
  perMinute?: number | undefined;
  /** Maximum number of tasks that run at the same time. @default no limit */
  concurrency?: number | undefined;
  /** Submits over `concurrency`: `reject` with 429, or `queue` (`created` until another task ends). @default 'reject' */
  overConcurrency?: 'reject' | 'queue' | undefined;
  /** HTTP status of a submit that the balance does not cover; its `error_code` is always 1406. @default 402 */
  insufficientCreditsStatus?: 400 | 402 | 403 | undefined;
  /** Time after a submit during which the result URL still responds 404, in milliseconds. @default 0 */
  resultLagMs?: number | undefined;
  /** Time after a submit during which the list does not show the task, in milliseconds. @default 0 */
  listLagMs?: number | undefined;
  /** Field in which the list shows a task's input to requests with `include_inputs: true`. @default 'inputs' */
  listInputs?: 'inputs' | 'input' | 'never' | undefined;
  /** Whether the result URL shows the task's `input`. @default true */
  returnInput?: boolean | undefined;
  /** Longest wait of a submit with `enable_sync_mode: true`, in milliseconds. @default 90000 */
  syncLimitMs?: number | undefined;
  /** Whether outputs are flagged as not safe for work. @default false */
  nsfw?: boolean | undefined;
  /** Error message with which every task fails. @default tasks complete */
  failWith?: string | undefined;
  /** Share of the submitted tasks that fail with `failWith`, from 0 to 1, spread evenly: 0.02 is every 50th. @default 1 */
  failShare?: number | undefined;
  /** Service code of failed tasks, `data.code`; 1200 is content moderation. @default 1403 */
  failCode?: number | undefined;
  /** Size of every output file, in bytes; the content is generated. @default a small MP4 of the task's duration and aspect ratio */
  outputBytes?: number | undefined;
  /** Whether output files can be fetched in parts (HTTP Range). @default true */
  outputRanges?: boolean | undefined;
  /** Whether `POST /media/uploads` exists; without it only multipart uploads work. @default true */
  ticketUploads?: boolean | undefined;
  /** Whether a ticket's headers hold `If-None-Match: *`: a PUT after a stored one responds 412. @default true */
  conditionalUploads?: boolean | undefined;
  /** Whether uploaded bytes are kept and served back; without it only their number is. @default true */
  keepUploads?: boolean | undefined;
  /** Delay before a rejected webhook is sent again, in milliseconds; doubled each time. @default 100 */
  webhookRetryMs?: number | undefined;
  /** Number of times that a delivered webhook is delivered again, with the same id. @default 0 */
  webhookDuplicates?: number | undefined;
  /** Secret that webhooks are signed with. @default a random one */
  webhookSecret?: string | undefined;
}

type OpenOption =
  | 'apiKey'
  | 'perMinute'
  | 'concurrency'
  | 'failWith'
  | 'failCode'
  | 'outputBytes'
  | 'webhookSecret';

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

function share(name: string, value: number | undefined): number {
  const given = amount(name, value, 1);
  if (given > 1) throw new RangeError(`${name}: got ${given}; expected a number from 0 to 1`);
  return given;
}

function limit(name: string, value: number | undefined): number | undefined {
  return value === undefined ? undefined : amount(name, value, 0);
}

function choice<Choice extends string>(
  name: string,
  value: Choice | undefined,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  if (value !== undefined) checkChoice(name, value, choices);
  return value ?? choices[0];
}

function checkModels(models: readonly unknown[]): void {
  if (Array.isArray(models) && models.every(isDefinedModel)) return;
  throw new RangeError('models: expected an array of models made by defineModel');
}

function checkPrices(prices: Readonly<Record<string, EmulatorPrice>>) {
  for (const [id, price] of Object.entries(prices)) {
    if (typeof price === 'function' || (Number.isFinite(price) && price >= 0)) continue;
    throw new RangeError(`prices: ${id}: got ${String(price)}; expected US dollars, or a function`);
  }
  return prices;
}

export function resolveOptions(options: EmulatorOptions, others: readonly string[]): Settings {
  if (options.apiKey !== undefined && options.apiKey.trim() === '') {
    throw new RangeError('apiKey: got an empty string; expected a key, or nothing to accept any');
  }
  if (options.failWith !== undefined && typeof options.failWith !== 'string') {
    throw new RangeError(`failWith: got ${String(options.failWith)}; expected the reason, as text`);
  }
  checkModels(options.models ?? []);
  const creditStatus = options.insufficientCreditsStatus ?? 402;
  if (![400, 402, 403].includes(creditStatus)) {
    throw new RangeError(`insufficientCreditsStatus: got ${String(creditStatus)}; expected 400, 402 or 403`);
  }
  const settings: Settings = {
    apiKey: options.apiKey,
    balance: amount('balance', options.balance, 100),
    models: options.models ?? [],
    prices: checkPrices(options.prices ?? {}),
    queueMs: amount('queueMs', options.queueMs, 50),
    processingMs: amount('processingMs', options.processingMs, 250),
    clock: options.clock ?? 'real',
    perMinute: limit('perMinute', options.perMinute),
    concurrency: limit('concurrency', options.concurrency),
    overConcurrency: choice('overConcurrency', options.overConcurrency, ['reject', 'queue']),
    insufficientCreditsStatus: creditStatus,
    resultLagMs: amount('resultLagMs', options.resultLagMs, 0),
    listLagMs: amount('listLagMs', options.listLagMs, 0),
    listInputs: choice('listInputs', options.listInputs, ['inputs', 'input', 'never']),
    returnInput: options.returnInput ?? true,
    syncLimitMs: amount('syncLimitMs', options.syncLimitMs, 90_000),
    nsfw: options.nsfw ?? false,
    failWith: options.failWith,
    failShare: share('failShare', options.failShare),
    failCode: limit('failCode', options.failCode),
    outputBytes: limit('outputBytes', options.outputBytes),
    outputRanges: options.outputRanges ?? true,
    ticketUploads: options.ticketUploads ?? true,
    conditionalUploads: options.conditionalUploads ?? true,
    keepUploads: options.keepUploads ?? true,
    webhookRetryMs: amount('webhookRetryMs', options.webhookRetryMs, 100),
    webhookDuplicates: amount('webhookDuplicates', options.webhookDuplicates, 0),
    webhookSecret: options.webhookSecret,
  };
  checkFields('the options', options, [...Object.keys(settings), ...others]);
  return settings;
}
