/**
 * Holds back all submits of one client after a 429: the rate is the account's, not the call's. After it they begin
 * again with one at a time, then two, then four: all at once would only be refused at once.
 */
import { MAX_TIMER_MS, orAbort, sleep } from '../utils/abort.js';
import { ApiError, RateLimitError } from '../core/errors/index.js';
import { delayAfter } from './retry.js';

/** From so many at a time on, nothing is held back. */
const UNLIMITED = 64;
/** For how long a refusal may hold anybody back, in milliseconds: the service's window. */
const MOST_MS = 60_000;

/** Is open until the service says "too many". */
export class Throttle {
  /** By `performance.now()`. */
  #closedAt = -Infinity;
  #opensAt = -Infinity;
  #closedBy: RateLimitError | undefined;
  /** How often in a row it was closed. */
  #refusals = 0;
  #allowed = Infinity;
  #underWay = 0;
  readonly #waiting = new Set<() => void>();

  /**
   * Makes an attempt as soon as it may be made.
   *
   * @throws {RateLimitError} the one that closed it, where it may not before the deadline (by `performance.now()`).
   */
  async run<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined, deadlineAt: number): Promise<T> {
    await this.#enter(signal, deadlineAt);
    const startedAt = performance.now();
    try {
      const result = await attempt();
      this.#onAccepted();
      return result;
    } catch (error) {
      if (error instanceof RateLimitError) this.#onRefused(error, startedAt);
      // Refused for another reason: the rate was not what stood in the way.
      else if (error instanceof ApiError) this.#onAccepted();
      throw error;
    } finally {
      this.#underWay--;
      this.#wake();
    }
  }

  async #enter(signal: AbortSignal | undefined, deadlineAt: number): Promise<void> {
    for (;;) {
      const now = performance.now();
      // A clock that was put back must not hold anybody up.
      const waitMs = now < this.#closedAt ? 0 : this.#opensAt - now;
      if (waitMs <= 0 && this.#underWay < this.#allowed) {
        this.#underWay++;
        return;
      }
      if (Math.max(now, this.#opensAt) >= deadlineAt) throw this.#closedBy;
      await (waitMs > 0 ? sleep(waitMs, signal) : this.#turn(signal, deadlineAt - now));
    }
  }

  /** Waits until another attempt has ended. */
  async #turn(signal: AbortSignal | undefined, mostMs: number): Promise<void> {
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#waiting.add(wake);
    const timer = mostMs <= MAX_TIMER_MS ? setTimeout(wake, mostMs) : undefined;
    try {
      await orAbort(woken, signal);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(wake);
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  #onAccepted(): void {
    this.#refusals = 0;
    // One more for each that was taken: twice as many each time all of them were.
    this.#allowed = this.#allowed >= UNLIMITED ? Infinity : this.#allowed + 1;
  }

  #onRefused(error: RateLimitError, startedAt: number): void {
    const now = performance.now();
    // Those that were under way together are refused together: that counts once.
    if (startedAt >= this.#opensAt || this.#refusals === 0) this.#refusals++;
    const delayMs = Math.min(delayAfter(this.#refusals, error), MOST_MS);
    this.#opensAt = Math.max(this.#opensAt, now + delayMs);
    this.#closedAt = now;
    this.#closedBy = error;
    this.#allowed = 1;
  }
}
