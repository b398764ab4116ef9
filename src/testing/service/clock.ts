/** The emulator's clock: the real time, or a time that moves only when advanced. */

/** A clock that can be advanced. */
export interface EmulatorClock {
  /** Returns the current time, in milliseconds since 1970. */
  now(): number;
  /** Advances the time by `ms` milliseconds; tasks that end meanwhile send their webhooks. */
  advance(ms: number): void;
  /** Calls a listener after every advance; returns a function that removes it. */
  onAdvance(listener: () => void): () => void;
}

abstract class MovableClock implements EmulatorClock {
  protected aheadMs = 0;
  readonly #listeners = new Set<() => void>();

  abstract now(): number;

  advance(ms: number): void {
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
 * A clock that moves only when advanced: a task of minutes takes no time in a test.
 *
 * @throws {RangeError} for a start or an advance that is not a valid time.
 * @example
 * const clock = new ManualClock();
 * const emulator = await startEmulator({ clock });
 * // … submit …
 * clock.advance(300); // the task is completed
 */
export class ManualClock extends MovableClock {
  readonly #startMs: number;

  /** @param startMs Milliseconds since 1970. @default the real time */
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

export class RealClock extends MovableClock {
  now(): number {
    return Date.now() + this.aheadMs;
  }
}
