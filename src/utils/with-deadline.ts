/** Runs work with a signal that also aborts at a deadline. */
import { MAX_TIMER_MS, addAbortListener } from './abort.js';

export interface Deadline {
  /** By `performance.now()`; `Infinity` for no deadline. */
  at: number;
  reason: () => unknown;
}

export async function withDeadline<T>(
  deadline: Deadline,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const remainingMs = deadline.at - performance.now();
  // Longer than a timer can be set.
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
