/** Spreads the polls of all waits of one client: at most so many a second, in turn. */
import { addAbortListener } from '../utils/abort.js';

/** Share of a second's polls that may go out at once, after a quiet moment. */
const BURST_SHARE = 0.05;

export class PollScheduler {
  readonly #intervalMs: number;
  readonly #burstMs: number;
  /** When the next poll would be due if they were spread evenly. By `performance.now()`. */
  #nextAt = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #urgent = new Set<() => void>();
  readonly #waiting = new Set<() => void>();

  constructor(maxPerSecond: number) {
    this.#intervalMs = 1000 / maxPerSecond;
    this.#burstMs = (Math.max(1, maxPerSecond * BURST_SHARE) - 1) * this.#intervalMs;
  }

  /** Resolves when a poll may be sent: in the order of the calls, urgent ones first. Rejects when the signal aborts. */
  async next(signal: AbortSignal, isUrgent = false): Promise<void> {
    signal.throwIfAborted();
    const queue = isUrgent ? this.#urgent : this.#waiting;
    let removeListener: () => void = () => undefined;
    let grant: () => void = () => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        grant = resolve;
        queue.add(grant);
        removeListener = addAbortListener(signal, () => reject(signal.reason));
        this.#run();
      });
    } finally {
      queue.delete(grant);
      removeListener();
      if (this.#urgent.size + this.#waiting.size === 0) clearTimeout(this.#timer);
    }
  }

  /** Sends no poll for some time: the service asked for it. */
  pause(delayMs: number): void {
    this.#nextAt = Math.max(this.#nextAt, performance.now() + delayMs);
  }

  #run(): void {
    clearTimeout(this.#timer);
    for (const queue of [this.#urgent, this.#waiting]) {
      for (const grant of queue) {
        const now = performance.now();
        if (this.#nextAt > now) {
          this.#timer = setTimeout(() => this.#run(), Math.ceil(this.#nextAt - now));
          return;
        }
        this.#nextAt = Math.max(this.#nextAt, now - this.#burstMs) + this.#intervalMs;
        queue.delete(grant);
        grant();
      }
    }
  }
}
