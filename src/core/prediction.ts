/** The shape of a prediction, and which statuses are final. */
import { isRecord } from '../utils/is-record.js';

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
  [field: string]: unknown;
}

/** A completed task with at least one video. */
export interface CompletedPrediction extends Prediction {
  status: 'completed';
  outputs: [string, ...string[]];
}

/** Returns true if a status is final: the task succeeded or failed. */
export function isTerminal(status: string): boolean {
  return status === 'completed' || (FAILED_STATUSES as readonly string[]).includes(status);
}

/** Returns true if a task is completed with at least one video. */
export function isCompleted(prediction: Prediction): prediction is CompletedPrediction {
  return prediction.status === 'completed' && prediction.outputs.length > 0;
}

/** The service sends `error` as a string, as null, and sometimes as an object with a message. */
function errorText(error: unknown): string {
  if (typeof error === 'string') return error;
  if (error === undefined || error === null) return '';
  return isRecord(error) && typeof error.message === 'string' ? error.message : JSON.stringify(error);
}

function withField(value: unknown, field: string, type: 'string' | 'number'): Record<string, unknown> {
  if (!isRecord(value)) return {};
  if (!(field in value) || typeof value[field] === type) return value;
  const { [field]: _, ...others } = value;
  return others;
}

function urlOf(output: unknown): string {
  const url = isRecord(output) ? output.url : output;
  return typeof url === 'string' ? url : '';
}

export function idOf(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined;
  const id = typeof value.id === 'number' ? String(value.id) : value.id;
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
  // The O3 page documents `outputs` as a string in one place.
  const outputs = typeof value.outputs === 'string' ? [value.outputs] : value.outputs;
  const flags = value.has_nsfw_contents;
  return {
    ...value,
    id,
    model: typeof value.model === 'string' ? value.model : '',
    status: typeof value.status === 'string' ? value.status : 'unknown',
    outputs: Array.isArray(outputs) ? outputs.map(urlOf).filter((url) => url !== '') : [],
    urls: withField(value.urls, 'get', 'string'),
    has_nsfw_contents: Array.isArray(flags) ? flags.map(Boolean) : [],
    created_at: typeof value.created_at === 'string' ? value.created_at : '',
    error: errorText(value.error),
    timings: withField(value.timings, 'inference', 'number'),
  };
}
