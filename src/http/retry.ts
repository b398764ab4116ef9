/** Decides when another attempt is allowed, and how long to wait before it. */
import pRetry from 'p-retry';
import { delay } from '../utils/abort.js';
import {
  ApiError,
  ConnectionError,
  InvalidResponseError,
  RateLimitError,
  RequestTimeoutError,
  ServerError,
  WaveSpeedError,
} from '../core/errors/index.js';
import { errorName, publish } from './diagnostics.js';

/** Argument of `onRetry`. */
export interface RetryContext {
  /** The operation that will be retried. */
  operation:
    | 'submit'
    | 'poll'
    | 'get'
    | 'list'
    | 'delete'
    | 'balance'
    | 'quote'
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
  shouldRetry: (error: unknown) => boolean;
  maxRetries: number;
  signal?: AbortSignal | undefined;
  deadlineAt?: number | undefined;
  onRetry?: OnRetry | undefined;
  predictionId?: string | undefined;
}

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

/** A read may be retried after a transient failure: no response, a timeout, an incomplete response, 408, 429 or 5xx. */
export function isRetryableRead(error: unknown): boolean {
  return (
    error instanceof ConnectionError ||
    error instanceof RequestTimeoutError ||
    error instanceof InvalidResponseError ||
    error instanceof RateLimitError ||
    error instanceof ServerError ||
    (error instanceof ApiError && error.status === 408)
  );
}

/** A submit may be retried only if it is proven not accepted: never sent, or rejected by a 429 that names no task. */
export function isRetryableSubmit(error: unknown): boolean {
  if (error instanceof RateLimitError) return error.predictionId === undefined;
  return error instanceof ConnectionError && !error.requestSent;
}

/** Ignores errors of the callback: they must not lose the task's id. */
export function emitRetry(context: RetryContext, onRetry: OnRetry | undefined): void {
  const { operation, attempt, delayMs, error, predictionId } = context;
  publish('retry', () => ({
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
    shouldRetry,
    maxRetries,
    signal,
    deadlineAt = Infinity,
    onRetry,
    predictionId,
  } = options;
  let willRetry = false;
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
    retries: maxRetries,
    shouldRetry: () => willRetry,
    onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
      const delayMs = getRetryDelay(attemptNumber, error);
      willRetry = retriesLeft > 0 && shouldRetry(error) && performance.now() + delayMs < deadlineAt;
      if (!willRetry) return;
      const context = { operation, attempt: attemptNumber, delayMs, error: error as WaveSpeedError };
      emitRetry(predictionId === undefined ? context : { ...context, predictionId }, onRetry);
      await delay(delayMs, signal);
    },
  });
  if ('thrown' in outcome) throw outcome.thrown;
  return outcome.value;
}
