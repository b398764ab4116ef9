/**
 * The emulated account: its money, its tasks in order, and its limits.
 */
import { randomUUID } from 'node:crypto';
import { isHttpUrl } from './validate.js';
import type { EmulatorClock } from './clock.js';
import type { Settings } from '../options.js';
import type { EmulatedTask, Task, TaskSeed } from './task.js';

/** What a test can see of the account, and its balance, which it can set. */
export interface EmulatorAccount {
  /** What it holds now, in US dollars: exact to a thousandth. */
  balance: number;
  /** What every submit so far was charged, in US dollars, refunds not taken off. */
  readonly charged: number;
  /** What was given back for failed tasks, in US dollars: 3 hours after each failed. */
  readonly refunded: number;
  /** Every task that a submit to this emulator made, oldest first, deleted ones too; not those of `addTask`. */
  readonly tasks: readonly EmulatedTask[];
}

/** A task of the same account that was started somewhere else. */
export interface AddedTask {
  /** Default: a new one. */
  id?: string | undefined;
  /** Default: Kling O3 Standard. */
  model?: string | undefined;
  input?: Record<string, unknown> | undefined;
  /** When it was made: ISO 8601, a Date, or milliseconds since 1970. Default: now. */
  created_at?: string | number | Date | undefined;
  /** Any further field of the prediction; `status` is then fixed. */
  [field: string]: unknown;
}

/** What a list is asked for, checked. */
export interface ListQuery {
  page: number;
  pageSize: number;
  model: string | undefined;
  status: string | undefined;
  afterMs: number;
  beforeMs: number;
}

const MINUTE_MS = 60_000;
/** How long the service keeps predictions, outputs and uploads. */
export const KEPT_MS = 7 * 24 * 60 * 60 * 1000;

/** Makes a task's or an upload's id. */
export function newId(): string {
  return randomUUID().replaceAll('-', '');
}

/** Tells whether a webhook URL is one the emulator takes: https anywhere, http on this machine only. */
export function isWebhookUrl(text: string): boolean {
  return isHttpUrl(text) && (new URL(text).protocol === 'https:' || isLoopback(text));
}

/** Tells whether a URL points to this machine. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/** The implementation of `EmulatorAccount`, with what only the emulator may do. */
export class Account implements EmulatorAccount {
  readonly tasks: Task[] = [];
  /** Everything the list shows, oldest first. */
  readonly #history: Task[] = [];
  readonly #ever = new Map<string, Task>();
  /** Tasks that were running when last looked at. */
  #running: Task[] = [];
  /** Starts within the last minute. */
  #starts: number[] = [];
  /** Thousandths of a dollar: whole numbers, so that sums are exact. */
  #paidInMilli: number;
  #chargedMilli = 0;
  #lastMs = 0;
  #withinMs = 0;

  readonly #clock: EmulatorClock;
  readonly #settings: Settings;

  constructor(clock: EmulatorClock, settings: Settings) {
    this.#clock = clock;
    this.#settings = settings;
    this.#paidInMilli = Math.round(settings.balance * 1000);
  }

  get balance(): number {
    return this.balanceMilli / 1000;
  }

  set balance(dollars: number) {
    this.#paidInMilli += Math.round(dollars * 1000) - this.balanceMilli;
  }

  get charged(): number {
    return this.#chargedMilli / 1000;
  }

  get refunded(): number {
    return this.#refundedMilli() / 1000;
  }

  get balanceMilli(): number {
    return this.#paidInMilli - this.#chargedMilli + this.#refundedMilli();
  }

  /** Finds a task that is still in the history. */
  find(id: string): Task | undefined {
    const task = this.#ever.get(id);
    return task === undefined || task.deleted || this.#isGone(task) ? undefined : task;
  }

  /** Finds a task by its id, deleted or expired ones too. */
  ever(id: string): Task | undefined {
    return this.#ever.get(id);
  }

  /** Says for how many seconds no task may be started; 0 when one may. */
  waitSeconds(): number {
    const now = this.#clock.now();
    const { perMinute, concurrent } = this.#settings;
    let waitMs = 0;
    if (perMinute !== undefined) {
      this.#starts = this.#starts.filter((at) => at > now - MINUTE_MS);
      const oldest = this.#starts[this.#starts.length - perMinute];
      if (perMinute === 0) waitMs = MINUTE_MS;
      else if (oldest !== undefined) waitMs = oldest + MINUTE_MS - now;
    }
    if (concurrent !== undefined) {
      this.#running = this.#running.filter((task) => !task.ended && !task.deleted);
      if (this.#running.length >= concurrent) {
        const soonest = Math.min(...this.#running.map((task) => task.dueMs), now + MINUTE_MS);
        waitMs = Math.max(waitMs, soonest - now, 1);
      }
    }
    return Math.ceil(waitMs / 1000);
  }

  /** Takes a task into the history; `charge` for one that a submit made. */
  add(task: Task, charge: boolean): void {
    this.#ever.set(task.id, task);
    let place = this.#history.length;
    while (place > 0 && (this.#history[place - 1]?.createdMs ?? 0) > task.createdMs) place -= 1;
    this.#history.splice(place, 0, task);
    this.#running.push(task);
    if (charge) {
      this.tasks.push(task);
      this.#chargedMilli += task.costMilli;
      this.#starts.push(task.createdMs);
    }
  }

  /** Removes tasks from the history; says how many there were. */
  remove(ids: readonly string[]): number {
    let count = 0;
    for (const id of new Set(ids)) {
      const task = this.find(id);
      if (task === undefined) continue;
      task.deleted = true;
      this.#history.splice(this.#history.indexOf(task), 1);
      count += 1;
    }
    return count;
  }

  /** Gives one page of the history, newest first, and how many tasks match in all. */
  list(query: ListQuery): { items: Task[]; total: number } {
    const visibleMs = this.#clock.now() - this.#settings.listLagMs;
    const items: Task[] = [];
    const skipped = (query.page - 1) * query.pageSize;
    let total = 0;
    for (let index = this.#history.length - 1; index >= 0; index -= 1) {
      const task = this.#history[index];
      if (task === undefined || this.#isGone(task)) break;
      if (task.createdMs < query.afterMs || task.createdMs > query.beforeMs) continue;
      if (task.createdMs > visibleMs) continue;
      if (query.model !== undefined && task.model !== query.model) continue;
      if (query.status !== undefined && task.status !== query.status) continue;
      if (total >= skipped && items.length < query.pageSize) items.push(task);
      total += 1;
    }
    return { items, total };
  }

  /** Writes a time as the service does, with nanoseconds that grow within one millisecond. */
  stamp(ms: number): Pick<TaskSeed, 'createdMs' | 'created_at'> {
    this.#withinMs = ms === this.#lastMs ? this.#withinMs + 1 : 1;
    this.#lastMs = ms;
    const nanoseconds = String(this.#withinMs % 1_000_000).padStart(6, '0');
    return { createdMs: ms, created_at: new Date(ms).toISOString().replace('Z', `${nanoseconds}Z`) };
  }

  #isGone(task: Task): boolean {
    return task.createdMs < this.#clock.now() - KEPT_MS;
  }

  #refundedMilli(): number {
    let sum = 0;
    for (const task of this.tasks) if (task.refunded) sum += task.costMilli;
    return sum;
  }
}
