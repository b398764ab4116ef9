/** Runs work with a signal that also aborts at a deadline. */
import { MAX_TIMER_MS, addAbortListener } from './abort.js';

/** A point in time, and the reason of the abort when it is reached. */
export interface Deadline {
  /** By `performance.now()`; `Infinity` for never. */
  at: number;
  reason: () => unknown;
}

/** The signal aborts with the caller's, and at the deadline with the deadline's reason. */
export async function withDeadline<T>(
  deadline: Deadline,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const remainingMs = deadline.at - performance.now();
  // Weeks: longer than a timer can be set.
  if (remainingMs > MAX_TIMER_MS) return work(signal);
  const stop = new AbortController();
  const removeListener = signal && addAbortListener(signal, () => stop.abort(signal.reason));
  const timer = setTimeout(() => stop.abort(deadline.reason()), Math.max(0, remainingMs));
  try {
    return await work(stop.signal);
  } finally {
    clearTimeout(timer);
    removeListener?.();
  }
}
