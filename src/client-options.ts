/** Options of the client, and their checks. */
import { ACCOUNT_LEVELS, type AccountLevel } from './core/account-levels.js';
import { ConfigurationError } from './core/errors/input-error.js';
import { findInterception } from './core/interception.js';
import {
  aFunction,
  type Check,
  checkInteger,
  checkMaxCost,
  checkMs,
  integer,
  ms,
  type OptionTable,
  readOptions,
  rejectOption,
} from './core/validate-options.js';
import { checkKey } from './http/api-key.js';
import type { OnRetry } from './http/retry.js';
import type { DispatcherLike } from './http/types.js';
import { memoryJournal } from './predictions/journal/memory.js';
import type { Journal } from './predictions/journal/journal.js';
import { checkPollInterval, type PollInterval } from './predictions/options.js';

/** Limits shared by all submits of a client. */
export interface SubmitLimits {
  /** Maximum submits within any minute. @default no limit */
  perMinute?: number | undefined;
  /**
   * Maximum concurrent tasks. A task counts until it or the call that waits for it has ended; a submit with an unknown
   * outcome, until it is known or for 30 minutes.
   *
   * @default no limit
   */
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
  /** Maximum size of an API response, in bytes: a response may show all inputs. @default 268_435_456 (256 MiB) */
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
  /** Undefined if the caller gave no journal, or one that cannot list its entries. */
  entries: Journal['entries'];
  idempotency: { leaseMs: number; settleMs: number };
  onRetry: OnRetry | undefined;
  clientName: string;
}

const anything: Check = () => undefined;

const CLIENT_OPTIONS = {
  apiKey: { check: anything },
  baseUrl: { check: anything },
  fetch: { check: aFunction },
  dispatcher: { check: checkDispatcher },
  connectTimeoutMs: { check: ms, default: 10_000 },
  requestTimeoutMs: { check: ms, default: 60_000 },
  maxResponseBytes: { check: integer(1), default: 256 * 1024 * 1024 },
  maxRetries: { check: integer(0), default: 3 },
  maxCost: { check: checkMaxCost, default: Infinity },
  timeoutMs: { check: ms, default: 30 * 60_000 },
  pollIntervalMs: { check: checkPollInterval },
  maxPollsPerSecond: { check: checkPollsPerSecond, default: 200 },
  level: { check: checkLevel },
  limits: { check: (value) => void readLimits(value as SubmitLimits) },
  journal: { check: checkJournal },
  idempotency: { check: (value) => void readIdempotency(value as object) },
  onRetry: { check: aFunction },
  clientName: { check: checkClientName, default: 'wavespeed-kling' },
} satisfies OptionTable<WaveSpeedKlingOptions>;

export function readClientOptions(options: WaveSpeedKlingOptions): ClientSettings {
  const given = readOptions<WaveSpeedKlingOptions, typeof CLIENT_OPTIONS>(
    options,
    CLIENT_OPTIONS,
    'options',
    '{ apiKey }',
  );
  const { apiKey, baseUrl, level, limits, journal, idempotency, ...others } = given;
  if (others.fetch !== undefined && others.dispatcher !== undefined) {
    throw new ConfigurationError('`fetch` and `dispatcher`: got both; expected at most one of them.');
  }
  if (level !== undefined && limits !== undefined) {
    throw new ConfigurationError('`level` and `limits`: got both; expected at most one of them.');
  }
  return {
    ...others,
    apiKey:
      typeof apiKey === 'function'
        ? apiKey
        : checkKey(apiKey ?? environment('WAVESPEED_API_KEY') ?? findInterception()?.apiKey),
    baseUrl: readBaseUrl(baseUrl ?? environment('WAVESPEED_BASE_URL') ?? 'https://api.wavespeed.ai'),
    limits: level === undefined ? readLimits(limits ?? {}) : ACCOUNT_LEVELS[level],
    journal: journal ?? memoryJournal(),
    entries: journal?.entries?.bind(journal),
    idempotency: readIdempotency(idempotency ?? {}),
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

function checkDispatcher(value: unknown): void {
  if (typeof (value as DispatcherLike | null)?.dispatch === 'function') return;
  rejectOption('dispatcher', value, 'an undici dispatcher, such as a ProxyAgent');
}

function checkPollsPerSecond(value: unknown): void {
  if (typeof value !== 'number' || !(value > 0)) rejectOption('maxPollsPerSecond', value, 'a number above 0');
}

function checkClientName(value: unknown): void {
  if (typeof value === 'string' && /^[\x20-\x7e]+$/.test(value)) return;
  rejectOption('clientName', value, 'printable ASCII');
}

function checkLevel(value: unknown): void {
  if (typeof value === 'string' && Object.hasOwn(ACCOUNT_LEVELS, value)) return;
  rejectOption('level', value, `one of ${Object.keys(ACCOUNT_LEVELS).join(', ')}`);
}

const LIMITS = {
  perMinute: { check: limit, default: Infinity },
  concurrency: { check: limit, default: Infinity },
};

const readLimits = (limits: SubmitLimits) =>
  readOptions<SubmitLimits, typeof LIMITS>(limits, LIMITS, 'limits', '{ perMinute: 500, concurrency: 300 }');

function limit(value: unknown, name: string): void {
  if (value !== Infinity) checkInteger(`limits.${name}`, value, 1);
}

function checkJournal(journal: unknown): void {
  const { get, put } = (journal ?? {}) as Partial<Record<'get' | 'put', unknown>>;
  if (typeof get === 'function' && typeof put === 'function') return;
  rejectOption('journal', journal, 'an object with the methods `get` and `put`, such as fileJournal(path)');
}

type IdempotencyOptions = NonNullable<WaveSpeedKlingOptions['idempotency']>;

const IDEMPOTENCY = {
  leaseMs: { check: (value: unknown) => checkMs('idempotency.leaseMs', value), default: 5000 },
  settleMs: { check: (value: unknown) => checkMs('idempotency.settleMs', value), default: 30_000 },
};

const readIdempotency = (options: IdempotencyOptions) =>
  readOptions<IdempotencyOptions, typeof IDEMPOTENCY>(
    options,
    IDEMPOTENCY,
    'idempotency',
    '{ leaseMs: 5_000, settleMs: 30_000 }',
  );
