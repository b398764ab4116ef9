/** Polls a task until it ends, within a deadline, and yields every change of its status. */
import {
  ApiError,
  AuthenticationError,
  ConfigurationError,
  NotFoundError,
  PermissionError,
  WaveSpeedError,
  withPredictionId,
} from '../core/errors/index.js';
import { isTerminal, type Prediction } from '../core/prediction.js';
import { isKeyFailure } from '../http/api-key.js';
import { MAX_TIMER_MS, addAbortListener } from '../utils/abort.js';
import { FailedPolls } from './failed-polls.js';
import type { PollScheduler } from './poll-scheduler.js';
import { WakeableDelay } from './wakeable-delay.js';

/** Time between two polls, in milliseconds: a number, or a function of the time waited so far. */
export type PollInterval = number | ((elapsedMs: number) => number);

/** A source of webhook events, such as a webhook receiver. */
export interface PredictionEvents {
  /** Calls the listener with each event of the task, also with the last one before the call. Returns `unsubscribe`. */
  subscribe(predictionId: string, listener: (prediction: Prediction) => void): () => void;
}

export interface PollOptions {
  id: string;
  /** Sends one poll. */
  fetchPrediction: (last: Prediction | undefined, signal: AbortSignal) => Promise<Prediction>;
  scheduler: PollScheduler;
  /** Returns how long to wait after a failed poll. */
  getRetryDelay: (attempt: number, error: unknown) => number;
  /** Called for each failed poll that is retried. */
  onFailedPoll: (failure: { attempt: number; delayMs: number; error: WaveSpeedError }) => void;
  /** The task as the submit returned it: the first poll then comes after one interval. */
  initial?: Prediction | undefined;
  pollIntervalMs?: PollInterval | undefined;
  events?: PredictionEvents | undefined;
  /** By `performance.now()`. */
  startedAt: number;
  /** In milliseconds from `startedAt`. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

const DEFAULT_INTERVAL_MS = 1000;

/** While webhook events are expected, polling is only a fallback. */
const WEBHOOK_INTERVAL_MS = 30_000;

/** A long delay that would end after the deadline is shortened, so that the last poll comes this long before it. */
const LAST_POLL_MS = 1000;

/** Abort reasons. */
const DEADLINE = Symbol('deadline');
const TERMINAL_EVENT = Symbol('terminal event');

/**
 * Polls until the task ends, and yields it at every change of its status, the last included.
 *
 * @throws {WaitTimeoutError} at the deadline; the signal's reason at an abort; 401, 403 and a 404 that persists.
 */
export async function* poll(options: PollOptions): AsyncGenerator<Prediction, void, void> {
  const { id, scheduler, initial, events, startedAt, timeoutMs, signal } = options;
  signal?.throwIfAborted();
  const { pollIntervalMs = events === undefined ? DEFAULT_INTERVAL_MS : WEBHOOK_INTERVAL_MS } = options;
  const getInterval = () => readInterval(pollIntervalMs, performance.now() - startedAt, id);
  const deadlineAt = startedAt + timeoutMs;

  const stop = new AbortController();
  const removeListener = signal && addAbortListener(signal, () => stop.abort(signal.reason));
  const timer = setDeadline(deadlineAt, () => stop.abort(DEADLINE));
  const delay = new WakeableDelay(stop.signal);
  let event: Prediction | undefined;
  let unsubscribe: (() => void) | undefined;
  let last = initial;
  const failures = new FailedPolls();
  try {
    unsubscribe = subscribe(events, id, (prediction) => {
      if (!isTerminal(prediction.status)) return delay.wake();
      event = prediction;
      stop.abort(TERMINAL_EVENT);
    });
    if (initial !== undefined) {
      yield initial;
      if (isTerminal(initial.status)) return;
    }
    let delayMs = initial === undefined ? 0 : getInterval();
    for (;;) {
      const isWoken = await delay.wait(untilLastPoll(delayMs, deadlineAt));
      await scheduler.next(stop.signal, isWoken);
      try {
        const seen = await options.fetchPrediction(last, stop.signal);
        failures.clear();
        const isChange = seen.status !== last?.status;
        last = seen;
        if (isChange) yield seen;
        if (isTerminal(seen.status)) return;
        delayMs = getInterval();
      } catch (error) {
        if (stop.signal.aborted || !isTransient(error)) throw error;
        failures.add(error);
        // A 404 is a response, and may be another one in a moment.
        const retryMs = error instanceof NotFoundError ? 0 : options.getRetryDelay(failures.count, error);
        if (error instanceof ApiError && (error.status === 429 || error.retryAfterMs !== undefined)) {
          scheduler.pause(retryMs);
        }
        delayMs = Math.max(getInterval(), retryMs);
        options.onFailedPoll({ attempt: failures.count, delayMs, error });
      }
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (event !== undefined) {
      yield event;
      return;
    }
    if (stop.signal.reason !== DEADLINE) {
      throw error instanceof WaveSpeedError ? withPredictionId(error, id) : error;
    }
    throw failures.createTimeoutError({
      predictionId: id,
      lastPrediction: last,
      wasSeen: last !== initial,
      elapsedMs: performance.now() - startedAt,
    });
  } finally {
    clearTimeout(timer);
    unsubscribe?.();
    removeListener?.();
  }
}

function setDeadline(deadlineAt: number, onDeadline: () => void): NodeJS.Timeout | undefined {
  const remainingMs = deadlineAt - performance.now();
  return remainingMs > MAX_TIMER_MS ? undefined : setTimeout(onDeadline, Math.max(0, remainingMs));
}

function untilLastPoll(delayMs: number, deadlineAt: number): number {
  const remainingMs = deadlineAt - performance.now() - LAST_POLL_MS;
  return delayMs > 2 * LAST_POLL_MS && remainingMs > LAST_POLL_MS ? Math.min(delayMs, remainingMs) : delayMs;
}

function subscribe(
  events: PredictionEvents | undefined,
  id: string,
  listener: (prediction: Prediction) => void,
): (() => void) | undefined {
  try {
    return events?.subscribe(id, listener);
  } catch (cause) {
    throw new WaveSpeedError('`webhookReceiver`: `subscribe` threw; see the cause.', {
      cause,
      predictionId: id,
    });
  }
}

/** Returns whether polling continues: after everything but a rejected key, a closed client or a bad option. */
function isTransient(error: unknown): error is WaveSpeedError {
  if (isKeyFailure(error)) return true;
  return (
    error instanceof WaveSpeedError &&
    !(error instanceof AuthenticationError) &&
    !(error instanceof PermissionError) &&
    !(error instanceof ConfigurationError)
  );
}

function readInterval(interval: PollInterval, elapsedMs: number, predictionId: string): number {
  let ms: unknown = interval;
  if (typeof interval === 'function') {
    try {
      ms = interval(elapsedMs);
    } catch (cause) {
      throw new ConfigurationError('`pollIntervalMs` threw; see the cause.', { cause, predictionId });
    }
  }
  if (typeof ms === 'number' && ms >= 0) return Math.max(1, ms);
  throw new ConfigurationError(
    `\`pollIntervalMs\`: got ${String(ms)}; expected a number of milliseconds, 0 or more, or a function that returns one.`,
    { predictionId },
  );
}
