/** Says when each wait of a client may poll: together with others that are due at about the same time, and at most so many a second. */
import { addAbortListener, MAX_TIMER_MS } from '../utils/abort.js';

/** Share of a second's polls that may be sent at once. */
const BURST_SHARE = 0.05;

/** How late a poll may be in order to be sent together with others: a share of its delay, and at most so many milliseconds. */
const LATE_SHARE = 0.05;
const MAX_LATE_MS = 25;

/** A timer may fire up to this much early. */
const TIMER_MS = 1;

/** Polls that are sent together. Times are by `performance.now()`. */
interface Group {
  /** When the last of them is due. */
  at: number;
  /** When the first of them would be too late. */
  latestAt: number;
  turns: Set<Turn>;
}

/** One wait among those of its client. */
export class Turn {
  /** Where it waits. Set by the scheduler. */
  queue: Set<Turn> | undefined;
  readonly #scheduler: PollScheduler;
  readonly #signal: AbortSignal;
  #isHurried = false;
  #resolve: () => void = () => undefined;
  #reject: (reason: unknown) => void = () => undefined;

  /** @param signal Ends the wait. Must not outlive it. */
  constructor(scheduler: PollScheduler, signal: AbortSignal) {
    this.#scheduler = scheduler;
    this.#signal = signal;
    addAbortListener(signal, () => {
      scheduler.remove(this);
      this.#reject(signal.reason);
    });
  }

  /** Resolves when the wait may poll, not before the delay is over. Rejects when the signal aborts. */
  next(delayMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#signal.throwIfAborted();
      this.#resolve = resolve;
      this.#reject = reject;
      this.#scheduler.add(this, delayMs, this.#isHurried);
      this.#isHurried = false;
    });
  }

  /** Ends the delay, or the next one, and goes before other waits. */
  hurry(): void {
    if (this.queue === undefined) this.#isHurried = true;
    else this.#scheduler.add(this, 0, true);
  }

  /** Lets it poll. Called by the scheduler. */
  grant(): void {
    this.#resolve();
  }
}

export class PollScheduler {
  readonly #intervalMs: number;
  readonly #burst: number;
  /** When the next poll would be due if they were spread evenly. By `performance.now()`. */
  #nextAt = 0;
  /** One for all waits: what costs is waking up. */
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #groups: Group[] = [];
  /** Due, in their order. */
  readonly #urgent = new Set<Turn>();
  readonly #waiting = new Set<Turn>();

  constructor(maxPerSecond: number) {
    this.#intervalMs = 1000 / maxPerSecond;
    this.#burst = Math.max(1, Math.floor(maxPerSecond * BURST_SHARE));
  }

  add(turn: Turn, delayMs: number, isUrgent: boolean): void {
    turn.queue?.delete(turn);
    if (isUrgent) turn.queue = this.#urgent;
    else turn.queue = delayMs > 0 ? this.#groupAt(performance.now() + delayMs, delayMs) : this.#waiting;
    turn.queue.add(turn);
    if (isUrgent || delayMs <= 0) this.#run();
    else this.#setTimer();
  }

  remove(turn: Turn): void {
    turn.queue?.delete(turn);
    turn.queue = undefined;
    this.#run();
  }

  /** Sends no poll for some time: the service asked for it. */
  pause(delayMs: number): void {
    this.#nextAt = Math.max(this.#nextAt, performance.now() + delayMs);
  }

  #groupAt(dueAt: number, delayMs: number): Set<Turn> {
    const latestAt = dueAt + Math.min(delayMs * LATE_SHARE, MAX_LATE_MS);
    const group = this.#groups.find(
      (each) => dueAt <= each.latestAt && each.at <= latestAt && each.turns.size < this.#burst,
    );
    if (group === undefined) {
      const turns = new Set<Turn>();
      this.#groups.push({ at: dueAt, latestAt, turns });
      return turns;
    }
    group.at = Math.max(group.at, dueAt);
    group.latestAt = Math.min(group.latestAt, latestAt);
    return group.turns;
  }

  /** @param firedAt What the timer was set for. It counts as past, for tests that move timers alone. */
  #run(firedAt = -Infinity): void {
    const now = performance.now() + TIMER_MS;
    // What is empty was left by waits that ended.
    this.#groups = this.#groups.filter(({ at, turns }) => {
      const isDue = at <= firedAt || at < now;
      if (isDue) {
        for (const turn of turns) {
          turn.queue = this.#waiting;
          this.#waiting.add(turn);
        }
      }
      return !isDue && turns.size > 0;
    });
    for (const queue of [this.#urgent, this.#waiting]) {
      for (const turn of queue) {
        if (this.#nextAt >= now) break;
        this.#nextAt =
          Math.max(this.#nextAt, now - TIMER_MS - (this.#burst - 1) * this.#intervalMs) + this.#intervalMs;
        queue.delete(turn);
        turn.queue = undefined;
        turn.grant();
      }
    }
    this.#setTimer();
  }

  #setTimer(): void {
    let at = Infinity;
    if (this.#urgent.size > 0) at = this.#nextAt;
    else if (this.#waiting.size > 0) {
      // As many as may be sent at once.
      at = this.#nextAt + (Math.min(this.#waiting.size, this.#burst) - 1) * this.#intervalMs;
    }
    for (const group of this.#groups) at = Math.min(at, group.at);
    if (at === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    if (at === Infinity) return;
    const now = performance.now();
    const delayMs = Math.min(Math.ceil(at - now), MAX_TIMER_MS);
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.#run(now + delayMs);
    }, delayMs);
  }
}
