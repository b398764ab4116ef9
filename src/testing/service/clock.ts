/**
 * The emulator's time: the real clock, or one that moves only when the test says so.
 */

/** Tells the time and can be moved ahead. */
export interface EmulatorClock {
  /** The time now, in milliseconds since 1970. */
  now(): number;
  /** Moves the time ahead by so many milliseconds; tasks that end on the way send their webhooks. */
  advance(ms: number): void;
  /** Calls back after every advance; returns what stops it. */
  onAdvance(listener: () => void): () => void;
}

/** Knows how far the time was moved ahead, and who wants to be told. */
abstract class MovableClock implements EmulatorClock {
  protected aheadMs = 0;
  readonly #listeners = new Set<() => void>();

  abstract now(): number;

  advance(ms: number): void {
    // Anything else would make time stand still or run backwards unnoticed.
    if (!Number.isFinite(ms) || ms < 0) {
      throw new RangeError(`advance(ms): got ${String(ms)}; expected milliseconds, 0 or more`);
    }
    this.aheadMs += ms;
    for (const listener of this.#listeners) listener();
  }

  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/**
 * A clock that stands still until it is advanced: a task of minutes takes no time in a test.
 *
 * @throws {RangeError} when told to start at, or advance by, what is not a time.
 * @example
 * const clock = new ManualClock();
 * const emulator = await startEmulator({ clock });
 * // … submit …
 * clock.advance(300); // the task is completed
 */
export class ManualClock extends MovableClock {
  readonly #startMs: number;

  /** Starts at a time in milliseconds since 1970; default: the real time. */
  constructor(startMs: number = Date.now()) {
    super();
    if (!Number.isFinite(startMs)) {
      throw new RangeError(`ManualClock: got ${String(startMs)}; expected milliseconds since 1970`);
    }
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.aheadMs;
  }
}

/** The real time, which can be put ahead all the same: 7 days may pass without a clock of one's own. */
export class RealClock extends MovableClock {
  now(): number {
    return Date.now() + this.aheadMs;
  }
}
