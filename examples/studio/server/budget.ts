/** The session's budget: what this studio has spent and may still spend. Kept on disk, so that a restart does not reset it. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { BudgetExceededError } from 'wavespeed-kling';
import type { BudgetView } from '../shared/types.js';
import type { StudioTask } from './store.js';

interface BudgetState {
  /** In US dollars; null for none. */
  limit: number | null;
  /** What each submit of the session costs, by its key. Removing a task from the list does not remove its cost. */
  charges: Record<string, number>;
}

type Charge = Pick<StudioTask, 'key' | 'cost'>;

export class Budget {
  readonly #file: string;
  #state: BudgetState;
  #written: Promise<void> = Promise.resolve();

  private constructor(file: string, state: BudgetState) {
    this.#file = file;
    this.#state = state;
  }

  static async open(file: string): Promise<Budget> {
    const text = await readFile(file, 'utf8').catch(() => '{}');
    return new Budget(file, { limit: null, charges: {}, ...(JSON.parse(text) as Partial<BudgetState>) });
  }

  /** Starts a new session with this limit, in US dollars; null for none. */
  set(limit: number | null): Promise<void> {
    this.#state = { limit, charges: {} };
    return this.#write();
  }

  view(): BudgetView {
    return { limit: this.#state.limit, spent: this.#spent() };
  }

  /**
   * Counts what a submit is about to spend: every submit passes here. The same key counts once.
   *
   * @throws {BudgetExceededError} if it would exceed the limit; then nothing is counted.
   */
  async spend({ key, cost }: Charge): Promise<void> {
    const { limit, charges } = this.#state;
    if (Object.hasOwn(charges, key)) return;
    const maxCost = limit === null ? Number.MAX_SAFE_INTEGER : Math.max(0, inMilli(limit - this.#spent()));
    if (cost > maxCost) throw new BudgetExceededError({ cost, maxCost });
    charges[key] = cost;
    await this.#write();
  }

  /** Takes a charge back: there was no task, or it failed and is refunded. */
  async giveBack({ key }: Pick<Charge, 'key'>): Promise<void> {
    if (!Object.hasOwn(this.#state.charges, key)) return;
    delete this.#state.charges[key];
    await this.#write();
  }

  #spent(): number {
    return inMilli(Object.values(this.#state.charges).reduce((sum, cost) => sum + cost, 0));
  }

  /** One write after the other, so that the last state is the one that stays. */
  #write(): Promise<void> {
    const write = this.#written.then(async () => {
      await writeFile(`${this.#file}.part`, JSON.stringify(this.#state), { mode: 0o600 });
      await rename(`${this.#file}.part`, this.#file);
    });
    this.#written = write.catch(() => undefined);
    return write;
  }
}

/** Rounds to a thousandth of a dollar, the smallest part of a price. */
const inMilli = (dollars: number) => Math.round(dollars * 1000) / 1000;
