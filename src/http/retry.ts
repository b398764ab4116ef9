/**
 * Decides when another attempt is allowed and how long to wait before it; the only file that knows p-retry.
 */
import pRetry, { AbortError } from 'p-retry';
import { sleep } from '../utils/abort.js';
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
import { provesNothingSent, retryAfterOf } from './api-client.js';

/** What `onRetry` is told. */
export interface RetryContext {
  /** What failed and will be done again. */
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
  /** Which attempt failed: 1 for the first. */
  attempt: number;
  /** How long until the next one, in milliseconds. */
  delayMs: number;
  /** Why it failed. */
  error: WaveSpeedError;
  /** The task it is about, once there is one. */
  predictionId?: string;
}

/** Is told of a failure that will be tried again; not waited for. */
export type OnRetry = (context: RetryContext) => void;

/** How one operation may be repeated. */
export interface RetryRules {
  operation: RetryContext['operation'];
  /** Whether this failure allows another attempt. */
  allows: (error: unknown) => boolean;
  /** How many attempts there may be after the first. */
  maxRetries: number;
  signal?: AbortSignal | undefined;
  /** By `performance.now()`: when the caller's time is up; no wait goes past it. */
  deadlineAt?: number | undefined;
  onRetry?: OnRetry | undefined;
  predictionId?: string | undefined;
}

/** Bounds of a wait, in milliseconds. The cap on what a service may ask is its rate window, a minute. */
const FLOOR_MS = 100;
const BASE_MS = 500;
const CAP_MS = 30_000;
const RETRY_AFTER_CAP_MS = 60_000;

/**
 * Says how long to wait after the given failed attempt (1 for the first), in milliseconds: what `Retry-After` asked,
 * within bounds, else exponential backoff with full jitter.
 */
export function delayAfter(attempt: number, error: unknown): number {
  const asked = retryAfterOf(error);
  if (asked !== undefined) return Math.min(Math.max(asked, FLOOR_MS), RETRY_AFTER_CAP_MS);
  return Math.max(FLOOR_MS, Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1)));
}

/** A read may be repeated after what may pass: no answer, a late or a broken one, 408, 429, 5xx. */
export function readMayBeRepeated(error: unknown): boolean {
  return (
    error instanceof ConnectionError ||
    error instanceof RequestTimeoutError ||
    error instanceof InvalidResponseError ||
    error instanceof RateLimitError ||
    error instanceof ServerError ||
    (error instanceof ApiError && error.status === 408)
  );
}

/** A submit may be repeated only when it is proven that it was not accepted: never sent, or answered 429. */
export function submitMayBeRepeated(error: unknown): boolean {
  return error instanceof RateLimitError || provesNothingSent(error);
}

/** Tells `onRetry` and the observers; a callback that throws is the caller's bug, and must not cost the task's id. */
export function announceRetry(context: RetryContext, onRetry: OnRetry | undefined): void {
  const { operation, attempt, delayMs, error, predictionId } = context;
  publish('retry', () => ({
    operation,
    attempt,
    delayMs,
    error: errorName(error),
    ...(predictionId === undefined ? {} : { predictionId }),
  }));
  try {
    // An async one is not waited for, and must not end the process when it fails.
    const result: unknown = onRetry?.(context);
    void Promise.resolve(result).catch(() => undefined);
  } catch (cause) {
    throw new WaveSpeedError('`onRetry` threw; see the cause.', { cause, predictionId });
  }
}

/** Attempts until it succeeds, fails for good, or the rules end it; rejects with the last failure or the abort's reason. */
export async function retrying<T>(attempt: () => Promise<T>, rules: RetryRules): Promise<T> {
  const { operation, allows, maxRetries, signal, deadlineAt = Infinity, onRetry, predictionId } = rules;
  // Most succeed at once: p-retry hears of failures alone.
  let first: Promise<T> | undefined = attempt();
  try {
    return await first;
  } catch {
    // Its turn comes below.
  }
  // p-retry only lets Errors through, and an abort's reason may be anything.
  let thrown: { value: unknown } | undefined;
  const guarded = async () => {
    const current = first ?? attempt();
    first = undefined;
    try {
      return await current;
    } catch (value) {
      if (value instanceof Error) throw value;
      thrown = { value };
      throw new AbortError('not an Error');
    }
  };
  try {
    // p-retry gets no signal: it would throw away an attempt that succeeded as the abort came. The waiting is done in
    // shouldRetry, because the delay depends on the error.
    return await pRetry(guarded, {
      retries: maxRetries,
      minTimeout: 0,
      shouldRetry: async ({ error, attemptNumber }) => {
        if (!allows(error)) return false;
        const delayMs = delayAfter(attemptNumber, error);
        if (performance.now() + delayMs >= deadlineAt) return false;
        const context = { operation, attempt: attemptNumber, delayMs, error: error as WaveSpeedError };
        announceRetry(predictionId === undefined ? context : { ...context, predictionId }, onRetry);
        await sleep(delayMs, signal);
        return true;
      },
    });
  } catch (error) {
    throw thrown === undefined ? error : thrown.value;
  }
}
