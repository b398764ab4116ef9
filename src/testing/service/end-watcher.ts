/** Notifies once a task has ended: by the clock, by the test, or by its deletion. */
import { type EmulatorClock, RealClock } from './clock.js';
import type { Task } from './task.js';

interface Watch {
  task: Task;
  deadline: number;
  /** Called with false when the deadline passes or the task is deleted. */
  notify: (ended: boolean) => void;
}

const TIMER_LIMIT = 2 ** 31 - 1;

export class EndWatcher {
  readonly #watches = new Set<Watch>();
  readonly #clock: EmulatorClock;
  readonly #nextEnd: () => number;
  readonly #stopListening: () => void;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(clock: EmulatorClock, nextEnd: () => number) {
    this.#clock = clock;
    this.#nextEnd = nextEnd;
    this.#stopListening = clock.onAdvance(() => this.check());
  }

  watch(task: Task, notify: Watch['notify'], deadline = Number.POSITIVE_INFINITY): void {
    const watch = { task, notify, deadline };
    this.#watches.add(watch);
    if (task.ended) setImmediate(() => this.check());
    else this.#schedule(this.#next(watch));
  }

  check(): void {
    const now = this.#clock.now();
    for (const watch of this.#watches) {
      const ended = !watch.task.deleted && watch.task.ended;
      if (!ended && !watch.task.deleted && now < watch.deadline) continue;
      this.#watches.delete(watch);
      watch.notify(ended);
    }
    this.#reschedule();
  }

  stop(): void {
    this.#stopListening();
    clearTimeout(this.#timer);
    for (const watch of this.#watches) watch.notify(false);
    this.#watches.clear();
  }

  #next({ task, deadline }: Watch): number {
    return Math.min(task.startedAt === undefined ? this.#nextEnd() : task.releasedAt, deadline);
  }

  #reschedule(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const watch of this.#watches) next = Math.min(next, this.#next(watch));
    this.#schedule(next);
  }

  #schedule(at: number): void {
    const delay = at - this.#clock.now();
    if (!(this.#clock instanceof RealClock) || delay > TIMER_LIMIT || at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.check(), Math.max(0, delay));
    this.#timer.unref();
  }
}
