/** The session's budget: what this studio may still spend. Kept on disk, so that a restart does not reset it. */
import { readFile, writeFile } from 'node:fs/promises';
import type { BudgetView } from '../shared/types.js';
import type { TaskStore } from './store.js';

export class Budget {
  readonly #file: string;
  readonly #store: TaskStore;
  #state: { limit: number | null; since: string };

  private constructor(file: string, store: TaskStore, state: { limit: number | null; since: string }) {
    this.#file = file;
    this.#store = store;
    this.#state = state;
  }

  static async open(file: string, store: TaskStore): Promise<Budget> {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    const state = text === undefined ? { limit: null, since: new Date().toISOString() } : JSON.parse(text);
    return new Budget(file, store, state);
  }

  /** Starts a new session with this limit, in US dollars; null for none. */
  async set(limit: number | null): Promise<void> {
    this.#state = { limit, since: new Date().toISOString() };
    await writeFile(this.#file, JSON.stringify(this.#state), { mode: 0o600 });
  }

  view(): BudgetView {
    return { limit: this.#state.limit, spent: this.#spent() };
  }

  /** What one more task may cost: the `maxCost` of its submit. */
  remaining(): number {
    const { limit } = this.#state;
    return limit === null ? Number.MAX_SAFE_INTEGER : Math.max(0, inMilli(limit - this.#spent()));
  }

  #spent(): number {
    const counted = this.#store.all().filter(({ createdAt, state, prediction }) => {
      // A failed task is refunded.
      const isFree = state === 'rejected' || (state === 'ended' && prediction?.status !== 'completed');
      return createdAt >= this.#state.since && !isFree;
    });
    return inMilli(counted.reduce((sum, task) => sum + task.cost, 0));
  }
}

/** Rounds to a thousandth of a dollar, the smallest part of a price. */
const inMilli = (dollars: number) => Math.round(dollars * 1000) / 1000;
