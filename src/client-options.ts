/** Options of the client, and their checks. */
import { ConfigurationError } from './core/errors/input-error.js';
import { findInterception } from './core/interception.js';
import {
  checkFunction,
  checkInteger,
  checkMaxCost,
  checkMs,
  checkNames,
  checkObject,
  rejectOption,
} from './core/validate-options.js';
import { checkKey } from './http/api-key.js';
import type { OnRetry } from './http/retry.js';
import type { DispatcherLike } from './http/types.js';
import { memoryJournal } from './predictions/journal/memory-journal.js';
import type { Journal } from './predictions/journal/journal.js';
import { checkPollInterval, DEFAULT_TIMEOUT_MS } from './predictions/options.js';
import { type PollInterval } from './predictions/poll.js';

/** Limits of tasks submitted per minute and running concurrently, by account level. Source: WaveSpeed's documentation. */
export const ACCOUNT_LEVELS = {
  bronze: { perMinute: 2, concurrency: 2 },
  silver: { perMinute: 500, concurrency: 300 },
  gold: { perMinute: 3000, concurrency: 3000 },
  ultra: { perMinute: 5000, concurrency: 10_000 },
} as const;

/** Level of a WaveSpeed account. */
export type AccountLevel = keyof typeof ACCOUNT_LEVELS;

/** Limits shared by all submits of a client. */
export interface SubmitLimits {
  /** Maximum submits within any minute. @default no limit */
  perMinute?: number | undefined;
  /** Maximum concurrent tasks. A task counts until it or the call that waits for it has ended. @default no limit */
  concurrency?: number | undefined;
}

/** Options of `new WaveSpeedKling()`. */
export interface WaveSpeedKlingOptions {
  /** API key, or a function that returns the current one before each attempt. @default process.env.WAVESPEED_API_KEY */
  apiKey?: string | (() => string | Promise<string>) | undefined;
  /** Origin of the API. The key is sent nowhere else. @default process.env.WAVESPEED_BASE_URL, or https://api.wavespeed.ai */
  baseUrl?: string | undefined;
  /** Custom fetch. With undici, the default, more failed submits are proven unsent and can be retried. */
  fetch?: typeof globalThis.fetch | undefined;
  /** An undici dispatcher (7 or 8), such as a ProxyAgent or a MockAgent. The caller closes it. Cannot be combined with `fetch`. */
  dispatcher?: DispatcherLike | undefined;
  /** Connect timeout, in milliseconds. Not used with `fetch` or `dispatcher`. @default 10_000 */
  connectTimeoutMs?: number | undefined;
  /** Timeout per attempt, including the response body, in milliseconds. @default 60_000 */
  requestTimeoutMs?: number | undefined;
  /** Maximum size of an API response, in bytes. @default 16_777_216 (16 MiB) */
  maxResponseBytes?: number | undefined;
  /** Maximum retries of a read after a transient failure, or of a submit that was proven not accepted. @default 3 */
  maxRetries?: number | undefined;
  /** Maximum cost of one task, in US dollars. A call can lower it, but not raise it. @default no limit */
  maxCost?: number | undefined;
  /** Default of `WaitOptions.timeoutMs`, in milliseconds. @default 1_800_000 (30 minutes) */
  timeoutMs?: number | undefined;
  /** Default of `WaitOptions.pollIntervalMs`, in milliseconds. @default 1_000 */
  pollIntervalMs?: PollInterval | undefined;
  /** Maximum polls per second over all waits of this client. @default 200 */
  maxPollsPerSecond?: number | undefined;
  /** Account level: limits the submits of this client. Cannot be combined with `limits`. @default no limit */
  level?: AccountLevel | undefined;
  /** Limits the submits of this client. @default no limit */
  limits?: SubmitLimits | undefined;
  /** Store of the idempotency keys. @default memoryJournal(), which does not survive the process */
  journal?: Journal | undefined;
  /** Timing of idempotency keys, in milliseconds. @default { leaseMs: 5_000, settleMs: 30_000 } */
  idempotency?:
    | {
        /** How long after its mark a submit may begin. */
        leaseMs?: number | undefined;
        /** How long the history may lag behind an accepted submit. */
        settleMs?: number | undefined;
      }
    | undefined;
  /** Called for each failed request that will be retried. */
  onRetry?: OnRetry | undefined;
  /** Sent as `X-Client-Name`. @default 'wavespeed-kling' */
  clientName?: string | undefined;
}

export interface ClientSettings {
  apiKey: string | (() => string | Promise<string>);
  baseUrl: string;
  fetch: typeof globalThis.fetch | undefined;
  dispatcher: DispatcherLike | undefined;
  connectTimeoutMs: number;
  requestTimeoutMs: number;
  maxResponseBytes: number;
  maxRetries: number;
  maxCost: number;
  timeoutMs: number;
  /** Undefined for the default, which differs with a webhook receiver. */
  pollIntervalMs: PollInterval | undefined;
  maxPollsPerSecond: number;
  limits: { perMinute: number; concurrency: number };
  journal: Journal;
  idempotency: { leaseMs: number; settleMs: number };
  onRetry: OnRetry | undefined;
  clientName: string;
}

const CLIENT_OPTIONS = [
  'apiKey',
  'baseUrl',
  'fetch',
  'dispatcher',
  'connectTimeoutMs',
  'requestTimeoutMs',
  'maxResponseBytes',
  'maxRetries',
  'maxCost',
  'timeoutMs',
  'pollIntervalMs',
  'maxPollsPerSecond',
  'level',
  'limits',
  'journal',
  'idempotency',
  'onRetry',
  'clientName',
] as const satisfies readonly (keyof WaveSpeedKlingOptions)[];

export function readClientOptions(options: unknown): ClientSettings {
  checkObject('options', options, '{ apiKey }');
  checkNames(options, CLIENT_OPTIONS);
  const given = options as WaveSpeedKlingOptions;
  const { apiKey, fetch, dispatcher, pollIntervalMs, journal, clientName = 'wavespeed-kling' } = given;

  checkFunction('fetch', fetch);
  if (dispatcher !== undefined && typeof dispatcher?.dispatch !== 'function') {
    rejectOption('dispatcher', dispatcher, 'an undici dispatcher, such as a ProxyAgent');
  }
  if (fetch !== undefined && dispatcher !== undefined) {
    throw new ConfigurationError('`fetch` and `dispatcher`: got both; expected at most one of them.');
  }
  for (const name of ['connectTimeoutMs', 'requestTimeoutMs', 'timeoutMs'] as const)
    checkMs(name, given[name]);
  checkInteger('maxResponseBytes', given.maxResponseBytes, 1);
  checkInteger('maxRetries', given.maxRetries, 0);
  checkMaxCost(given.maxCost);
  checkPollInterval(pollIntervalMs);
  const { maxPollsPerSecond = 200 } = given;
  if (typeof maxPollsPerSecond !== 'number' || !(maxPollsPerSecond > 0)) {
    rejectOption('maxPollsPerSecond', maxPollsPerSecond, 'a number above 0');
  }
  checkJournal(journal);
  checkFunction('onRetry', given.onRetry);
  if (typeof clientName !== 'string' || !/^[\x20-\x7e]+$/.test(clientName)) {
    rejectOption('clientName', clientName, 'printable ASCII');
  }
  return {
    apiKey:
      typeof apiKey === 'function'
        ? apiKey
        : checkKey(apiKey ?? environment('WAVESPEED_API_KEY') ?? findInterception()?.apiKey),
    baseUrl: readBaseUrl(given.baseUrl ?? environment('WAVESPEED_BASE_URL') ?? 'https://api.wavespeed.ai'),
    fetch,
    dispatcher,
    connectTimeoutMs: given.connectTimeoutMs ?? 10_000,
    requestTimeoutMs: given.requestTimeoutMs ?? 60_000,
    maxResponseBytes: given.maxResponseBytes ?? 16 * 1024 * 1024,
    maxRetries: given.maxRetries ?? 3,
    maxCost: given.maxCost ?? Infinity,
    timeoutMs: given.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    pollIntervalMs,
    maxPollsPerSecond,
    limits: readLimits(given),
    journal: journal ?? memoryJournal(),
    idempotency: readIdempotency(given.idempotency),
    onRetry: given.onRetry,
    clientName,
  };
}

function environment(name: string): string | undefined {
  return process.env[name] || undefined;
}

function readBaseUrl(value: unknown): string {
  const expected = 'the http(s) origin of the API, such as "https://api.wavespeed.ai"';
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return rejectOption('baseUrl', value, expected);
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

function readLimits({ level, limits }: WaveSpeedKlingOptions): ClientSettings['limits'] {
  if (level !== undefined && limits !== undefined) {
    throw new ConfigurationError('`level` and `limits`: got both; expected at most one of them.');
  }
  if (level !== undefined) {
    if (typeof level !== 'string' || !Object.hasOwn(ACCOUNT_LEVELS, level)) {
      rejectOption('level', level, `one of ${Object.keys(ACCOUNT_LEVELS).join(', ')}`);
    }
    return ACCOUNT_LEVELS[level];
  }
  if (limits === undefined) return { perMinute: Infinity, concurrency: Infinity };
  checkObject('limits', limits, '{ perMinute: 500, concurrency: 300 }');
  checkNames(limits, ['perMinute', 'concurrency']);
  const { perMinute = Infinity, concurrency = Infinity } = limits;
  if (perMinute !== Infinity) checkInteger('limits.perMinute', perMinute, 1);
  if (concurrency !== Infinity) checkInteger('limits.concurrency', concurrency, 1);
  return { perMinute, concurrency };
}

function checkJournal(journal: unknown): void {
  if (journal === undefined) return;
  const { get, put } = (journal ?? {}) as Partial<Record<'get' | 'put', unknown>>;
  if (typeof get !== 'function' || typeof put !== 'function') {
    rejectOption('journal', journal, 'an object with the methods `get` and `put`, such as fileJournal(path)');
  }
}

function readIdempotency(value: unknown): ClientSettings['idempotency'] {
  if (value === undefined) return { leaseMs: 5000, settleMs: 30_000 };
  checkObject('idempotency', value, '{ leaseMs: 5_000, settleMs: 30_000 }');
  checkNames(value, ['leaseMs', 'settleMs']);
  const { leaseMs = 5000, settleMs = 30_000 } = value as Partial<ClientSettings['idempotency']>;
  checkMs('idempotency.leaseMs', leaseMs);
  checkMs('idempotency.settleMs', settleMs);
  return { leaseMs, settleMs };
}
