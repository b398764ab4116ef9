/**
 * Checks what the calls take beside their options: ids and queries.
 */
import { InvalidInputError } from '../core/errors/index.js';
import { isTaskId } from '../core/prediction.js';
import { checkNames, checkObject } from '../core/validate-options.js';
import type { ListQuery } from './list.js';
import { checkIdempotencyKey } from './options.js';

function invalid(call: string, field: string, problem: string): InvalidInputError {
  return new InvalidInputError(call, [{ path: [field], message: `${field}: ${problem}` }]);
}

/** Refuses what is no id. */
export function checkId(id: unknown): string {
  if (isTaskId(id)) return id;
  const shown =
    typeof id === 'string' ? JSON.stringify(id) : id === null ? 'null' : `a value of type ${typeof id}`;
  throw invalid('a task', 'id', `got ${shown}; expected the id of a task, as in \`prediction.id\``);
}

/** Refuses what is no id, nor a list of them. */
export function checkIds(ids: unknown): string[] {
  const list: unknown[] = typeof ids === 'string' ? [ids] : Array.isArray(ids) ? ids : [];
  if (list.length === 0) throw invalid('delete', 'ids', 'got none; expected at least one id');
  return list.map(checkId);
}

const LIST_QUERY = [
  'model',
  'status',
  'created_after',
  'created_before',
  'include_inputs',
  'page',
  'page_size',
] as const satisfies readonly (keyof ListQuery)[];

/** Refuses a query that the service would not read as it was meant. */
export function checkListQuery(query: ListQuery): ListQuery {
  checkObject('query', query, "{ status: 'failed' }");
  // The service would ignore a misspelt one, and list everything.
  checkNames(query, LIST_QUERY);
  const { page, page_size, created_after, created_before } = query;
  const isWhole = (value: number, most: number) => Number.isInteger(value) && value >= 1 && value <= most;
  if (page !== undefined && !isWhole(page, Infinity)) {
    throw invalid('list', 'page', `got ${String(page)}; expected a whole number, 1 or more`);
  }
  if (page_size !== undefined && !isWhole(page_size, 100)) {
    throw invalid('list', 'page_size', `got ${String(page_size)}; expected a whole number from 1 to 100`);
  }
  for (const [name, time] of Object.entries({ created_after, created_before })) {
    if (time !== undefined && Number.isNaN(time instanceof Date ? time.getTime() : Date.parse(time))) {
      throw invalid('list', name, `got ${String(time)}; expected a Date, or a time in ISO 8601`);
    }
  }
  return query;
}

/** Requires an idempotency key. */
export function requireIdempotencyKey(key: unknown): string {
  checkIdempotencyKey(key ?? null);
  return key as string;
}
