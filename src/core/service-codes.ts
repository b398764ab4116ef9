/**
 * The service's error codes: in an error response, and in `data.code` of a failed task. Source: WaveSpeed's
 * error-codes page.
 */
import { isRecord } from '../utils/is-record.js';

/** Meaning of each known code. 1406 and 1407 are known from third-party clients. */
export const SERVICE_CODES = {
  1200: 'content moderation',
  1400: 'missing parameter',
  1401: 'invalid parameter',
  1402: 'a media URL could not be fetched',
  1403: 'task failed',
  1405: 'task failed',
  1406: 'insufficient credits',
  1407: 'insufficient credits',
  5000: 'internal error',
  5003: 'internal error',
  5004: 'timeout',
} as const;

/** With these codes the service refuses a request, also under HTTP 200: it started no task. */
const REFUSALS: readonly unknown[] = [1200, 1400, 1401, 1402, 1406, 1407];

export const isRefusal = (code: ServiceCode | undefined): boolean => REFUSALS.includes(code);

/** A known code of the service. */
export type KnownServiceCode = keyof typeof SERVICE_CODES;

/** A code of the service: a known or a newer one. */
export type ServiceCode = KnownServiceCode | (number & {}) | (string & {});

/**
 * Returns the code of an error response or a failed task: in `error_code`, inside `error`, `errors` or `detail`, in `code`, or in
 * one of these of a `data` that is not a task; a known one first.
 */
export function findServiceCode(value: Record<string, unknown>): ServiceCode | undefined {
  const { data } = value;
  const inData = isRecord(data) && data.status === undefined ? codesOf(data) : [];
  const codes = [...codesOf(value), ...inData].map(readServiceCode);
  return (
    codes.find((code) => Object.hasOwn(SERVICE_CODES, code ?? '')) ??
    codes.find((code) => code !== undefined && code !== 0)
  );
}

function codesOf(value: Record<string, unknown>): unknown[] {
  const reasons = [value.error, value.errors, value.detail].flat().filter(isRecord);
  return [value.error_code, ...reasons.flatMap(({ error_code, code }) => [error_code, code]), value.code];
}

export function describeServiceCode(code: ServiceCode | undefined): string | undefined {
  return Object.hasOwn(SERVICE_CODES, code ?? '') ? SERVICE_CODES[code as KnownServiceCode] : undefined;
}

export function readServiceCode(value: unknown): ServiceCode | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value === '') return undefined;
  return /^\d{1,9}$/.test(value) ? Number(value) : value;
}
