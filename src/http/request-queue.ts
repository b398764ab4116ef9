/** Limits the number of concurrent requests; the others wait in order. */

/** More connections at once are slower, not faster; a few slow requests must not block the others. */
const MAX_OPEN = 128;

export class RequestQueue {
  readonly #waiting = new Set<() => void>();
  #open = 0;

  /** Calls `start` once there is room. Returns a function that removes the request from the queue or frees its place. */
  enter(start: () => void): () => void {
    let state: 'waiting' | 'open' | 'left' = 'waiting';
    const begin = () => {
      state = 'open';
      start();
    };
    this.#waiting.add(begin);
    this.#startNext();
    return () => {
      if (state === 'waiting') this.#waiting.delete(begin);
      if (state === 'open') {
        this.#open--;
        this.#startNext();
      }
      state = 'left';
    };
  }

  #startNext(): void {
    for (const begin of this.#waiting) {
      if (this.#open >= MAX_OPEN) return;
      this.#waiting.delete(begin);
      this.#open++;
      begin();
    }
  }
}
