/** Fetches one task at its result URL, and checks that the answer is about it. */
import { InvalidResponseError } from '../core/errors/index.js';
import { idOf, normalizePrediction, type Prediction } from '../core/prediction.js';
import { readMessageFields } from '../core/reason.js';
import type { ApiClient } from '../http/api-client.js';
import type { Call } from '../utils/call.js';
import { isRecord } from '../utils/is-record.js';

export function getTask(
  http: ApiClient,
  call: Pick<Call, 'signal' | 'maxRetries'>,
  id: string,
): Promise<Prediction> {
  const path = resultPathOf(id, undefined, http.baseUrl);
  const request = { method: 'GET', path, predictionId: id } as const;
  return http.read(call, 'get', request, (data) => readTask(data, id, path));
}

/** Returns the result path of a task: its own `urls.get` where that is on the API's origin, else the documented path. */
export function resultPathOf(id: string, last: Prediction | undefined, baseUrl: string): string {
  const path = `/api/v3/predictions/${encodeURIComponent(id)}/result`;
  const get = last?.urls.get;
  if (get === undefined || get === baseUrl + path || !URL.canParse(get)) return path;
  const [base, url] = [new URL(baseUrl), new URL(get)];
  const prefix = base.pathname.replace(/\/+$/, '');
  const isOwn =
    url.origin === base.origin && url.username === '' && url.pathname.startsWith(`${prefix}/api/v3/`);
  return isOwn ? `${url.pathname.slice(prefix.length)}${url.search}` : path;
}

const TASK_FIELDS = ['id', 'status', 'outputs'];

/** Reads the answer about one task. An answer about another task would be somebody else's video. */
export function readTask(data: unknown, id: string, path: string): Prediction {
  const isTask = isRecord(data) && TASK_FIELDS.some((field) => Object.hasOwn(data, field));
  const prediction = isTask ? normalizePrediction({ ...data, id: idOf(data) ?? id }) : undefined;
  if (prediction?.id === id) return prediction;
  const words = isRecord(data) ? readMessageFields(data) : '';
  const noTask = `has no task${words === '' ? '' : `: ${words}`}`;
  const problem = prediction === undefined ? noTask : `is about another task (${prediction.id})`;
  throw new InvalidResponseError(`[GET] ${path}: the response ${problem}.`, { predictionId: id, body: data });
}
