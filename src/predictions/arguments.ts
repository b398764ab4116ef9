/** Validates ids, keys and queries. */
import { InvalidInputError } from '../core/errors/index.js';
import { isTaskId, normalizePrediction, type Prediction, type PredictionStatus } from '../core/prediction.js';
import { type Check, readOptions } from '../core/validate-options.js';
import type { ModelId } from '../models/catalog.js';
import { checkIdempotencyKey } from './options.js';

/** Which tasks to list. The service keeps the last 7 days. */
export interface ListQuery {
  /** Only tasks of this model. */
  model?: ModelId | (string & {}) | undefined;
  /** Only tasks in this status. */
  status?: PredictionStatus | (string & {}) | undefined;
  /** Only tasks created after this time: a Date, or ISO 8601. */
  created_after?: Date | string | undefined;
  /** Only tasks created before this time: a Date, or ISO 8601. */
  created_before?: Date | string | undefined;
  /** Asks the service to show each task's input. @default false */
  include_inputs?: boolean | undefined;
  /** First page. @default 1 */
  page?: number | undefined;
  /** Tasks per request, 1–100. @default 100 */
  page_size?: number | undefined;
}

function invalid(call: string, field: string, problem: string): InvalidInputError {
  return new InvalidInputError(call, [{ path: [field], message: `${field}: ${problem}` }]);
}

const wholeNumber =
  (most: number): Check =>
  (value, name) => {
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most) return;
    const range = most === Infinity ? ', 1 or more' : ` from 1 to ${most}`;
    throw invalid('list', name, `got ${String(value)}; expected a whole number${range}`);
  };

const timeOf =
  (call: string): Check =>
  (value, name) => {
    const at = value instanceof Date ? value.getTime() : Date.parse(String(value));
    if (Number.isNaN(at)) {
      throw invalid(call, name, `got ${String(value)}; expected a Date, or a time in ISO 8601`);
    }
  };

const anything: Check = () => undefined;

const LIST_QUERY = {
  model: { check: anything },
  status: { check: anything },
  created_after: { check: timeOf('list') },
  created_before: { check: timeOf('list') },
  include_inputs: { check: anything },
  page: { check: wholeNumber(Infinity), default: 1 },
  page_size: { check: wholeNumber(100), default: 100 },
};

/** Rejects a query that the service would read in another way: it ignores a misspelt field, and lists everything. */
export const readListQuery = (query: ListQuery) =>
  readOptions<ListQuery, typeof LIST_QUERY>(query, LIST_QUERY, 'query', "{ status: 'failed' }");

/** Which charges and refunds to list. */
export interface BillingsQuery {
  /** Only charges, or only refunds. */
  type?: 'deduct' | 'refund' | undefined;
  /** Only of these tasks. */
  predictionIds?: string | readonly string[] | undefined;
  /** Only rows from this time on: a Date, or ISO 8601. */
  from?: Date | string | undefined;
  /** Only rows up to this time: a Date, or ISO 8601. */
  to?: Date | string | undefined;
  /** Only of this model. */
  model?: ModelId | (string & {}) | undefined;
}

/** Which time to total. */
export interface UsageRange {
  /** A Date, or ISO 8601. */
  from: Date | string;
  /** A Date, or ISO 8601. */
  to: Date | string;
  /** Only this model. */
  model?: ModelId | (string & {}) | undefined;
}

/** Which tasks to reconcile, by their creation. */
export interface ReconcileRange {
  /** A Date, or ISO 8601. @default 7 days ago, as long as the service keeps the history */
  since?: Date | string | undefined;
  /** A Date, or ISO 8601. @default now */
  until?: Date | string | undefined;
}

const BILLINGS_QUERY = {
  type: {
    check: ((value, name) => {
      if (value === 'deduct' || value === 'refund') return;
      throw invalid('billings', name, `got ${String(value)}; expected 'deduct' or 'refund'`);
    }) as Check,
  },
  predictionIds: { check: ((value) => void checkIds(value, 'billings')) as Check },
  from: { check: timeOf('billings') },
  to: { check: timeOf('billings') },
  model: { check: anything },
};

const USAGE_RANGE = {
  from: { check: timeOf('usage') },
  to: { check: timeOf('usage') },
  model: { check: anything },
};

const RECONCILE_RANGE = { since: { check: timeOf('reconcile') }, until: { check: timeOf('reconcile') } };

export const readBillingsQuery = (query: BillingsQuery) =>
  readOptions<BillingsQuery, typeof BILLINGS_QUERY>(query, BILLINGS_QUERY, 'query', "{ type: 'refund' }");

export const readReconcileRange = (range: ReconcileRange) =>
  readOptions<ReconcileRange, typeof RECONCILE_RANGE>(range, RECONCILE_RANGE, 'range', '{ since }');

/** @throws {InvalidInputError} without both times. */
export function readUsageRange(given: UsageRange): UsageRange {
  const { from, to, model } = readOptions<UsageRange, typeof USAGE_RANGE>(
    given,
    USAGE_RANGE,
    'range',
    '{ from, to }',
  );
  const required = (name: string, value: Date | string | undefined) => {
    if (value !== undefined) return value;
    throw invalid('usage', name, 'got nothing; expected a Date, or a time in ISO 8601');
  };
  return { from: required('from', from), to: required('to', to), model };
}

/** @throws {InvalidInputError} unless the value is the id of a task. */
export function checkId(id: unknown): string {
  if (isTaskId(id)) return id;
  const shown =
    typeof id === 'string' ? JSON.stringify(id) : id === null ? 'null' : `a value of type ${typeof id}`;
  throw invalid('a task', 'id', `got ${shown}; expected the id of a task, as in \`prediction.id\``);
}

/** @throws {InvalidInputError} unless the value is a task id or a list of ids. */
export function checkIds(ids: unknown, call = 'delete'): string[] {
  const list: unknown[] = typeof ids === 'string' ? [ids] : Array.isArray(ids) ? ids : [];
  if (list.length === 0) throw invalid(call, 'ids', 'got none; expected at least one id');
  return list.map(checkId);
}

/** @throws {InvalidInputError} unless the value is a task, such as the body of a webhook. */
export function checkPrediction(value: unknown): Prediction {
  const prediction = normalizePrediction(value);
  if (prediction !== undefined) return prediction;
  throw invalid('settle', 'prediction', 'expected a task, such as the event of a webhook');
}

/** Requires an idempotency key. */
export function requireIdempotencyKey(key: unknown): string {
  checkIdempotencyKey(key);
  return key as string;
}
