/**
 * What the service says of a task: the shape of a prediction, and which statuses end it.
 */
import { isRecord } from '../utils/is-record.js';

/** The statuses that end a task without a video. Source: the official clients. */
export const FAILED_STATUSES = ['failed', 'cancelled', 'timeout', 'deleted'] as const;

/** The statuses known today; a new one is taken as "still going on". Source: the models' pages and the official clients. */
export type PredictionStatus = 'created' | 'processing' | 'completed' | (typeof FAILED_STATUSES)[number];

/**
 * One task as the service describes it: plain JSON under the service's own field names, so that it can be
 * stored and taken up again by another process. Fields not named here are kept as they came.
 */
export interface Prediction {
  /** Names the task: all that `wait`, `watch` and `get` need to take it up again, in any process. */
  id: string;
  /** The model's id. */
  model: string;
  /** `created` → `processing` → `completed` or `failed`; a status not known today is passed on as it is. */
  status: PredictionStatus | (string & {});
  /** The video's URLs; empty until completed. The service keeps them for 7 days. */
  outputs: string[];
  /** Related endpoints: `get` is the result URL. */
  urls: { get?: string | undefined; [field: string]: unknown };
  /** One flag per output: whether it was found not safe for work. */
  has_nsfw_contents: boolean[];
  /** When the task was made: ISO 8601, up to nanoseconds. */
  created_at: string;
  /** Why the task failed; empty when nothing did. */
  error: string;
  /** `inference`: how long the making took, in milliseconds. */
  timings: { inference?: number | undefined; [field: string]: unknown };
  /** The request's fields, where the service gives them back. */
  input?: unknown;
  [field: string]: unknown;
}

/** A task that ended with at least one video. */
export interface CompletedPrediction extends Prediction {
  status: 'completed';
  outputs: [string, ...string[]];
}

/** Tells whether a status ends the task, for good or ill. */
export function isTerminal(status: string): boolean {
  return status === 'completed' || (FAILED_STATUSES as readonly string[]).includes(status);
}

/** Tells whether a task ended with at least one video. */
export function isCompleted(prediction: Prediction): prediction is CompletedPrediction {
  return prediction.status === 'completed' && prediction.outputs.length > 0;
}

/** Reads the `error` field, which the service has as a string, as null, and in places as an object with a message. */
function errorText(error: unknown): string {
  if (typeof error === 'string') return error;
  if (error === undefined || error === null) return '';
  return isRecord(error) && typeof error.message === 'string' ? error.message : JSON.stringify(error);
}

/** Reads an object with one field of a known type, which is left out where it is of another: a null, say. */
function withField(value: unknown, field: string, type: 'string' | 'number'): Record<string, unknown> {
  if (!isRecord(value)) return {};
  if (!(field in value) || typeof value[field] === type) return value;
  const { [field]: _, ...others } = value;
  return others;
}

/** Reads one output: a URL, or an object that has it. */
function urlOf(output: unknown): string {
  const url = isRecord(output) ? output.url : output;
  return typeof url === 'string' ? url : '';
}

/** Reads a task's id from what the service sent; undefined where it is no task. */
export function idOf(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined;
  const id = typeof value.id === 'number' ? String(value.id) : value.id;
  return typeof id === 'string' && id !== '' ? id : undefined;
}

/**
 * Reads a task from what the service sent, leniently: a null, a missing field, a new field or a new status never
 * costs a paid video. Only something without an id is no task, and gives undefined.
 */
export function normalizePrediction(value: unknown): Prediction | undefined {
  const id = idOf(value);
  if (id === undefined || !isRecord(value)) return undefined;
  // The O3 page types `outputs` as a string in one place.
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
