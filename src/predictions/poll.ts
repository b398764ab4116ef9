/** Polls a task until it ends, within a deadline, and yields every change of its status. */
import {
  ApiError,
  AuthenticationError,
  ConfigurationError,
  NotFoundError,
  PermissionError,
  WaitTimeoutError,
  WaveSpeedError,
  withPredictionId,
} from '../core/errors/index.js';
import { isTerminal, type Prediction } from '../core/prediction.js';
import { isKeyFailure } from '../http/api-key.js';
import { MAX_TIMER_MS, addAbortListener } from '../utils/abort.js';
import type { PollScheduler } from './poll-scheduler.js';

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

/** A new task may not be visible everywhere at once: this many 404s in a row, over this long, mean that there is none. */
const NOT_FOUND_POLLS = 5;
const NOT_FOUND_MS = 3000;

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
  const nap = new Nap(stop.signal);
  let event: Prediction | undefined;
  let unsubscribe: (() => void) | undefined;
  let last = initial;
  const failures = new FailedPolls();
  try {
    unsubscribe = subscribe(events, id, (prediction) => {
      if (!isTerminal(prediction.status)) return nap.wake();
      event = prediction;
      stop.abort(TERMINAL_EVENT);
    });
    if (initial !== undefined) {
      yield initial;
      if (isTerminal(initial.status)) return;
    }
    let delayMs = initial === undefined ? 0 : getInterval();
    for (;;) {
      const isWoken = await nap.sleep(untilLastPoll(delayMs, deadlineAt));
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
    if (event !== undefined) yield event;
    else throw failures.explain(error, stop.signal, { id, last, initial, startedAt });
  } finally {
    clearTimeout(timer);
    unsubscribe?.();
    removeListener?.();
  }
}

/** A sleep that an event can end early. */
class Nap {
  readonly #signal: AbortSignal;
  #end: (() => void) | undefined;
  #isWoken = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    addAbortListener(signal, () => this.#end?.());
  }

  wake(): void {
    this.#isWoken = true;
    this.#end?.();
  }

  /** Returns whether it was woken. */
  async sleep(ms: number): Promise<boolean> {
    this.#signal.throwIfAborted();
    if (ms > 0 && !this.#isWoken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(ms, MAX_TIMER_MS));
        this.#end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#signal.throwIfAborted();
    const wasWoken = this.#isWoken;
    this.#isWoken = false;
    return wasWoken;
  }
}

/** The failed polls since the last successful one. */
class FailedPolls {
  count = 0;
  #last: unknown;
  #notFound: { error: NotFoundError; count: number; since: number } | undefined;

  clear(): void {
    this.count = 0;
    this.#notFound = undefined;
  }

  /** @throws the error, if it is a 404 that persists. */
  add(error: WaveSpeedError): void {
    this.count++;
    this.#last = error;
    if (!(error instanceof NotFoundError)) {
      this.#notFound = undefined;
      return;
    }
    const now = performance.now();
    const count = (this.#notFound?.count ?? 0) + 1;
    this.#notFound = { error, count, since: this.#notFound?.since ?? now };
    if (count >= NOT_FOUND_POLLS && now - this.#notFound.since >= NOT_FOUND_MS) throw error;
  }

  /** Returns the error of a wait that ended without a result. */
  explain(
    error: unknown,
    stop: AbortSignal,
    wait: { id: string; last: Prediction | undefined; initial: Prediction | undefined; startedAt: number },
  ): unknown {
    if (stop.reason !== DEADLINE)
      return error instanceof WaveSpeedError ? withPredictionId(error, wait.id) : error;
    // "Not found" says more than "not yet".
    const isUnknown = wait.last === wait.initial && (this.#notFound?.count ?? 0) >= NOT_FOUND_POLLS;
    if (isUnknown) return this.#notFound?.error;
    return new WaitTimeoutError({
      predictionId: wait.id,
      lastPrediction: wait.last,
      elapsedMs: performance.now() - wait.startedAt,
      ...(this.count > 0 ? { cause: this.#last } : {}),
    });
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

/** Returns whether polling goes on: after everything but a rejected key, a closed client or a bad option. */
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
