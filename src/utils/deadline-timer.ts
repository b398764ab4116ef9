/** Timers that do not throw away an answer which arrived while the process stood still. */
import { MAX_TIMER_MS } from './abort.js';

/** The runtime's own, in case a test replaces the global one and never advances its clock. */
const runTurn: (callback: () => void) => unknown =
  typeof setImmediate === 'function' ? setImmediate : (callback) => setTimeout(callback, 0);

/** Later than this, something held up the event loop. */
const LATE_MS = 1;

/**
 * Calls back after `ms`. If the timer fires late, as after Ctrl-Z, `docker pause` or a breakpoint, what has arrived on
 * the sockets in the meantime is read first: Node runs timers before it reads.
 */
export function setDeadlineTimer(callback: () => void, ms: number): NodeJS.Timeout {
  const dueAt = performance.now() + ms;
  const onTimeout = () => {
    if (performance.now() - dueAt <= LATE_MS) callback();
    // The second turn is for what a read sets off, such as a chunk that passes through a stream.
    else runTurn(() => runTurn(callback));
  };
  return setTimeout(onTimeout, Math.min(ms, MAX_TIMER_MS));
}

/** Resolves after what has arrived on the sockets was read. */
export const nextReads = (): Promise<void> => new Promise((resolve) => runTurn(resolve));
