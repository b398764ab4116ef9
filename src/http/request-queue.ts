/** Limits the number of concurrent requests. Slow requests stop counting, so that they do not block others. */

/** Requests in flight that started within SLOW_MS. More at once are slower, not faster. */
const MAX_RECENT = 64;
const SLOW_MS = 1000;
const MAX_OPEN = 512;

interface Entry {
  start: () => void;
  startedAt: number;
}

export class RequestQueue {
  readonly #waiting = new Set<Entry>();
  readonly #recent = new Set<Entry>();
  readonly #slow = new Set<Entry>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * Calls `start` once there is room. Returns a function that removes the request from the queue or frees its place.
   */
  enter(start: () => void): () => void {
    const entry = { start, startedAt: Infinity };
    this.#waiting.add(entry);
    this.#startNext();
    return () => {
      if (this.#waiting.delete(entry)) return;
      if (this.#recent.delete(entry) || this.#slow.delete(entry)) this.#startNext();
    };
  }

  #startNext(): void {
    clearTimeout(this.#timer);
    for (const entry of this.#waiting) {
      const now = performance.now();
      this.#sortOut(now);
      if (this.#recent.size >= MAX_RECENT || this.#recent.size + this.#slow.size >= MAX_OPEN) break;
      this.#waiting.delete(entry);
      entry.startedAt = now;
      this.#recent.add(entry);
      entry.start();
    }
    const [oldest] = this.#recent;
    if (this.#waiting.size === 0 || oldest === undefined || this.#slow.size >= MAX_OPEN) return;
    const waitMs = Math.max(1, oldest.startedAt + SLOW_MS - performance.now());
    this.#timer = setTimeout(() => this.#startNext(), waitMs);
  }

  #sortOut(now: number): void {
    for (const entry of this.#recent) {
      if (now - entry.startedAt < SLOW_MS) return;
      this.#recent.delete(entry);
      this.#slow.add(entry);
    }
  }
}
