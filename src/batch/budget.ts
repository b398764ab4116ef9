/** The budget of a batch: what counts toward it, and when it is exceeded. */
import { BudgetExceededError } from '../core/errors/index.js';

const round = (dollars: number) => Math.round(dollars * 10_000) / 10_000;

/** What a batch may still spend, in US dollars. */
export function createBudget(maxCost = Infinity) {
  let spent = 0;
  return {
    reserve(cost: number): void {
      const total = round(spent + cost);
      if (total > maxCost) throw new BudgetExceededError({ cost, maxCost, spent });
      spent = total;
    },
    /** What was not accepted costs nothing. */
    release(cost: number): void {
      spent = round(spent - cost);
    },
  };
}
