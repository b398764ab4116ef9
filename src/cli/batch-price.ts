/** Asks the service for the prices of a batch that only it knows, before the first row is sent. */
import { WaveSpeedError, type WaveSpeedKling } from '../index.js';
import type { PlannedRow } from './batch-plan.js';
import { interrupted } from './interrupt.js';
import { describe } from './messages.js';
import { note, paint } from './output.js';

const AT_ONCE = 8;
const MAX_LISTED = 10;

const LOCAL = 'only the service knows it, once its local files are uploaded';

/**
 * Sets the cost of rows that the journal does not know, where only the service knows it. Each distinct input is asked for
 * once. A row with local files has no price before they are uploaded, and keeps `undefined`, as does one whose price the
 * service does not tell: one line on stderr says which and why.
 */
export async function askPrices(kling: WaveSpeedKling, rows: readonly PlannedRow[]): Promise<void> {
  const unpriced = rows.filter(({ cost, isKnown }) => cost === undefined && !isKnown);
  const groups = new Map<string, PlannedRow[]>();
  for (const row of unpriced.filter(({ files }) => files.length === 0)) {
    const input = JSON.stringify([row.model.id, row.input]);
    groups.set(input, [...(groups.get(input) ?? []), row]);
  }
  const reasons = new Map<PlannedRow, string>(unpriced.map((row) => [row, LOCAL]));
  const left = [...groups.values()];
  const work = async () => {
    for (let group = left.shift(); group !== undefined; group = left.shift()) {
      const price = await ask(kling, group[0] as PlannedRow);
      for (const row of group) {
        if (typeof price === 'string') reasons.set(row, price);
        else {
          row.cost = price;
          reasons.delete(row);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (reasons.size > 0) note(explain(reasons), paint('yellow', '!'));
}

/** Returns the price, or why there is none. */
async function ask(kling: WaveSpeedKling, { model, input }: PlannedRow): Promise<number | string> {
  try {
    return (await kling.quote(model, input, { signal: interrupted })).discounted_price;
  } catch (error) {
    interrupted.throwIfAborted();
    if (!WaveSpeedError.isInstance(error)) throw error;
    return `the service did not tell it (${describe(error).message.replace(/\.$/, '')})`;
  }
}

function explain(reasons: ReadonlyMap<PlannedRow, string>): string {
  const lines = [...reasons.keys()].map(({ line }) => line);
  const listed = lines.slice(0, MAX_LISTED).join(', ') + (lines.length > MAX_LISTED ? ' …' : '');
  const rows = lines.length === 1 ? `1 row (line ${listed})` : `${lines.length} rows (lines ${listed})`;
  return `The price of ${rows} is not counted here: ${[...new Set(reasons.values())].join('; ')}.`;
}
