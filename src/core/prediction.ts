/** The shape of a prediction, and which statuses are final. */
import { isRecord } from '../utils/is-record.js';
import { findOutputs } from './outputs.js';
import { readMessageFields, readReason } from './reason.js';
import { findServiceCode, readServiceCode } from './service-codes.js';

/** Final statuses without a video. Source: the official clients. */
export const FAILED_STATUSES = ['failed', 'cancelled', 'timeout', 'deleted'] as const;

/** Known statuses; an unknown one counts as not final. Source: the models' pages and the official clients. */
export type PredictionStatus = 'created' | 'processing' | 'completed' | (typeof FAILED_STATUSES)[number];

/**
 * A task as returned by the service: plain JSON with the service's field names, so that it can be stored, and resumed by
 * another process. Unknown fields are kept.
 */
export interface Prediction {
  /** Id of the task. `wait`, `watch` and `get` need only this, in any process. */
  id: string;
  /** Id of the model. */
  model: string;
  /** `created` → `processing` → `completed` or `failed`; unknown statuses are kept. */
  status: PredictionStatus | (string & {});
  /** URLs of the video; empty until completed. The service keeps them for 7 days. */
  outputs: string[];
  /** Related endpoints: `get` is the result URL. */
  urls: { get?: string | undefined; [field: string]: unknown };
  /** One flag per output: true if it was classified as not safe for work. */
  has_nsfw_contents: boolean[];
  /** Creation time: ISO 8601, up to nanoseconds. */
  created_at: string;
  /** Reason of the failure; empty otherwise. */
  error: string;
  /** `inference`: generation time in milliseconds. */
  timings: { inference?: number | undefined; [field: string]: unknown };
  /** The request's fields, if the service returns them. */
  input?: unknown;
  /** `outputs` as the service sent them, if there is no URL in them. */
  raw_outputs?: unknown;
  [field: string]: unknown;
}

/** A completed task with at least one video. */
export interface CompletedPrediction extends Prediction {
  status: 'completed';
  outputs: [string, ...string[]];
}

/** Returns true if a status is final: the task succeeded or failed. */
export function isTerminal(status: string): boolean {
  const known = readStatus(status);
  return known === 'completed' || (FAILED_STATUSES as readonly string[]).includes(known);
}

/** Returns true if a task is completed with at least one video. */
export function isCompleted(prediction: Prediction): prediction is CompletedPrediction {
  return prediction.status === 'completed' && prediction.outputs.length > 0;
}

/** Other spellings of the known statuses, in lower case. */
const STATUS_ALIASES: Record<string, PredictionStatus> = {
  canceled: 'cancelled',
  succeeded: 'completed',
  error: 'failed',
};
const STATUSES: readonly string[] = ['created', 'processing', 'completed', ...FAILED_STATUSES];

/** Returns the known status that is meant, in any case and spelling; an unknown one as it is. */
function readStatus(status: unknown): string {
  if (typeof status !== 'string') return 'unknown';
  const word = status.trim().toLowerCase();
  if (STATUSES.includes(word)) return word;
  return Object.hasOwn(STATUS_ALIASES, word) ? (STATUS_ALIASES[word] as string) : status;
}

/** A failed task may have its reason in another field than `error`. */
function readError(value: Record<string, unknown>, status: string): string {
  if (typeof value.error === 'string' && value.error !== '') return value.error;
  const reason = value.error === false ? '' : readReason(value.error);
  return reason === '' && (FAILED_STATUSES as readonly string[]).includes(status)
    ? readMessageFields(value)
    : reason;
}

/** `Boolean('false')` is true. */
function readFlag(flag: unknown): boolean {
  return typeof flag === 'string' ? !/^(?:false|no|0|)$/i.test(flag.trim()) : Boolean(flag);
}

function withField(value: unknown, field: string, type: 'string' | 'number'): Record<string, unknown> {
  if (!isRecord(value)) return {};
  if (!(field in value) || typeof value[field] === type) return value;
  const { [field]: _, ...others } = value;
  return others;
}

export function idOf(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined;
  // A larger number has lost digits: it would be the id of another task.
  const id = Number.isSafeInteger(value.id) ? String(value.id) : value.id;
  return isTaskId(id) ? id : undefined;
}

/** Rejects `.` and `..`, which would lead to another path even when encoded. */
export function isTaskId(id: unknown): id is string {
  if (typeof id !== 'string' || id.trim() === '') return false;
  return id !== '.' && id !== '..' && !/\p{Surrogate}/u.test(id);
}

/**
 * Parses a task leniently, so that an unexpected response never loses a paid video. Returns undefined only for a value
 * without an id.
 */
export function normalizePrediction(value: unknown): Prediction | undefined {
  const id = idOf(value);
  if (id === undefined || !isRecord(value)) return undefined;
  const { urls, raw } = findOutputs(value);
  const status = readStatus(value.status);
  const code = findServiceCode(value);
  const flags = value.has_nsfw_contents ?? [];
  return {
    ...value,
    id,
    model: typeof value.model === 'string' ? value.model : '',
    status,
    outputs: urls,
    urls: withField(value.urls, 'get', 'string'),
    has_nsfw_contents: (Array.isArray(flags) ? flags : [flags]).map(readFlag),
    created_at: typeof value.created_at === 'string' ? value.created_at : '',
    error: readError(value, status),
    timings: withField(value.timings, 'inference', 'number'),
    ...(code === readServiceCode(value.code) ? {} : { code }),
    ...(raw === undefined ? {} : { raw_outputs: raw }),
  };
}
