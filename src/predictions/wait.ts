/** Waits for a task: polls it until it ends, wakes up at its webhook events, and yields each change of its status. */
import {
  ApiError,
  NotFoundError,
  WaitTimeoutError,
  WaveSpeedError,
  withPredictionId,
} from '../core/errors/index.js';
import { isTerminal, type Prediction } from '../core/prediction.js';
import type { ApiClient } from '../http/api-client.js';
import { isKeyFailure } from '../http/api-key.js';
import { emitRetry, getRetryDelay, isTransient, type OnRetry } from '../http/retry.js';
import { addAbortListener } from '../utils/abort.js';
import { Call } from '../utils/call.js';
import { invokeCallback, toAbortError } from './callbacks.js';
import { PollScheduler, Turn } from './poll-scheduler.js';
import { TaskPoll } from './task-poll.js';
import {
  type PollInterval,
  type PredictionEvents,
  readPollInterval,
  subscribe,
  type WaitOptions,
  type WatchOptions,
} from './options.js';

interface WaiterSettings {
  pollIntervalMs: PollInterval | undefined;
  maxPollsPerSecond: number;
  onRetry: OnRetry | undefined;
}

/** A long delay that would end after the deadline is shortened, so that the last poll comes this long before it. */
const LAST_POLL_MS = 1000;

/** A task may not be visible everywhere at once: this many 404s in a row, over this long, mean that there is none. */
const NOT_FOUND_POLLS = 5;
const NOT_FOUND_MS = 3000;

/** Abort reason. */
const TERMINAL_EVENT = Symbol('terminal event');

export class TaskWaiter {
  readonly #settings: WaiterSettings;
  readonly #http: ApiClient;
  readonly #scheduler: PollScheduler;

  constructor(settings: WaiterSettings, http: ApiClient) {
    this.#settings = settings;
    this.#http = http;
    this.#scheduler = new PollScheduler(settings.maxPollsPerSecond);
  }

  /**
   * Returns the task when it has ended, also when it has failed.
   *
   * @param ends Another source of its end than the service.
   */
  async wait(
    call: Call,
    id: string,
    options: WaitOptions,
    initial?: Prediction,
    ends?: PredictionEvents,
  ): Promise<Prediction> {
    try {
      let last: Prediction | undefined;
      for await (const prediction of this.#poll(call, id, options, initial, ends)) {
        last = prediction;
        await invokeCallback(call, 'onUpdate', options.onUpdate, prediction);
      }
      // The loop ends when the task has ended, or throws.
      return last as Prediction;
    } catch (error) {
      throw toAbortError(call, error, id);
    }
  }

  /** Polls until the task was seen once: a new one may not be visible yet. */
  async look(call: Call, id: string): Promise<Prediction> {
    // A call without a time limit looks as long as one request may take.
    const timeoutMs = call.deadlineAt === Infinity ? this.#http.requestTimeoutMs : undefined;
    const looking = timeoutMs === undefined ? call : new Call({ signal: call.signal, timeoutMs });
    try {
      for await (const seen of this.#poll(looking, id, {})) return seen;
      throw new Error('A poll yields or throws.');
    } catch (error) {
      throw toAbortError(looking, error, id);
    } finally {
      if (looking !== call) looking.close();
    }
  }

  async *watch(call: Call, id: string, options: WatchOptions): AsyncGenerator<Prediction, void, void> {
    try {
      yield* this.#poll(call, id, options);
    } catch (error) {
      throw toAbortError(call, error, id);
    }
  }

  /**
   * Polls until the task ends, and yields it at every change of its status, the last included.
   *
   * @param initial The task as the submit returned it: the first poll then comes after one interval.
   * @throws {WaitTimeoutError} at the deadline; the signal's reason at an abort; an error that is not transient, and a 404 that persists
   * where the service has not just accepted the task.
   */
  async *#poll(
    call: Call,
    id: string,
    options: WatchOptions,
    initial?: Prediction,
    ends?: PredictionEvents,
  ): AsyncGenerator<Prediction, void, void> {
    if (call.wasAborted) throw call.signal.reason;
    const stop = new AbortController();
    const removeListener = addAbortListener(call.signal, () => stop.abort(call.signal.reason));
    const turn = new Turn(this.#scheduler, stop.signal);
    const poll = new TaskPoll(this.#http, id, call.signal);
    const failures = createFailures(id);
    const getInterval = () => readPollInterval(options, this.#settings.pollIntervalMs, call.elapsedMs, id);
    let event: Prediction | undefined;
    const unsubscribes: ((() => void) | undefined)[] = [];
    let last = initial;
    try {
      const onEvent = (prediction: Prediction) => {
        if (!isTerminal(prediction.status)) return turn.hurry();
        event = prediction;
        stop.abort(TERMINAL_EVENT);
      };
      for (const events of [options.webhookReceiver, ends]) unsubscribes.push(subscribe(events, id, onEvent));
      if (initial !== undefined) {
        yield initial;
        if (isTerminal(initial.status)) return;
      }
      let delayMs = initial === undefined ? 0 : getInterval();
      for (;;) {
        await turn.next(untilLastPoll(delayMs, call.deadlineAt));
        try {
          const seen = await poll.next(last, stop.signal);
          failures.clear();
          if (seen !== undefined) {
            const isChange = seen.status !== last?.status;
            last = seen;
            if (isChange) yield seen;
            if (isTerminal(seen.status)) return;
          }
          delayMs = getInterval();
        } catch (error) {
          if (stop.signal.aborted) throw error;
          const isNew = last !== undefined && last === initial;
          const retryMs = failures.add(error, isNew);
          if (error instanceof ApiError && (error.status === 429 || error.retryAfterMs !== undefined)) {
            this.#scheduler.pause(retryMs);
          }
          delayMs = Math.max(getInterval(), retryMs);
          const failure = { attempt: failures.count, delayMs, error: error as WaveSpeedError };
          emitRetry({ operation: 'poll', predictionId: id, ...failure }, this.#settings.onRetry, call.signal);
        }
      }
    } catch (error) {
      if (event !== undefined && !call.wasAborted) {
        yield event;
        return;
      }
      if (call.hasExpired) {
        throw failures.atDeadline(last, call.elapsedMs);
      }
      if (call.wasAborted) throw call.signal.reason;
      throw error instanceof WaveSpeedError ? withPredictionId(error, id) : error;
    } finally {
      for (const unsubscribe of unsubscribes) unsubscribe?.();
      removeListener();
    }
  }
}

/** Counts the failed polls since the last successful one, and decides when to stop polling. */
function createFailures(predictionId: string) {
  let last: unknown;
  let notFound: { error: NotFoundError; count: number; since: number } | undefined;
  const failures = {
    count: 0,
    clear(): void {
      failures.count = 0;
      notFound = undefined;
    },
    /**
     * Returns how long to wait before the next poll; throws the error if no further poll can help.
     *
     * @param isNew The service has accepted the task, and not shown it yet: a 404 does not mean that there is none.
     */
    add(error: unknown, isNew: boolean): number {
      const isNotFound = error instanceof NotFoundError && !isTransient(error);
      // The function that returns the key may succeed the next time.
      if (!isNotFound && !isTransient(error) && !isKeyFailure(error)) throw error;
      failures.count++;
      last = error;
      if (!isNotFound) {
        notFound = undefined;
        return getRetryDelay(failures.count, error);
      }
      const { count, since } = notFound ?? { count: 0, since: performance.now() };
      notFound = { error, count: count + 1, since };
      const isMissing = notFound.count >= NOT_FOUND_POLLS && performance.now() - since >= NOT_FOUND_MS;
      if (isMissing && !isNew) throw error;
      return 0;
    },
    atDeadline(lastPrediction: Prediction | undefined, elapsedMs: number): NotFoundError | WaitTimeoutError {
      // "Not found" says more than "not yet".
      const isUnknown = lastPrediction === undefined;
      if (isUnknown && notFound !== undefined && notFound.count >= NOT_FOUND_POLLS) return notFound.error;
      const cause = failures.count > 0 ? { cause: last } : {};
      return new WaitTimeoutError({ predictionId, lastPrediction, elapsedMs, ...cause });
    },
  };
  return failures;
}

function untilLastPoll(delayMs: number, deadlineAt: number): number {
  const remainingMs = deadlineAt - performance.now() - LAST_POLL_MS;
  return delayMs > 2 * LAST_POLL_MS && remainingMs > LAST_POLL_MS ? Math.min(delayMs, remainingMs) : delayMs;
}
