/** Reads the body of `POST /predictions`. */
import type { ListQuery } from './account.js';
import { asFields } from './validate.js';

export function readPage({
  page = 1,
  page_size = 20,
}: Record<string, unknown>): { page: number; pageSize: number } | string {
  if (!isInteger(page) || page < 1) return "property 'page' must be 1 or more";
  if (!isInteger(page_size) || page_size < 1 || page_size > 100) {
    return "property 'page_size' must be from 1 to 100";
  }
  return { page, pageSize: page_size };
}

const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);

const isOptionalString = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string';

function readTime(value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  return typeof value === 'string' ? Date.parse(value) : Number.NaN;
}

export function readListQuery(body: unknown): ListQuery | string {
  const fields = asFields(body ?? {});
  if (fields === undefined) return 'the body must be a JSON object';
  const { model, status, created_after, created_before, include_inputs } = fields;
  const page = readPage(fields);
  if (typeof page === 'string') return page;
  if (!isOptionalString(model)) return "property 'model' must be a string";
  if (!isOptionalString(status)) return "property 'status' must be a string";
  const afterMs = readTime(created_after, Number.NEGATIVE_INFINITY);
  const beforeMs = readTime(created_before, Number.POSITIVE_INFINITY);
  if (Number.isNaN(afterMs)) return "property 'created_after' must be an ISO 8601 time";
  if (Number.isNaN(beforeMs)) return "property 'created_before' must be an ISO 8601 time";
  return { ...page, model, status, afterMs, beforeMs, includeInputs: include_inputs === true };
}
