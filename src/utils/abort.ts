/**
 * Waits that an AbortSignal ends at once, leaving neither a timer nor a listener behind.
 */

/** setTimeout counts in 32 bits; what is longer would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

interface Watch {
  callbacks: Set<{ call: () => void }>;
  announce: () => void;
}

/** One listener a signal: Node warns of a leak from the eleventh on, and a thousand waits may share one signal. */
const watches = new WeakMap<AbortSignal, Watch>();

/** Calls back when the signal aborts, at once when it has; gives what takes that back. */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  if (signal.aborted) {
    call();
    return () => undefined;
  }
  const watch = watches.get(signal) ?? startWatch(signal);
  const callback = { call };
  watch.callbacks.add(callback);
  return () => {
    if (!watch.callbacks.delete(callback) || watch.callbacks.size > 0) return;
    watches.delete(signal);
    signal.removeEventListener('abort', watch.announce);
  };
}

function startWatch(signal: AbortSignal): Watch {
  const callbacks: Watch['callbacks'] = new Set();
  const announce = () => {
    watches.delete(signal);
    for (const callback of callbacks) callback.call();
  };
  signal.addEventListener('abort', announce, { once: true });
  const watch = { callbacks, announce };
  watches.set(signal, watch);
  return watch;
}

/** Waits for a promise or for the abort, whichever comes first; an abort rejects with the signal's reason. */
export async function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let forget: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    forget = onAbort(signal, () => reject(signal.reason));
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    forget();
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
