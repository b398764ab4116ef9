/** A pause that an event can end early. */
import { MAX_TIMER_MS, addAbortListener } from './abort.js';

/** @param signal Ends the pause. Must not outlive it. */
export function createPause(signal: AbortSignal) {
  let resolve: (() => void) | undefined;
  let wasWoken = false;
  addAbortListener(signal, () => resolve?.());
  return {
    end(): void {
      wasWoken = true;
      resolve?.();
    },
    /** Returns whether an event ended it. */
    async wait(ms: number): Promise<boolean> {
      signal.throwIfAborted();
      if (ms > 0 && !wasWoken) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((onEnd) => {
          resolve = onEnd;
          timer = setTimeout(onEnd, Math.min(ms, MAX_TIMER_MS));
        });
        clearTimeout(timer);
      }
      const woken = wasWoken;
      wasWoken = false;
      return woken;
    },
  };
}
