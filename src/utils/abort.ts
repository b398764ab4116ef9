/** Promises, delays and callbacks with an AbortSignal, without leaking timers or listeners. */

/** The maximum delay of setTimeout, which fires immediately for a longer one. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

interface Listener {
  callbacks: Set<{ call: () => void }>;
  onAbort: () => void;
}

/** One listener per signal, because Node warns about a leak from the eleventh on. */
const listeners = new WeakMap<AbortSignal, Listener>();

/** Calls back when the signal aborts, immediately if it already has. Returns a function that removes the callback. */
export function addAbortListener(signal: AbortSignal, call: () => void): () => void {
  if (signal.aborted) {
    call();
    return () => undefined;
  }
  const listener = listeners.get(signal) ?? listen(signal);
  const callback = { call };
  listener.callbacks.add(callback);
  return () => {
    if (!listener.callbacks.delete(callback) || listener.callbacks.size > 0) return;
    listeners.delete(signal);
    signal.removeEventListener('abort', listener.onAbort);
  };
}

function listen(signal: AbortSignal): Listener {
  const callbacks: Listener['callbacks'] = new Set();
  const onAbort = () => {
    listeners.delete(signal);
    for (const callback of callbacks) callback.call();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const listener = { callbacks, onAbort };
  listeners.set(signal, listener);
  return listener;
}

export async function raceAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let removeListener: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    removeListener = addAbortListener(signal, () => reject(signal.reason));
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    removeListener();
  }
}

/** Keeps the process alive. Rejects with the signal's reason if it aborts. */
export async function delay(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(ms, MAX_TIMER_MS));
  });
  try {
    await raceAbort(elapsed, signal);
  } finally {
    clearTimeout(timer);
  }
}
