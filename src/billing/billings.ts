/** Reads what was charged and refunded, row by row or as totals. */
import { InvalidResponseError } from '../core/errors/index.js';
import { type Check, readOptions } from '../core/validate-options.js';
import type { ModelId } from '../models/catalog.js';
import type { ApiClient } from '../http/api-client.js';
import type { Call } from '../utils/call.js';
import { isRecord } from '../utils/is-record.js';
import { anything, checkIds, invalid, timeOf } from '../core/check-arguments.js';

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

/** The period to total. */
export interface UsageRange {
  /** A Date, or ISO 8601. */
  from: Date | string;
  /** A Date, or ISO 8601. */
  to: Date | string;
  /** Only this model. */
  model?: ModelId | (string & {}) | undefined;
}

/** One charge or refund, under the service's names. */
export interface BillingRow {
  uuid: string;
  /** `deduct` is a charge. */
  billing_type: 'deduct' | 'refund' | (string & {});
  /** US dollars, exact to 0.0001; never negative. */
  price: number;
  /** ISO 8601, also if the service writes milliseconds. */
  created_at: string;
  /** Its `state` is `pre` while the amount is reserved, then `done`. */
  order?: { uuid: string; state?: string; price?: number; origin_price?: number; [field: string]: unknown };
  prediction?: { uuid: string; model_uuid?: string; status?: string; [field: string]: unknown };
  [field: string]: unknown;
}

/** Totals of a period, under the service's names. */
export interface Usage {
  per_model_usage: { model_uuid: string; total_cost: number; [field: string]: unknown }[];
  daily_usage: { date: string; amount: number; count: number; [field: string]: unknown }[];
  summary: { total_cost: number; total_requests: number; success_requests: number; [field: string]: unknown };
  [field: string]: unknown;
}

const SEARCH_PATH = '/api/v3/billings/search';
const USAGE_PATH = '/api/v3/user/usage_stats';
const PAGE_SIZE = 100;

/** Prices are multiples of $0.0001: sums of integer units are exact. */
export const UNITS_PER_DOLLAR = 10_000;

export const toUnits = (dollars: number) => Math.round(Math.abs(dollars) * UNITS_PER_DOLLAR);

const toIso = (time: Date | string | undefined) =>
  time === undefined ? undefined : new Date(time).toISOString();

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

/** Yields the rows of a query, newest first, and fetches a page when it is needed. */
export async function* listBillings(
  http: ApiClient,
  call: Call,
  query: BillingsQuery,
): AsyncGenerator<BillingRow, void, void> {
  const { type, predictionIds, from, to, model } = readOptions<BillingsQuery, typeof BILLINGS_QUERY>(
    query,
    BILLINGS_QUERY,
    'query',
    "{ type: 'refund' }",
  );
  const filters = {
    billing_type: type,
    prediction_uuids: typeof predictionIds === 'string' ? [predictionIds] : predictionIds,
    model_uuid: model,
    start_time: toIso(from),
    end_time: toIso(to),
    sort: 'created_at DESC',
    page_size: PAGE_SIZE,
  };
  const seen = new Set<string>();
  let reached = 0;
  for (let page = 1; ; page++) {
    const request = { method: 'POST', path: SEARCH_PATH, body: { ...filters, page } } as const;
    const { rows, count, total, hasMore } = await http.read(call, 'billings', request, readPage);
    // While newer rows come in, a row moves to the next page.
    const fresh = rows.filter(({ uuid }) => !seen.has(uuid));
    for (const row of fresh) {
      seen.add(row.uuid);
      yield row;
    }
    reached += count;
    const isLast = total === undefined ? count < PAGE_SIZE : reached >= total;
    if (fresh.length === 0 || !(hasMore ?? !isLast)) return;
  }
}

function readPage(data: unknown) {
  const { items, total, has_more } = isRecord(data) ? data : {};
  if (!Array.isArray(items) && items !== null) {
    throw new InvalidResponseError(`[POST] ${SEARCH_PATH}: the response has no list of rows.`, {
      body: data,
    });
  }
  const list: unknown[] = items ?? [];
  return {
    rows: list.map(readRow),
    count: list.length,
    total: typeof total === 'number' ? total : undefined,
    hasMore: typeof has_more === 'boolean' ? has_more : undefined,
  };
}

function readRow(value: unknown): BillingRow {
  const row = isRecord(value) ? value : {};
  const price = typeof row['price'] === 'string' ? Number.parseFloat(row['price']) : row['price'];
  if (typeof price !== 'number' || !Number.isFinite(price)) {
    throw new InvalidResponseError(`[POST] ${SEARCH_PATH}: the response has a row without a price.`, {
      body: value,
    });
  }
  const time = row['created_at'];
  const isMilliseconds = typeof time === 'number' || (typeof time === 'string' && /^\d+$/.test(time));
  return {
    ...row,
    uuid: typeof row['uuid'] === 'string' ? row['uuid'] : JSON.stringify(row),
    billing_type: typeof row['billing_type'] === 'string' ? row['billing_type'] : '',
    price: toUnits(price) / UNITS_PER_DOLLAR,
    created_at: isMilliseconds ? new Date(Number(time)).toISOString() : typeof time === 'string' ? time : '',
  };
}

/**
 * Fetches the totals of a time.
 *
 * @throws {InvalidInputError} without both times.
 */
export function readUsage(http: ApiClient, call: Call, range: UsageRange): Promise<Usage> {
  const read = readOptions<UsageRange, typeof USAGE_RANGE>(range, USAGE_RANGE, 'range', '{ from, to }');
  for (const name of ['from', 'to'] as const) {
    if (read[name] === undefined) {
      throw invalid('usage', name, 'got nothing; expected a Date, or a time in ISO 8601');
    }
  }
  const body = { start_time: toIso(read.from), end_time: toIso(read.to), model_uuid: read.model };
  return http.read(call, 'usage', { method: 'POST', path: USAGE_PATH, body }, (data) => {
    const { per_model_usage, daily_usage, summary } = isRecord(data) ? data : {};
    if (!isRecord(data) || !isRecord(summary)) {
      throw new InvalidResponseError(`[POST] ${USAGE_PATH}: the response has no summary.`, { body: data });
    }
    return {
      ...data,
      per_model_usage: per_model_usage ?? [],
      daily_usage: daily_usage ?? [],
      summary,
    } as Usage;
  });
}
