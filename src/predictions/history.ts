/** Reads tasks of the account: one at its result URL, or its history, page by page. */
import { anything, invalid, timeOf } from '../core/check-arguments.js';
import { ApiError, InvalidResponseError } from '../core/errors/index.js';
import { idOf, normalizePrediction, type Prediction, type PredictionStatus } from '../core/prediction.js';
import { readMessageFields } from '../core/reason.js';
import { type Check, type OptionTable, readOptions } from '../core/validate-options.js';
import type { ApiClient } from '../http/api-client.js';
import type { ModelId } from '../models/catalog.js';
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

const LIST_PATH = '/api/v3/predictions';

/** Default of `page_size`, and the most that the service returns. */
const PAGE_SIZE = 100;

const wholeNumber =
  (most: number): Check =>
  (value, name) => {
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most) return;
    const range = most === Infinity ? ', 1 or more' : ` from 1 to ${most}`;
    throw invalid('list', name, `got ${String(value)}; expected a whole number${range}`);
  };

const LIST_QUERY = {
  model: { check: anything },
  status: { check: anything },
  created_after: { check: timeOf('list') },
  created_before: { check: timeOf('list') },
  include_inputs: { check: anything },
  page: { check: wholeNumber(Infinity), default: 1 },
  page_size: { check: wholeNumber(PAGE_SIZE), default: PAGE_SIZE },
} satisfies OptionTable<ListQuery>;

/**
 * Yields the tasks of a query, newest first, and fetches a page when it is needed. A task that moves to the next page
 * while newer ones come in is yielded once. The service ignores a misspelled field and lists everything: such a query is
 * rejected.
 *
 * @param onGap Called with what is missing: an item that is not a task, or the rest of a list that ends too early. Also reads on
 * after a short page: without a `total`, only a page with nothing new then ends the list.
 */
export async function* listTasks(
  http: ApiClient,
  call: Call,
  query: ListQuery,
  onGap?: (problem: string) => void,
): AsyncGenerator<Prediction, void, void> {
  const given = readOptions<ListQuery, typeof LIST_QUERY>(query, LIST_QUERY, 'query', "{ status: 'failed' }");
  const { page: firstPage, page_size, created_after, created_before } = given;
  const filters = { ...given, created_after: toIso(created_after), created_before: toIso(created_before) };
  const seen = new Set<string>();
  let reached = (firstPage - 1) * page_size;
  let isPastEnd = false;
  for (let page = firstPage; ; page++) {
    let fetched: ReturnType<typeof readPage>;
    try {
      const request = { method: 'POST', path: LIST_PATH, body: { ...filters, page } } as const;
      fetched = await http.read(call, 'list', request, readPage);
    } catch (error) {
      // A page beyond the end may be an error.
      if (isPastEnd && error instanceof ApiError) return;
      throw error;
    }
    const { items, total } = fetched;
    const tasks = items.map(normalizePrediction).filter((task) => task !== undefined);
    if (tasks.length < items.length) onGap?.('an item without the id of a task');
    const fresh = tasks.filter(({ id }) => !seen.has(id));
    for (const task of fresh) {
      seen.add(task.id);
      yield task;
    }
    // Past the end, or a server that ignores `page`.
    if (fresh.length === 0) {
      if (total !== undefined && reached < total) onGap?.('fewer tasks than it counts');
      return;
    }
    reached += items.length;
    isPastEnd = total === undefined && items.length < page_size;
    if (total === undefined ? isPastEnd && onGap === undefined : reached >= total) return;
  }
}

/** The items as the service sent them. */
function readPage(data: unknown): { items: readonly unknown[]; total: number | undefined } {
  if (Array.isArray(data)) return { items: data, total: undefined };
  const { items, total, has_more } = isRecord(data) ? data : {};
  if (Array.isArray(items)) {
    const rest = has_more === true ? Infinity : undefined;
    return { items, total: typeof total === 'number' ? total : rest };
  }
  // An account without tasks may have null in place of the list.
  if (items === null && (total ?? 0) === 0) return { items: [], total: 0 };
  throw new InvalidResponseError(`[POST] ${LIST_PATH}: the response has no list of tasks.`, { body: data });
}

const toIso = (time: Date | string | undefined) => (time instanceof Date ? time.toISOString() : time);
