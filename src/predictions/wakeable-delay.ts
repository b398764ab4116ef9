/** A delay that an event can end early. */
import { MAX_TIMER_MS, addAbortListener } from '../utils/abort.js';

export class WakeableDelay {
  readonly #signal: AbortSignal;
  #end: (() => void) | undefined;
  #isWoken = false;

  /** @param signal Ends the delay. Must not outlive it. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    addAbortListener(signal, () => this.#end?.());
  }

  wake(): void {
    this.#isWoken = true;
    this.#end?.();
  }

  /** Returns whether it was woken. */
  async wait(ms: number): Promise<boolean> {
    this.#signal.throwIfAborted();
    if (ms > 0 && !this.#isWoken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(ms, MAX_TIMER_MS));
        this.#end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const wasWoken = this.#isWoken;
    this.#isWoken = false;
    return wasWoken;
  }
}
