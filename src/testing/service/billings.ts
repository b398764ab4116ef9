/** `POST /billings/search`: the charges and refunds of the account's tasks. */
import { createHash } from 'node:crypto';
import { readPage } from './list-query.js';
import type { Task } from './task.js';
import { asFields } from './validate.js';

interface BillingRow {
  uuid: string;
  billing_type: 'deduct' | 'refund';
  price: number;
  created_at: string;
  [field: string]: unknown;
}

export interface BillingPage {
  page: number;
  total: number;
  has_more: boolean;
  items: BillingRow[];
}

const stableId = (...parts: string[]) => createHash('md5').update(parts.join(':')).digest('hex');

const ACCESS_KEY = stableId('access key');

function rowOf(task: Task, type: BillingRow['billing_type'], at: number): BillingRow {
  const time = new Date(at).toISOString();
  return {
    uuid: stableId(type, task.id),
    billing_type: type,
    price: task.cost,
    created_at: time,
    updated_at: time,
    access_key_name: 'emulator',
    access_key_uuid: ACCESS_KEY,
    order: {
      uuid: stableId('order', task.id),
      state: task.ended ? 'done' : 'pre',
      price: task.cost,
      origin_price: task.cost,
    },
    prediction: { uuid: task.id, model_uuid: task.model, status: task.status },
  };
}

/** Milliseconds since 1970, as a number or as text, or ISO 8601. */
export function readTime(value: unknown, fallback: number): number {
  if (value === undefined || value === '') return fallback;
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return Number.NaN;
  return /^\d+$/.test(value) ? Number(value) : Date.parse(value);
}

const isStringArray = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

export function searchBillings(tasks: readonly Task[], body: unknown): BillingPage | string {
  const fields = asFields(body ?? {});
  if (fields === undefined) return 'the body must be a JSON object';
  const { access_key_uuid, billing_type, model_uuid, prediction_uuids, sort } = fields;
  const query = readPage({ page_size: 10, ...fields });
  if (typeof query === 'string') return query;
  if (prediction_uuids !== undefined && !isStringArray(prediction_uuids)) {
    return "property 'prediction_uuids' must be an array of strings";
  }
  const from = readTime(fields['start_time'], Number.NEGATIVE_INFINITY);
  const to = readTime(fields['end_time'], Number.POSITIVE_INFINITY);
  if (Number.isNaN(from)) return "property 'start_time' must be a time in milliseconds";
  if (Number.isNaN(to)) return "property 'end_time' must be a time in milliseconds";

  const ids = prediction_uuids?.length === 0 ? undefined : prediction_uuids;
  const rows = (access_key_uuid === undefined || access_key_uuid === ACCESS_KEY ? tasks : [])
    .filter((task) => ids === undefined || ids.includes(task.id))
    .filter((task) => model_uuid === undefined || task.model === model_uuid)
    .flatMap((task) => [
      { at: task.createdAt, row: rowOf(task, 'deduct', task.createdAt) },
      ...(task.refunded ? [{ at: task.refundAt, row: rowOf(task, 'refund', task.refundAt) }] : []),
    ])
    .filter(
      ({ at, row }) => at >= from && at <= to && (billing_type ?? row.billing_type) === row.billing_type,
    )
    .sort((one, other) => (sort === 'created_at ASC' ? one.at - other.at : other.at - one.at))
    .map(({ row }) => row);
  const end = query.page * query.pageSize;
  return {
    page: query.page,
    total: rows.length,
    has_more: rows.length > end,
    items: rows.slice(end - query.pageSize, end),
  };
}
