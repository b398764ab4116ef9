/** What may be spent: by this process, and by all processes with the same journal on the same day. */
import type { Journal, JournalEntry } from '../../index.js';

interface Expense {
  cost: number;
  /** In milliseconds since 1970; undefined for an expense of this process, which counts on every day. */
  at: number | undefined;
}

const UNITS_PER_DOLLAR = 10_000;

/** Dollars in units whose sums are exact. */
export const toUnits = (dollars: number) => Math.round(dollars * UNITS_PER_DOLLAR);

const round = (dollars: number) => toUnits(dollars) / UNITS_PER_DOLLAR;

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** The times and the cost that an entry may have, in whichever state it is. */
interface Dated {
  submittedAt?: string;
  markedAt?: string;
  cost?: number;
}

function timeOf(entry: JournalEntry): number {
  const { submittedAt, markedAt } = entry as Dated;
  const createdAt = entry.state === 'ended' ? entry.prediction.created_at : '';
  return Date.parse(submittedAt ?? markedAt ?? createdAt);
}

/** Writes the cost into marks as well, so that the next process counts a submit that this one did not see the end of. */
export function withCosts(journal: Journal, costs: ReadonlyMap<string, number>): Journal {
  return {
    ...journal,
    put: (key, entry, revision) => {
      const cost = (entry as Dated).cost ?? costs.get(key);
      const isPaid = entry.state !== 'idle' && cost !== undefined;
      return journal.put(key, isPaid ? Object.assign({ cost }, entry) : entry, revision);
    },
  };
}

export class Budget {
  readonly maxCost: number;
  /** Of what this process submits, by key. */
  readonly costs = new Map<string, number>();
  readonly #expenses = new Map<string, Expense>();

  private constructor(maxCost: number) {
    this.maxCost = maxCost;
  }

  /** Reads what the journal's earlier processes have spent. */
  static async open(maxCost: number, journal: Journal): Promise<Budget> {
    const budget = new Budget(maxCost);
    for await (const { key, entry } of journal.entries?.() ?? []) {
      if (entry.state === 'idle') continue;
      const { cost } = entry as Dated;
      const at = timeOf(entry);
      // An entry without a time may be of today.
      if (typeof cost === 'number')
        budget.#expenses.set(key, { cost, at: Number.isNaN(at) ? undefined : at });
    }
    return budget;
  }

  /** Dollars, with what is being submitted. */
  get spent(): number {
    return this.#spentWithout(undefined);
  }

  get left(): number {
    return round(Math.max(0, this.maxCost - this.spent));
  }

  /** Returns false if it does not fit. A key that has paid already is replaced. */
  reserve(key: string, cost: number): boolean {
    if (toUnits(this.#spentWithout(key)) + toUnits(cost) > toUnits(this.maxCost)) return false;
    this.#expenses.set(key, { cost, at: undefined });
    this.costs.set(key, cost);
    return true;
  }

  /** It is certain that nothing was paid. */
  release(key: string): void {
    this.#expenses.delete(key);
  }

  #spentWithout(key: string | undefined): number {
    const today = dayOf(Date.now());
    let units = 0;
    for (const [one, { cost, at }] of this.#expenses) {
      if (one !== key && (at === undefined || dayOf(at) === today)) units += toUnits(cost);
    }
    return units / UNITS_PER_DOLLAR;
  }
}
