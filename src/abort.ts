/**
 * Waits that an AbortSignal ends at once, leaving neither a timer nor a listener behind.
 */

/** setTimeout counts in 32 bits; what is longer would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Waits for a promise or for the abort, whichever comes first; an abort rejects with the signal's reason. */
export async function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Waits for a number of milliseconds; keeps the process alive meanwhile. An abort rejects with the signal's reason. */
export async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const slept = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(ms, MAX_TIMER_MS));
  });
  try {
    await orAbort(slept, signal);
  } finally {
    clearTimeout(timer);
  }
}
