/** Counts the failed polls since the last successful one, and decides when a 404 means that there is no task. */
import { NotFoundError, WaitTimeoutError, type WaveSpeedError } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';

/** A new task may not be visible everywhere at once: this many 404s in a row, over this long, mean that there is none. */
const NOT_FOUND_POLLS = 5;
const NOT_FOUND_MS = 3000;

export class FailedPolls {
  count = 0;
  #last: unknown;
  #notFound: { error: NotFoundError; count: number; since: number } | undefined;

  clear(): void {
    this.count = 0;
    this.#notFound = undefined;
  }

  /** @throws the error, if it is a 404 that persists. */
  add(error: WaveSpeedError): void {
    this.count++;
    this.#last = error;
    if (!(error instanceof NotFoundError)) {
      this.#notFound = undefined;
      return;
    }
    const now = performance.now();
    const count = (this.#notFound?.count ?? 0) + 1;
    this.#notFound = { error, count, since: this.#notFound?.since ?? now };
    if (count >= NOT_FOUND_POLLS && now - this.#notFound.since >= NOT_FOUND_MS) throw error;
  }

  /** Returns the error of a wait that reached its deadline. */
  createTimeoutError(wait: {
    predictionId: string;
    lastPrediction: Prediction | undefined;
    wasSeen: boolean;
    elapsedMs: number;
  }): NotFoundError | WaitTimeoutError {
    const { wasSeen, ...details } = wait;
    // "Not found" says more than "not yet".
    if (!wasSeen && this.#notFound !== undefined && this.#notFound.count >= NOT_FOUND_POLLS) {
      return this.#notFound.error;
    }
    return new WaitTimeoutError({ ...details, ...(this.count > 0 ? { cause: this.#last } : {}) });
  }
}
