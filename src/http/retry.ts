/** Decides when another attempt is allowed, and how long to wait before it. */
import pRetry from 'p-retry';
import { delay } from '../utils/abort.js';
import {
  ApiError,
  ConnectionError,
  InvalidResponseError,
  RateLimitError,
  RequestTimeoutError,
  WaveSpeedError,
} from '../core/errors/index.js';
import { isRefusal } from '../core/service-codes.js';
import { isTransientStatus } from '../core/transient-status.js';
import { errorName, publish } from './diagnostics.js';
import { isPage } from './api-answer.js';

/** Argument of `onRetry`. */
export interface RetryContext {
  /** The operation that will be retried. */
  operation:
    | 'submit'
    /** The search for the task of a key whose submit has an unknown outcome. */
    | 'recover'
    | 'poll'
    | 'get'
    | 'list'
    | 'delete'
    | 'balance'
    | 'billings'
    | 'usage'
    | 'quote'
    | 'listModels'
    | 'webhookSecret'
    | 'upload'
    | 'download';
  /** Number of the failed attempt, from 1. */
  attempt: number;
  /** Delay before the next attempt, in milliseconds. */
  delayMs: number;
  /** Error of the failed attempt. */
  error: WaveSpeedError;
  /** Id of the task, once it is known. */
  predictionId?: string;
}

/** Called for each failure that will be retried; not awaited. */
export type OnRetry = (context: RetryContext) => void;

export interface RetryOptions {
  operation: RetryContext['operation'];
  /** @default isTransient */
  shouldRetry?: ((error: unknown) => boolean) | undefined;
  maxRetries: number;
  signal?: AbortSignal | undefined;
  deadlineAt?: number | undefined;
  onRetry?: OnRetry | undefined;
  predictionId?: string | undefined;
  /** Bytes that have arrived so far. An attempt that made progress starts the count of attempts again. */
  getBytes?: (() => number) | undefined;
}

/** With this many new bytes an attempt made progress: a large file on a bad connection needs more attempts than a small one. */
const MIN_PROGRESS_BYTES = 64 * 1024;

/** Bounds of a delay, in milliseconds. The service may ask for its rate window, which is a minute. */
const MIN_DELAY_MS = 100;
const BASE_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Returns the delay after a failed attempt (1 for the first), in milliseconds: `Retry-After` within bounds, otherwise
 * exponential backoff with full jitter.
 */
export function getRetryDelay(attempt: number, error: unknown): number {
  const asked = error instanceof ApiError ? error.retryAfterMs : undefined;
  if (asked !== undefined) return Math.min(Math.max(asked, MIN_DELAY_MS), MAX_RETRY_AFTER_MS);
  const backoff = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** (attempt - 1));
  return Math.max(MIN_DELAY_MS, Math.random() * backoff);
}

/**
 * Returns true for a transient failure: reads and uploads are repeated after it, polls go on, and downloads resume. After
 * any other failure another attempt would end in the same way.
 */
export function isTransient(error: unknown): error is WaveSpeedError {
  // No response, a late one, or one that is not the API's: a gateway may stand in between.
  if (error instanceof ConnectionError || error instanceof RequestTimeoutError) return true;
  if (error instanceof InvalidResponseError) return true;
  // Also as 400 or 403, with a message about concurrency.
  if (error instanceof RateLimitError) return true;
  if (!(error instanceof ApiError)) return false;
  // A gateway's 403 or 404 says nothing about the key or the task.
  if (isPage(error.body)) return true;
  // An error under HTTP 200: its code decides.
  return error.status < 400 ? !isRefusal(error.code) : isTransientStatus(error.status);
}

/** Ignores errors of the callback: they must not lose the task's id. */
export function emitRetry(context: RetryContext, onRetry: OnRetry | undefined, signal?: AbortSignal): void {
  const { operation, attempt, delayMs, error, predictionId } = context;
  publish('retry', signal, () => ({
    operation,
    attempt,
    delayMs,
    error: errorName(error),
    ...(predictionId === undefined ? {} : { predictionId }),
  }));
  try {
    // The callback is not awaited; its rejection must not crash the process.
    const result: unknown = onRetry?.(context);
    void Promise.resolve(result).catch(() => undefined);
  } catch (cause) {
    throw new WaveSpeedError('`onRetry` threw; see the cause.', { cause, predictionId });
  }
}

/** Delays are our own. On Node 20, p-retry takes 8 µs to fill in missing options. */
const NO_BACKOFF = {
  factor: 1,
  minTimeout: 0,
  maxTimeout: Infinity,
  maxRetryTime: Infinity,
  randomize: false,
  shouldConsumeRetry: () => true,
};

/**
 * Retries until an attempt succeeds, fails permanently, or retries or time run out. Rejects with the last failure or
 * the signal's reason.
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const {
    operation,
    shouldRetry = isTransient,
    maxRetries,
    signal,
    deadlineAt = Infinity,
    onRetry,
    predictionId,
    getBytes = () => 0,
  } = options;
  let willRetry = false;
  let failures = 0;
  let bytes = getBytes();
  const run = async (): Promise<{ value: T } | { thrown: unknown }> => {
    try {
      return { value: await attempt() };
    } catch (error) {
      // p-retry only rejects with Errors; an abort reason can be any value.
      if (!(error instanceof Error)) return { thrown: error };
      throw error;
    }
  };
  // p-retry gets no signal: it would discard a successful attempt, and with it a paid task, if the signal aborts then.
  const outcome = await pRetry(run, {
    ...NO_BACKOFF,
    // Counted here, because progress starts the count again.
    retries: Infinity,
    shouldRetry: () => willRetry,
    onFailedAttempt: async ({ error }) => {
      const hasProgressed = getBytes() - bytes >= MIN_PROGRESS_BYTES;
      bytes = getBytes();
      failures = hasProgressed ? 0 : failures + 1;
      const attemptNumber = Math.max(1, failures);
      const delayMs = getRetryDelay(attemptNumber, error);
      const hasRetries = maxRetries > 0 && failures <= maxRetries;
      willRetry = hasRetries && shouldRetry(error) && performance.now() + delayMs < deadlineAt;
      if (!willRetry) return;
      signal?.throwIfAborted();
      const context = { operation, attempt: attemptNumber, delayMs, error: error as WaveSpeedError };
      emitRetry(predictionId === undefined ? context : { ...context, predictionId }, onRetry, signal);
      await delay(delayMs, signal);
    },
  });
  if ('thrown' in outcome) throw outcome.thrown;
  return outcome.value;
}
