/** Reads tasks: one by its id, or the account's history. */
import { ApiError, InvalidResponseError } from '../core/errors/index.js';
import { normalizePrediction, type Prediction, type PredictionStatus } from '../core/prediction.js';
import type { ApiClient } from '../http/api-client.js';
import type { ModelId } from '../models/catalog.js';
import { isRecord } from '../utils/is-record.js';

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

export interface PredictionPage {
  /** As the service sent them. */
  items: readonly unknown[];
  total: number | undefined;
}

/** Returns the result path of a task: its own `urls.get` where that is on the API's origin, else the documented path. */
export function getResultPath(id: string, last: Prediction | undefined, baseUrl: string): string {
  const path = `/api/v3/predictions/${encodeURIComponent(id)}/result`;
  const get = last?.urls.get;
  if (get === undefined || get === baseUrl + path || !URL.canParse(get)) return path;
  const [base, url] = [new URL(baseUrl), new URL(get)];
  const prefix = base.pathname.replace(/\/+$/, '');
  const isOwn =
    url.origin === base.origin && url.username === '' && url.pathname.startsWith(`${prefix}/api/v3/`);
  return isOwn ? `${url.pathname.slice(prefix.length)}${url.search}` : path;
}

/** Fetches a task once. */
export async function fetchPrediction(
  http: ApiClient,
  id: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Prediction> {
  const data = await http.request({ method: 'GET', path, signal, predictionId: id });
  const prediction = isRecord(data)
    ? (normalizePrediction(data) ?? normalizePrediction({ ...data, id }))
    : undefined;
  if (prediction !== undefined) return prediction;
  throw new InvalidResponseError(`[GET] ${path}: the response has no task.`, {
    predictionId: id,
    body: data,
  });
}

const toIso = (time: Date | string | undefined) => (time instanceof Date ? time.toISOString() : time);

/** Fetches one page of the history. */
export async function fetchPage(
  http: ApiClient,
  query: ListQuery & { page: number; page_size: number },
  signal: AbortSignal | undefined,
): Promise<PredictionPage> {
  const path = '/api/v3/predictions';
  const body = {
    ...query,
    created_after: toIso(query.created_after),
    created_before: toIso(query.created_before),
  };
  const data = await http.request({ method: 'POST', path, body, signal });
  if (Array.isArray(data)) return { items: data, total: undefined };
  const { items, total } = isRecord(data) ? data : {};
  if (Array.isArray(items)) return { items, total: typeof total === 'number' ? total : undefined };
  // An account without tasks may have null in place of the list.
  if (items === null && (total ?? 0) === 0) return { items: [], total: 0 };
  throw new InvalidResponseError(`[POST] ${path}: the response has no list of tasks.`, { body: data });
}

/**
 * Yields the tasks of a query, newest first, and fetches a page when it is needed. A task that moves to the next page
 * while newer ones come in is yielded once.
 *
 * @param isThorough also reads on after a page that is not full: a service may return fewer tasks than were asked for,
 * and where it does not say how many there are, only a page with nothing new is surely the end.
 */
export async function* listAll(
  getPage: (page: number) => Promise<PredictionPage>,
  firstPage: number,
  pageSize: number,
  isThorough = false,
): AsyncGenerator<Prediction, void, void> {
  const seen = new Set<string>();
  let reached = (firstPage - 1) * pageSize;
  let isPastEnd = false;
  for (let page = firstPage; ; page++) {
    let fetched: PredictionPage;
    try {
      fetched = await getPage(page);
    } catch (error) {
      // A page beyond the end may be an error.
      if (isPastEnd && error instanceof ApiError) return;
      throw error;
    }
    const { items, total } = fetched;
    const tasks = items.map(normalizePrediction).filter((task) => task !== undefined);
    const fresh = tasks.filter(({ id }) => !seen.has(id));
    for (const task of fresh) {
      seen.add(task.id);
      yield task;
    }
    // Past the end, or a server that ignores `page`.
    if (fresh.length === 0) return;
    reached += items.length;
    isPastEnd = total === undefined && items.length < pageSize;
    if (total === undefined ? isPastEnd && !isThorough : reached >= total) return;
  }
}
