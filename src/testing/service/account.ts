/** The emulated account: its balance, history and limits. */
import { randomUUID } from 'node:crypto';
import type { EmulatorClock } from './clock.js';
import type { Settings } from '../options.js';
import type { EmulatedTask, Task, TaskParams } from './task.js';

/** The account of an emulator. Its balance can be set. */
export interface EmulatorAccount {
  /** Current balance, in US dollars. */
  balance: number;
  /** Sum of all charges, in US dollars, before refunds. */
  readonly charged: number;
  /** Sum of all refunds, in US dollars: 3 hours after each failure. */
  readonly refunded: number;
  /**
   * The tasks submitted to this emulator, oldest first. Includes deleted tasks, excludes those of `addTask`. Of more than
   * 10,000 the oldest are forgotten once they have ended; what they cost still counts.
   */
  readonly tasks: readonly EmulatedTask[];
}

/** A task of the same account that another program submitted. */
export interface AddedTask {
  /** @default a new id */
  id?: string | undefined;
  /** @default Kling O3 Standard */
  model?: string | undefined;
  input?: Record<string, unknown> | undefined;
  /** Creation time: ISO 8601, a Date, or milliseconds since 1970. @default now */
  created_at?: string | number | Date | undefined;
  /** Any other field of the prediction; a `status` stays as given. */
  [field: string]: unknown;
}

export interface ListQuery {
  page: number;
  pageSize: number;
  model: string | undefined;
  status: string | undefined;
  afterMs: number;
  beforeMs: number;
  includeInputs: boolean;
}

export interface ExceededLimit {
  message: string;
  retryAfterSeconds: number;
}

const MINUTE_MS = 60_000;
/** Prices are multiples of $0.0001: sums of integer units are exact. */
const UNITS_PER_DOLLAR = 10_000;
/** Most tasks that are kept: a long run does not fill the memory. */
const MOST_TASKS = 10_000;
export const KEPT_MS = 7 * 24 * 60 * 60 * 1000;

export function newId(): string {
  return randomUUID().replaceAll('-', '');
}

const toUnits = (dollars: number) => Math.round(dollars * UNITS_PER_DOLLAR);

export class Account implements EmulatorAccount {
  readonly tasks: Task[] = [];
  readonly #history: Task[] = [];
  readonly #byId = new Map<string, Task>();
  #running: Task[] = [];
  readonly #waiting: Task[] = [];
  #starts: number[] = [];
  #paidIn: number;
  #charged = 0;
  /** Refunds of forgotten tasks, due or not. */
  readonly #oldRefunds: { units: number; at: number }[] = [];
  /** Time until which ended tasks have made place for waiting ones. */
  #placesUntil = 0;
  #lastMs = 0;
  #withinMs = 0;

  readonly #clock: EmulatorClock;
  readonly #settings: Settings;

  constructor(clock: EmulatorClock, settings: Settings) {
    this.#clock = clock;
    this.#settings = settings;
    this.#paidIn = toUnits(settings.balance);
  }

  get balance(): number {
    return (this.#paidIn - this.#charged + this.#refundedUnits()) / UNITS_PER_DOLLAR;
  }

  set balance(dollars: number) {
    this.#paidIn += toUnits(dollars) - toUnits(this.balance);
  }

  covers(cost: number): boolean {
    // Refunds are summed up only where they matter.
    return toUnits(cost) <= this.#paidIn - this.#charged || cost <= this.balance;
  }

  get charged(): number {
    return this.#charged / UNITS_PER_DOLLAR;
  }

  get refunded(): number {
    return this.#refundedUnits() / UNITS_PER_DOLLAR;
  }

  find(id: string): Task | undefined {
    const task = this.#byId.get(id);
    return task === undefined || task.deleted || this.#isExpired(task) ? undefined : task;
  }

  /** Also finds deleted and expired tasks. */
  findAny(id: string): Task | undefined {
    return this.#byId.get(id);
  }

  exceededLimit(): ExceededLimit | undefined {
    const now = this.#clock.now();
    const { perMinute, concurrency, overConcurrency } = this.#settings;
    if (perMinute !== undefined) {
      this.#starts = this.#starts.filter((at) => at > now - MINUTE_MS);
      const oldest = this.#starts[this.#starts.length - perMinute];
      const at = perMinute === 0 ? now : oldest;
      if (at !== undefined) return exceeded('too many requests', at + MINUTE_MS - now);
    }
    if (concurrency === undefined || overConcurrency === 'queue') return undefined;
    this.#running = this.#running.filter((task) => task.releasedAt > now);
    if (this.#running.length < concurrency) return undefined;
    const soonest = Math.min(...this.#running.map((task) => task.releasedAt), now + MINUTE_MS);
    return exceeded('You have reached your concurrency limit', soonest - now);
  }

  mustWait(): boolean {
    const { concurrency, overConcurrency } = this.#settings;
    if (concurrency === undefined || overConcurrency !== 'queue') return false;
    this.startWaiting();
    const now = this.#clock.now();
    this.#running = this.#running.filter((task) => task.releasedAt > now);
    return this.#running.length >= concurrency || this.#waiting.length > 0;
  }

  /** Starts waiting tasks, each at the time at which another one ended. */
  startWaiting(): void {
    const { concurrency = Number.POSITIVE_INFINITY } = this.#settings;
    const now = this.#clock.now();
    this.#placesUntil = now;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const ends = this.#running.map((task) => task.releasedAt).sort((one, other) => one - other);
      const free = ends.length < concurrency ? next.createdAt : ends[ends.length - concurrency];
      const isOver = next.releasedAt !== Number.POSITIVE_INFINITY;
      if (!isOver && (free === undefined || free > now)) return;
      this.#waiting.shift();
      if (isOver || free === undefined) continue;
      next.startedAt = Math.max(free, next.createdAt);
      this.#running.push(next);
    }
  }

  nextEnd(): number {
    // Not the present time: a task may have ended since places were last given.
    const ends = this.#running.map((task) => task.releasedAt).filter((at) => at > this.#placesUntil);
    return Math.min(...ends, Number.POSITIVE_INFINITY);
  }

  add(task: Task, charge: boolean): void {
    this.#byId.set(task.id, task);
    let place = this.#history.length;
    while (place > 0 && (this.#history[place - 1]?.createdAt ?? 0) > task.createdAt) place -= 1;
    this.#history.splice(place, 0, task);
    this.startWaiting();
    const now = this.#clock.now();
    this.#running = this.#running.filter(({ releasedAt }) => releasedAt > now);
    (task.startedAt === undefined ? this.#waiting : this.#running).push(task);
    if (charge) {
      this.tasks.push(task);
      this.#charged += toUnits(task.cost);
      this.#starts.push(task.createdAt);
      this.#forget();
    }
  }

  delete(ids: readonly string[]): number {
    let count = 0;
    for (const id of new Set(ids)) {
      const task = this.find(id);
      if (task === undefined) continue;
      this.#history.splice(this.#history.indexOf(task), 1);
      task.delete();
      count += 1;
    }
    return count;
  }

  list(query: ListQuery): { items: Task[]; total: number } {
    const visibleMs = this.#clock.now() - this.#settings.listLagMs;
    const items: Task[] = [];
    const skipped = (query.page - 1) * query.pageSize;
    let total = 0;
    for (let index = this.#history.length - 1; index >= 0; index -= 1) {
      const task = this.#history[index];
      if (task === undefined || this.#isExpired(task)) break;
      if (task.createdAt < query.afterMs || task.createdAt > query.beforeMs) continue;
      if (task.createdAt > visibleMs) continue;
      if (query.model !== undefined && task.model !== query.model) continue;
      if (query.status !== undefined && task.status !== query.status) continue;
      if (total >= skipped && items.length < query.pageSize) items.push(task);
      total += 1;
    }
    return { items, total };
  }

  /** Formats a time as the service does, with nanoseconds that increase within one millisecond. */
  stamp(ms: number): Pick<TaskParams, 'createdAt' | 'created_at'> {
    this.#withinMs = ms === this.#lastMs ? this.#withinMs + 1 : 1;
    this.#lastMs = ms;
    const nanoseconds = String(this.#withinMs % 1_000_000).padStart(6, '0');
    return { createdAt: ms, created_at: new Date(ms).toISOString().replace('Z', `${nanoseconds}Z`) };
  }

  #forget(): void {
    while (this.tasks.length > MOST_TASKS) {
      const oldest = this.tasks[0] as Task;
      if (!oldest.ended) return;
      this.tasks.shift();
      this.#byId.delete(oldest.id);
      const place = this.#history.indexOf(oldest);
      if (place >= 0) this.#history.splice(place, 1);
      if (oldest.failed) this.#oldRefunds.push({ units: toUnits(oldest.cost), at: oldest.refundAt });
    }
  }

  #isExpired(task: Task): boolean {
    return task.createdAt < this.#clock.now() - KEPT_MS;
  }

  #refundedUnits(): number {
    const now = this.#clock.now();
    let sum = 0;
    for (const { units, at } of this.#oldRefunds) if (at <= now) sum += units;
    for (const task of this.tasks) if (task.refunded) sum += toUnits(task.cost);
    return sum;
  }
}

function exceeded(message: string, waitMs: number): ExceededLimit {
  return { message, retryAfterSeconds: Math.ceil(Math.max(waitMs, 1) / 1000) };
}
