/** Joins what was charged with the account's tasks and the journal's keys, and says what does not add up. */
import { isTerminal, type Prediction } from '../core/prediction.js';
import { readOptions } from '../core/validate-options.js';
import { estimateCost } from '../models/estimate-cost.js';
import type { ApiClient } from '../http/api-client.js';
import type { Call } from '../utils/call.js';
import { isRecord } from '../utils/is-record.js';
import { timeOf } from '../core/check-arguments.js';
import { type BillingRow, listBillings, toUnits, UNITS_PER_DOLLAR } from './billings.js';
import { listTasks } from '../predictions/history.js';
import type { Journal, JournalEntry } from '../predictions/journal/journal.js';

/** Which tasks to reconcile, by their creation time. */
export interface ReconcileRange {
  /** A Date, or ISO 8601. @default 7 days ago, as long as the service keeps the history */
  since?: Date | string | undefined;
  /** A Date, or ISO 8601. @default now */
  until?: Date | string | undefined;
}

/**
 * What a task's charges show; the first that fits:
 * - `refund_missing`: it failed over 3 hours ago, was charged, and was not refunded
 * - `refund_pending`: the same, but it failed less than 3 hours ago
 * - `price_differs`: the charge is not what `estimateCost` computes
 * - `no_charge`: the journal knows the task, but it was never charged
 * - `no_key`: it was charged, but the journal does not know it
 * - `ok`
 */
export type Finding = 'refund_missing' | 'refund_pending' | 'price_differs' | 'no_charge' | 'no_key' | 'ok';

/** A task with its charges and its idempotency key. */
export interface Reconciliation {
  predictionId: string;
  /** Missing if the journal does not know it. */
  key?: string;
  model?: string;
  status?: string;
  /** US dollars, exact to 0.0001. */
  charged: number;
  /** US dollars, exact to 0.0001. */
  refunded: number;
  /** US dollars, from the input. Missing if the history does not show the input, or the price is not known here. */
  estimate?: number;
  finding: Finding;
}

const DAY_MS = 24 * 60 * 60_000;
/** The service keeps the history so long. */
const DEFAULT_RANGE_MS = 7 * DAY_MS;
/** A charge may be dated a little before its task. */
const MARGIN_MS = 15 * 60_000;
const REFUND_MS = 3 * 60 * 60_000;

/** What is known of one task. */
interface Known {
  task?: Prediction;
  key?: string;
  entry?: JournalEntry;
  chargedUnits: number;
  refundedUnits: number;
  chargedAt?: string;
  row?: BillingRow;
}

const RECONCILE_RANGE = { since: { check: timeOf('reconcile') }, until: { check: timeOf('reconcile') } };

/**
 * Yields the tasks that were created in the range, newest first.
 *
 * @param entries Undefined if the journal cannot list them.
 */
export async function* reconcileAccount(
  http: ApiClient,
  call: Call,
  range: ReconcileRange,
  entries: Journal['entries'],
): AsyncGenerator<Reconciliation, void, void> {
  const { since, until } = readOptions<ReconcileRange, typeof RECONCILE_RANGE>(
    range,
    RECONCILE_RANGE,
    'range',
    '{ since }',
  );
  const nowMs = () => Date.now() + http.clockSkewMs;
  const untilMs = until === undefined ? nowMs() : new Date(until).getTime();
  const sinceMs = since === undefined ? nowMs() - DEFAULT_RANGE_MS : new Date(since).getTime();
  const created = { created_after: new Date(sinceMs), created_before: new Date(untilMs) };
  const tasks = listTasks(http, call, { ...created, include_inputs: true });
  // Without an end: refunds come hours later.
  const rows = listBillings(http, call, { from: new Date(sinceMs - MARGIN_MS) });
  const known = await join(tasks, entries?.() ?? [], rows);
  const found = [...known].flatMap(([id, one]) => {
    const createdMs = createdMsOf(one);
    // A refund alone is of a task that was created before.
    if (createdMs === undefined && one.key === undefined) return [];
    const isOutside = createdMs !== undefined && (createdMs < sinceMs || createdMs > untilMs);
    return isOutside ? [] : [{ id, one, createdMs: createdMs ?? sinceMs }];
  });
  found.sort((first, second) => second.createdMs - first.createdMs);
  for (const { id, one, createdMs } of found) {
    yield describe(id, one, { hasEntries: entries !== undefined, ageMs: nowMs() - createdMs });
  }
}

/** @param tasks With their inputs. */
async function join(
  tasks: AsyncIterable<Prediction>,
  entries: AsyncIterable<{ key: string; entry: JournalEntry }> | [],
  rows: AsyncIterable<BillingRow>,
): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  const of = (id: string): Known => {
    const one = known.get(id) ?? { chargedUnits: 0, refundedUnits: 0 };
    known.set(id, one);
    return one;
  };
  // Tasks before charges: a task that is charged meanwhile is then not taken for one without a charge.
  for await (const task of tasks) of(task.id).task = task;
  for await (const { key, entry } of entries) {
    if ('predictionId' in entry) Object.assign(of(entry.predictionId), { key, entry });
  }
  for await (const row of rows) {
    const id = row.prediction?.uuid;
    if (typeof id !== 'string') continue;
    const one = of(id);
    // Newest first: the first row has the latest status.
    one.row ??= row;
    if (row.billing_type === 'refund') one.refundedUnits += toUnits(row.price);
    if (row.billing_type !== 'deduct') continue;
    one.chargedUnits += toUnits(row.price);
    one.chargedAt = row.created_at;
  }
  return known;
}

function createdMsOf({ task, entry, chargedAt }: Known): number | undefined {
  const { submittedAt } = (entry ?? {}) as { submittedAt?: string };
  const ended = entry?.state === 'ended' ? entry.prediction.created_at : undefined;
  const ms = Date.parse(task?.created_at ?? ended ?? submittedAt ?? chargedAt ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function estimateOf({ task }: Known): number | undefined {
  const input = task?.inputs ?? task?.input;
  if (task === undefined || !isRecord(input)) return undefined;
  try {
    return estimateCost(task.model as Parameters<typeof estimateCost>[0], input as never);
  } catch {
    // Another model, or an input that this library would not send.
    return undefined;
  }
}

function describe(id: string, one: Known, age: { hasEntries: boolean; ageMs: number }): Reconciliation {
  const { task, entry, row, key } = one;
  const prediction = task ?? (entry?.state === 'ended' ? entry.prediction : undefined);
  const model = prediction?.model || entry?.model || row?.prediction?.model_uuid;
  const status = prediction?.status || row?.prediction?.status;
  const estimate = estimateOf(one);
  return {
    predictionId: id,
    ...(key !== undefined && { key }),
    ...(model !== undefined && { model }),
    ...(status !== undefined && { status }),
    charged: one.chargedUnits / UNITS_PER_DOLLAR,
    refunded: one.refundedUnits / UNITS_PER_DOLLAR,
    ...(estimate !== undefined && { estimate }),
    finding: findingOf(one, status, estimate, age),
  };
}

function findingOf(
  { task, key, chargedUnits, refundedUnits }: Known,
  status: string | undefined,
  estimate: number | undefined,
  { hasEntries, ageMs }: { hasEntries: boolean; ageMs: number },
): Finding {
  const hasFailed = status !== undefined && isTerminal(status) && status !== 'completed';
  if (hasFailed && refundedUnits < chargedUnits) {
    // When it failed is not shown: as long after its creation as it ran.
    const ranMs = task?.timings.inference ?? 0;
    return ageMs - ranMs > REFUND_MS ? 'refund_missing' : 'refund_pending';
  }
  if (chargedUnits > 0 && estimate !== undefined && toUnits(estimate) !== chargedUnits)
    return 'price_differs';
  if (hasEntries && key !== undefined && chargedUnits === 0) return 'no_charge';
  if (hasEntries && key === undefined && chargedUnits > 0) return 'no_key';
  return 'ok';
}
