/**
 * The waiting loop: looks at a task until it ends, within a deadline, and gives every change of its status. Pure: how
 * a look is made is the caller's.
 */
import { MAX_TIMER_MS, onAbort } from '../utils/abort.js';
import {
  AuthenticationError,
  ConfigurationError,
  NotFoundError,
  PermissionError,
  WaitTimeoutError,
  WaveSpeedError,
} from '../core/errors/index.js';
import { isKeyFailure } from '../http/api-client.js';
import { isCompleted, isTerminal, type Prediction } from '../core/prediction.js';

/** How long to wait between two looks, in milliseconds: a number, or a function of the time waited so far. */
export type PollInterval = number | ((elapsedMs: number) => number);

/** What can wake a wait: a webhook receiver. */
export interface PredictionEvents {
  /** Calls the listener with each event about the task, also with the last one before; gives what ends it. */
  subscribe(predictionId: string, listener: (prediction: Prediction) => void): () => void;
}

/** How a wait wants its task to be looked at. */
export interface LookRequest {
  /** How long from now, in milliseconds. */
  afterMs: number;
  /** The task as it was last seen. */
  last: Prediction | undefined;
  /** Whether a change that does not end the task is no news to it. */
  onlyEnd: boolean;
  /** Is told of a look that brought no news, where more of them follow; gives the milliseconds until the next. */
  onNoNews: (seen: Prediction) => number;
  signal: AbortSignal;
}

/** Where a wait has its task looked at, for as long as it lasts. */
export interface Place {
  /** Looks for news of the task; rejects at once when the signal aborts. */
  look: (request: LookRequest) => Promise<Prediction>;
  leave: () => void;
}

export interface PollOptions {
  id: string;
  /** Gives the wait its place; it is left when the wait ends. */
  join: (id: string) => Place;
  /** Tells of a failed look that the wait outlives. */
  onFailedLook: (failure: { attempt: number; delayMs: number; error: WaveSpeedError }) => void;
  /** Whether a change that does not end the task need not be given; it may be all the same. */
  onlyEnd: boolean;
  /** How long to wait after a failed look. */
  backoff: (attempt: number, error: unknown) => number;
  /** The task as the submit gave it: the first look then comes after one interval. */
  initial?: Prediction | undefined;
  pollIntervalMs?: PollInterval | undefined;
  /** What may end the wait between two looks. */
  wakeSource?: PredictionEvents | undefined;
  /** By `performance.now()`. */
  startedAt: number;
  /** In milliseconds from `startedAt`. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** Once a second at first, then a twentieth of the time waited, at most 5 s: few requests, and little added time. */
export const defaultPollInterval = (elapsedMs: number): number =>
  Math.min(Math.max(1000, elapsedMs / 20), 5000);

/** A fresh task may not be visible everywhere yet: this many 404s in a row, over this long, mean that it is not there. */
const NOT_FOUND_LOOKS = 5;
const NOT_FOUND_MS = 3000;

/** How often to look while a webhook is expected: only lest it never comes. */
const WEBHOOK_POLL_MS = 30_000;

/** Mark, among the reasons of an abort, the end of the caller's time and the news that the task has ended. */
const DEADLINE = Symbol('deadline');
const NEWS = Symbol('news');

/**
 * Looks until the task ends, and yields it at every change of its status, the last included.
 *
 * @throws {WaitTimeoutError} at the deadline; the signal's reason at an abort; 401, 403 and a 404 that persists.
 */
export async function* poll(options: PollOptions): AsyncGenerator<Prediction, void, void> {
  const { id, join, onFailedLook, onlyEnd, backoff, initial, startedAt, timeoutMs, signal } = options;
  const { wakeSource, pollIntervalMs = wakeSource === undefined ? defaultPollInterval : WEBHOOK_POLL_MS } =
    options;
  signal?.throwIfAborted();

  const { look, leave } = join(id);
  const stop = new AbortController();
  const forget = signal && onAbort(signal, () => stop.abort(signal.reason));
  const remaining = startedAt + timeoutMs - performance.now();
  const timer =
    remaining > MAX_TIMER_MS ? undefined : setTimeout(() => stop.abort(DEADLINE), Math.max(0, remaining));

  let news: Prediction | undefined;
  /** An end without a video that is to be confirmed: a webhook may be older than the task's last word. */
  let doubted: Prediction | undefined;
  /** What the next look heeds: the end of the wait, and news that makes it come at once. */
  let hurry = wakeSource === undefined ? stop : follow(stop.signal);
  let unsubscribe: (() => void) | undefined;
  const onEvent = (prediction: Prediction) => {
    if (!isTerminal(prediction.status)) return;
    if (isCompleted(prediction)) {
      news = prediction;
      stop.abort(NEWS);
      return;
    }
    doubted = prediction;
    hurry.abort(NEWS);
  };

  let last: Prediction | undefined;
  let failures = 0;
  let lastFailure: unknown;
  let notFound: { error: NotFoundError; looks: number; since: number } | undefined;
  let delayMs = 0;
  const interval = () => intervalAt(pollIntervalMs, performance.now() - startedAt, id);
  const take = (seen: Prediction) => {
    last = seen;
    failures = 0;
    notFound = undefined;
  };
  const onNoNews = (seen: Prediction) => {
    take(seen);
    return interval();
  };
  try {
    try {
      unsubscribe = wakeSource?.subscribe(id, onEvent);
    } catch (cause) {
      throw new WaveSpeedError('`webhookReceiver`: `subscribe` threw; see the cause.', {
        cause,
        predictionId: id,
      });
    }
    if (initial !== undefined) {
      last = initial;
      yield initial;
      if (isTerminal(initial.status)) return;
      delayMs = interval();
    }
    for (;;) {
      stop.signal.throwIfAborted();
      try {
        // The doubted end is asked for by itself, without what the others' looks would show.
        const asked = doubted;
        const known: Prediction | undefined = asked === undefined ? last : undefined;
        const before: string | undefined = last?.status;
        const seen = await look({ afterMs: delayMs, last: known, onlyEnd, onNoNews, signal: hurry.signal });
        take(seen);
        if (seen.status !== before) yield seen;
        if (isTerminal(seen.status)) return;
        // What came during the look is still to be looked into.
        if (doubted === asked) doubted = undefined;
        delayMs = interval();
      } catch (error) {
        if (!stop.signal.aborted && hurry.signal.aborted) {
          hurry = follow(stop.signal);
          delayMs = 0;
          continue;
        }
        if (stop.signal.aborted || doubted !== undefined || !isOutlived(error)) throw error;
        const now = performance.now();
        if (error instanceof NotFoundError) {
          notFound = { error, looks: (notFound?.looks ?? 0) + 1, since: notFound?.since ?? now };
          if (notFound.looks >= NOT_FOUND_LOOKS && now - notFound.since >= NOT_FOUND_MS) throw error;
        } else {
          notFound = undefined;
        }
        failures++;
        lastFailure = error;
        // A 404 is an answer, and it may be another in a moment.
        const least = error instanceof NotFoundError ? 0 : backoff(failures, error);
        delayMs = Math.max(interval(), least);
        onFailedLook({ attempt: failures, delayMs, error });
      }
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    // It could not be confirmed in time: then it is all that is known.
    if (stop.signal.reason !== NEWS) news ??= doubted;
    if (news !== undefined) {
      yield news;
      return;
    }
    if (!stop.signal.aborted) {
      if (error instanceof WaveSpeedError) error.predictionId ??= id;
      throw error;
    }
    // Never found at all is a better answer than "not yet".
    if (notFound !== undefined && notFound.looks >= NOT_FOUND_LOOKS && last === initial) throw notFound.error;
    throw new WaitTimeoutError({
      predictionId: id,
      lastPrediction: last,
      elapsedMs: performance.now() - startedAt,
      ...(failures > 0 ? { cause: lastFailure } : {}),
    });
  } finally {
    leave();
    clearTimeout(timer);
    unsubscribe?.();
    forget?.();
  }
}

/** Makes a controller that aborts with a signal. */
function follow(signal: AbortSignal): AbortController {
  const follower = new AbortController();
  onAbort(signal, () => follower.abort(signal.reason));
  return follower;
}

/** Tells whether the wait goes on after a failed look: after anything but a refused key, a closed client or a wrong set-up. */
function isOutlived(error: unknown): error is WaveSpeedError {
  if (isKeyFailure(error)) return true;
  return (
    error instanceof WaveSpeedError &&
    !(error instanceof AuthenticationError) &&
    !(error instanceof PermissionError) &&
    !(error instanceof ConfigurationError)
  );
}

/** Asks for the interval, and refuses what is no number of milliseconds. */
function intervalAt(interval: PollInterval, elapsedMs: number, predictionId: string): number {
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
    `\`pollIntervalMs\`: got ${String(ms)}; expected a number of milliseconds, 0 or more, or a function that gives one.`,
    { predictionId },
  );
}
