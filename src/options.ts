/**
 * Checks the options of the client and of its calls, and says in a sentence what was expected.
 */
import { ConfigurationError } from './core/errors.js';
import { checkKey } from './http/api-client.js';
import type { PollInterval, WakeSource } from './predictions/poll.js';
import type { Prediction } from './core/prediction.js';
import type { OnRetry } from './http/retry.js';
import type { DispatcherLike } from './http/transport.js';
import { unknownOption } from './core/messages.js';

/** How a client is set up. */
export interface WaveSpeedKlingOptions {
  /** The API key, or a function that gives the current one before each attempt. Default: the environment variable WAVESPEED_API_KEY. */
  apiKey?: string | (() => string | Promise<string>) | undefined;
  /** Where the API is. The key goes nowhere else. Default: `https://api.wavespeed.ai`. */
  baseUrl?: string | undefined;
  /** Sends requests through this instead of undici. Default: undici, which proves more about a failed submit. */
  fetch?: typeof globalThis.fetch | undefined;
  /** An undici dispatcher of your own, such as a ProxyAgent or a MockAgent; you close it. Not together with `fetch`. */
  dispatcher?: DispatcherLike | undefined;
  /** How long connecting may take, in milliseconds. Default: 10,000. Not used with `fetch` or `dispatcher`. */
  connectTimeoutMs?: number | undefined;
  /** How long one attempt may take from when it is sent until its answer is whole, in milliseconds. Default: 60,000. */
  requestTimeoutMs?: number | undefined;
  /**
   * How many times a request is made again at most: a read after a failure that may pass, a submit only after proof
   * that it was not accepted. A wait goes on until its own deadline. Default: 3.
   */
  maxRetries?: number | undefined;
  /** What one task may cost at most, in US dollars; a lower `maxCost` of a call wins, a higher one does not. Default: no limit. */
  maxCost?: number | undefined;
  /** Is told of each failed request that will be made again. */
  onRetry?: OnRetry | undefined;
  /** Sent as `X-Client-Name`, for your own statistics at WaveSpeed. Default: `wavespeed-kling`. */
  clientName?: string | undefined;
}

/** What every call takes. */
export interface CallOptions {
  /** Ends the call at once; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** How a task is submitted. */
export interface SubmitOptions extends CallOptions {
  /** What this task may cost at most, in US dollars; checked before anything is uploaded or sent. Default: the client's. */
  maxCost?: number | undefined;
  /** Is called with the task as soon as the service has accepted it, and awaited: here is the place to save its id. */
  onSubmitted?: ((prediction: Prediction) => void | Promise<void>) | undefined;
  /** Where the service shall post the task when it has ended: https, or http to this machine. */
  webhook?: string | undefined;
}

/** How a task is waited for. */
export interface WaitOptions extends CallOptions {
  /**
   * How long to wait at most, in milliseconds; the task itself goes on. For `run` it counts from the call, and nothing is
   * submitted after it. Default: 1,800,000 (30 minutes).
   */
  timeoutMs?: number | undefined;
  /**
   * How long to wait between two looks, in milliseconds, or a function of the milliseconds waited so far. Default: one
   * second at first, then a twentieth of the time waited, at most 5 seconds; 30 seconds with `webhooks`.
   */
  pollIntervalMs?: PollInterval | undefined;
  /** Is called with the task at every change of its status, the last included; awaited, so that changes come in order. */
  onUpdate?: ((prediction: Prediction) => void | Promise<void>) | undefined;
  /**
   * A webhook receiver that ends the wait as soon as the event comes; an end without a video is confirmed by a look
   * first. Polling goes on slowly, lest the event never comes.
   */
  webhooks?: WakeSource | undefined;
}

/** How a task is submitted and waited for. */
export interface RunOptions extends SubmitOptions, WaitOptions {}

/** How many tasks an account may start in a minute, and run at once, by its level. Source: WaveSpeed's documentation. */
export const ACCOUNT_LEVELS = {
  bronze: { perMinute: 2, concurrency: 2 },
  silver: { perMinute: 500, concurrency: 300 },
  gold: { perMinute: 3000, concurrency: 3000 },
  ultra: { perMinute: 5000, concurrency: 10_000 },
} as const;

/** How many requests are run. A request's `timeoutMs` counts from its turn. */
export interface RunManyOptions extends Pick<
  RunOptions,
  'signal' | 'timeoutMs' | 'pollIntervalMs' | 'webhook' | 'webhooks'
> {
  /** The account's level, which sets `perMinute` and `concurrency`. Default: `bronze`, the lowest. */
  level?: keyof typeof ACCOUNT_LEVELS | undefined;
  /** How many tasks may be under way at once. Default: the level's. */
  concurrency?: number | undefined;
  /** How many tasks may be started within any minute. Default: the level's. */
  perMinute?: number | undefined;
  /** What the whole batch may cost, in US dollars. Default: no limit but the client's, which is a task's. */
  maxCost?: number | undefined;
  /** Is called when a task was accepted, and awaited: here is the place to save its id. */
  onSubmitted?: ((prediction: Prediction, index: number) => void | Promise<void>) | undefined;
  /** Is called at every change of a task's status. */
  onUpdate?: ((prediction: Prediction, index: number) => void | Promise<void>) | undefined;
}

/** The client's options with their defaults, checked. */
export interface ClientSettings {
  apiKey: string | (() => string | Promise<string>);
  baseUrl: string;
  fetch: typeof globalThis.fetch | undefined;
  dispatcher: DispatcherLike | undefined;
  connectTimeoutMs: number;
  requestTimeoutMs: number;
  maxRetries: number;
  maxCost: number;
  onRetry: OnRetry | undefined;
  clientName: string;
}

export const DEFAULT_TIMEOUT_MS = 30 * 60_000;

const CLIENT_OPTIONS = [
  'apiKey',
  'baseUrl',
  'fetch',
  'dispatcher',
  'connectTimeoutMs',
  'requestTimeoutMs',
  'maxRetries',
  'maxCost',
  'onRetry',
  'clientName',
] as const satisfies readonly (keyof WaveSpeedKlingOptions)[];

const RUN_OPTIONS = [
  'signal',
  'timeoutMs',
  'pollIntervalMs',
  'onSubmitted',
  'onUpdate',
  'webhook',
  'webhooks',
  'maxCost',
] as const satisfies readonly (keyof RunOptions)[];

/** Shows what can be no secret; of all else, the key in the wrong place or a proxy's URL with its password, only the kind. */
function shown(value: unknown): string {
  if (value === null || ['undefined', 'number', 'boolean'].includes(typeof value)) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function refuse(name: string, given: unknown, expected: string): never {
  throw new ConfigurationError(`\`${name}\`: got ${shown(given)}; expected ${expected}.`);
}

/** Refuses names it does not know: a misspelt `maxCost` would be no limit at all. */
export function checkNames(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new ConfigurationError(unknownOption(name, known));
  }
}

/** Refuses what is no object; its name and an example are for the message. */
export function checkObject(name: string, value: unknown, example: string): asserts value is object {
  if (typeof value !== 'object' || value === null) refuse(name, value, `an object such as ${example}`);
}

function checkMs(name: string, value: unknown): void {
  if (typeof value !== 'number' || !(value > 0)) refuse(name, value, 'a number of milliseconds above 0');
}

function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') refuse(name, value, 'a function');
}

function checkMaxCost(value: unknown): void {
  if (value !== undefined && (typeof value !== 'number' || !(value >= 0))) {
    refuse('maxCost', value, 'an amount in US dollars, such as 0.5');
  }
}

/** Checks the client's options and fills in the defaults. */
export function readClientOptions(options: unknown): ClientSettings {
  checkObject('options', options, '{ apiKey }');
  checkNames(options, CLIENT_OPTIONS);
  const given = options as WaveSpeedKlingOptions;
  const {
    apiKey,
    baseUrl = 'https://api.wavespeed.ai',
    fetch,
    dispatcher,
    connectTimeoutMs = 10_000,
    requestTimeoutMs = 60_000,
    maxRetries = 3,
    maxCost,
    onRetry,
    clientName = 'wavespeed-kling',
  } = given;

  checkFunction('fetch', fetch);
  if (dispatcher !== undefined && typeof dispatcher?.dispatch !== 'function') {
    refuse('dispatcher', dispatcher, 'an undici dispatcher, such as a ProxyAgent');
  }
  if (fetch !== undefined && dispatcher !== undefined) {
    throw new ConfigurationError('`fetch` and `dispatcher`: got both; expected at most one of them.');
  }
  checkMs('connectTimeoutMs', connectTimeoutMs);
  checkMs('requestTimeoutMs', requestTimeoutMs);
  if (!Number.isInteger(maxRetries) || maxRetries < 0)
    refuse('maxRetries', maxRetries, 'a whole number, 0 or more');
  checkMaxCost(maxCost);
  checkFunction('onRetry', onRetry);
  if (typeof clientName !== 'string' || !/^[\x20-\x7e]+$/.test(clientName)) {
    refuse('clientName', clientName, 'a text of printable ASCII');
  }
  return {
    apiKey: typeof apiKey === 'function' ? apiKey : checkKey(apiKey ?? process.env.WAVESPEED_API_KEY),
    baseUrl: readBaseUrl(baseUrl),
    fetch,
    dispatcher,
    connectTimeoutMs,
    requestTimeoutMs,
    maxRetries,
    maxCost: maxCost ?? Infinity,
    onRetry,
    clientName,
  };
}

function readBaseUrl(value: unknown): string {
  const expected = 'the http(s) origin of the API, such as "https://api.wavespeed.ai"';
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return refuse('baseUrl', value, expected);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new ConfigurationError(
      `\`baseUrl\`: has credentials, a query or a fragment; expected ${expected}.`,
    );
  }
  const base = url.href.replace(/\/+$/, '');
  if (base.endsWith('/api/v3')) {
    throw new ConfigurationError(`\`baseUrl\`: got "${base}"; expected ${expected}, without "/api/v3".`);
  }
  return base;
}

/** Checks the options of many runs, but for the limits. */
export function readManyOptions(options: RunManyOptions): void {
  readRunOptions(options as RunOptions, [...RUN_OPTIONS, 'level', 'concurrency', 'perMinute']);
  accountLimits(options);
}

/** Gives the limits that many runs keep to. */
export function accountLimits(options: RunManyOptions): { concurrency: number; perMinute: number } {
  const { level = 'bronze' } = options;
  if (!Object.hasOwn(ACCOUNT_LEVELS, level)) {
    refuse('level', level, `one of ${Object.keys(ACCOUNT_LEVELS).join(', ')}`);
  }
  const { concurrency = ACCOUNT_LEVELS[level].concurrency, perMinute = ACCOUNT_LEVELS[level].perMinute } =
    options;
  for (const [name, value] of Object.entries({ concurrency, perMinute })) {
    if (!Number.isInteger(value) || value < 1) refuse(name, value, 'a whole number, 1 or more');
  }
  return { concurrency, perMinute };
}

/** Checks the options of a call. */
export function readRunOptions<Options extends RunOptions>(
  options: Options,
  known: readonly string[] = RUN_OPTIONS,
): Options {
  checkObject('options', options, '{ signal }');
  checkNames(options, known);
  const { signal, timeoutMs, pollIntervalMs, onSubmitted, onUpdate, webhook, webhooks, maxCost } = options;
  checkSignal(signal);
  if (timeoutMs !== undefined) checkMs('timeoutMs', timeoutMs);
  if (
    pollIntervalMs !== undefined &&
    typeof pollIntervalMs !== 'function' &&
    !(typeof pollIntervalMs === 'number' && pollIntervalMs >= 0 && pollIntervalMs < Infinity)
  ) {
    refuse(
      'pollIntervalMs',
      pollIntervalMs,
      'a number of milliseconds, 0 or more, or a function that gives one',
    );
  }
  checkFunction('onSubmitted', onSubmitted);
  checkFunction('onUpdate', onUpdate);
  checkMaxCost(maxCost);
  if (webhook !== undefined) checkWebhook(webhook);
  if (webhooks !== undefined && typeof webhooks?.subscribe !== 'function') {
    refuse('webhooks', webhooks, 'a webhook receiver');
  }
  return options;
}

/** Checks the options of a call that takes a signal alone. */
export function readCallOptions(options: CallOptions): CallOptions {
  checkObject('options', options, '{ signal }');
  checkNames(options, ['signal']);
  checkSignal(options.signal);
  return options;
}

function checkSignal(signal: unknown): void {
  if (signal === undefined) return;
  const { aborted, addEventListener, throwIfAborted } = (signal ?? {}) as Record<string, unknown>;
  if (
    typeof aborted !== 'boolean' ||
    typeof addEventListener !== 'function' ||
    typeof throwIfAborted !== 'function'
  ) {
    refuse('signal', signal, 'an AbortSignal');
  }
}

function checkWebhook(webhook: unknown): void {
  const url = typeof webhook === 'string' && URL.canParse(webhook) ? new URL(webhook) : undefined;
  const local = url !== undefined && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && local)) return;
  // The URL may have a token in its query.
  throw new ConfigurationError('`webhook`: expected an https URL that the service can reach.');
}
