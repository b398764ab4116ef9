/**
 * Gives work a signal that also ends at a deadline, and leaves no timer behind.
 */
import { MAX_TIMER_MS, onAbort } from './abort.js';

/** When the caller's time is up, and what is said then. */
export interface Deadline {
  /** By `performance.now()`; `Infinity` for never. */
  at: number;
  /** Makes the reason of the abort. */
  reason: () => unknown;
}

/** Does work under a signal that aborts with the caller's, and at the deadline with the deadline's reason. */
export async function byDeadline<T>(
  deadline: Deadline,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const remainingMs = deadline.at - performance.now();
  // Farther ahead than a timer can be set: weeks.
  if (remainingMs > MAX_TIMER_MS) return work(signal);
  const stop = new AbortController();
  const forget = signal && onAbort(signal, () => stop.abort(signal.reason));
  const timer = setTimeout(() => stop.abort(deadline.reason()), Math.max(0, remainingMs));
  try {
    return await work(stop.signal);
  } finally {
    clearTimeout(timer);
    forget?.();
  }
}
