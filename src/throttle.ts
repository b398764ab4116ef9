/**
 * Holds back all submits of one client after a 429: the rate is the account's, not the call's.
 */
import { sleep } from './abort.js';
import type { RateLimitError } from './errors.js';
import { delayAfter } from './retry.js';

/** Is open until the service says "too many". */
export class Throttle {
  /** By `performance.now()`. */
  #opensAt = -Infinity;
  #closedBy: RateLimitError | undefined;

  /** Closes for as long as the service asked, or a moment where it did not say. */
  close(error: RateLimitError): void {
    this.#opensAt = Math.max(this.#opensAt, performance.now() + delayAfter(1, error));
    this.#closedBy = error;
  }

  /**
   * Waits until it is open.
   *
   * @throws {RateLimitError} the one that closed it, where that is not before the deadline (by `performance.now()`).
   */
  async pass(signal: AbortSignal | undefined, deadlineAt: number): Promise<void> {
    for (;;) {
      const waitMs = this.#opensAt - performance.now();
      if (waitMs <= 0) return;
      if (this.#opensAt >= deadlineAt) throw this.#closedBy;
      await sleep(waitMs, signal);
    }
  }
}
