/** Sums up what the tasks of a time cost: in total, by model and by day. */
import type { BillingRow, Reconciliation } from '../index.js';

export interface Amounts {
  /** US dollars, exact to 0.0001. */
  charged: number;
  refunded: number;
  net: number;
}

export interface SpendReport extends Amounts {
  by_model: Record<string, Amounts>;
  /** By the day (UTC) of the charge or the refund. */
  by_day: Record<string, Amounts>;
  /** Every finding that is not `ok`. */
  findings: SpendRow[];
}

/** A task, as `--json` and `--csv` show it. */
export interface SpendRow {
  prediction_id: string;
  key?: string | undefined;
  model?: string | undefined;
  status?: string | undefined;
  charged: number;
  refunded: number;
  estimate?: number | undefined;
  finding: string;
}

const COLUMNS = [
  'prediction_id',
  'key',
  'model',
  'status',
  'charged',
  'refunded',
  'estimate',
  'finding',
] as const;

const round = (dollars: number) => Math.round(dollars * 1e4) / 1e4;

/** Amounts by name, in the order in which the names come. */
class Sums {
  readonly byName: Record<string, Amounts> = {};

  add(name: string, { charged = 0, refunded = 0 }: Partial<Amounts>): void {
    const sum = this.byName[name] ?? { charged: 0, refunded: 0, net: 0 };
    sum.charged = round(sum.charged + charged);
    sum.refunded = round(sum.refunded + refunded);
    sum.net = round(sum.charged - sum.refunded);
    this.byName[name] = sum;
  }
}

export const rowOf = ({ predictionId, ...others }: Reconciliation): SpendRow => ({
  prediction_id: predictionId,
  ...others,
});

/** @param rows Charges and refunds, newest first; those of other tasks do not count. */
export function reportSpend(tasks: readonly Reconciliation[], rows: readonly BillingRow[]): SpendReport {
  const [total, models, days] = [new Sums(), new Sums(), new Sums()];
  for (const { model = 'unknown', charged, refunded } of tasks) {
    total.add('total', { charged, refunded });
    models.add(model, { charged, refunded });
  }
  const ids = new Set(tasks.map(({ predictionId }) => predictionId));
  for (const { billing_type, price, created_at, prediction } of rows) {
    if (!ids.has(prediction?.uuid ?? '')) continue;
    const field = billing_type === 'refund' ? 'refunded' : 'charged';
    days.add(created_at.slice(0, 10), { [field]: price });
  }
  return {
    ...(total.byName['total'] ?? { charged: 0, refunded: 0, net: 0 }),
    by_model: models.byName,
    by_day: days.byName,
    findings: tasks.filter(({ finding }) => finding !== 'ok').map(rowOf),
  };
}

const quoteCell = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

export function toCsv(tasks: readonly Reconciliation[]): string[] {
  const lines = tasks
    .map(rowOf)
    .map((row) => COLUMNS.map((column) => quoteCell(String(row[column] ?? ''))).join(','));
  return [COLUMNS.join(','), ...lines];
}
