/** Reads tasks: one by its id, the account's history, and the candidates of a lost submit. */
import {
  ApiError,
  type CandidatesOptions,
  InvalidResponseError,
  RequestTimeoutError,
} from '../core/errors/index.js';
import { idOf, normalizePrediction, type Prediction } from '../core/prediction.js';
import { readMessageFields } from '../core/reason.js';
import type { ApiClient, ApiRequest } from '../http/api-client.js';
import { type OnRetry, retry, type RetryContext } from '../http/retry.js';
import { Call } from '../utils/call.js';
import { isRecord } from '../utils/is-record.js';
import type { ListQuery } from './arguments.js';
import { type ComparedTask, findCandidates, type LostRequest, type SearchRange } from './candidates.js';

export interface HistoryDependencies {
  settings: { baseUrl: string; onRetry: OnRetry | undefined; maxRetries: number };
  http: ApiClient;
  /** Works also after the client was closed. */
  withOpenHttp: <T>(work: (http: ApiClient) => Promise<T>) => Promise<T>;
}

interface Page {
  /** As the service sent them. */
  items: readonly unknown[];
  total: number | undefined;
}

const CANDIDATES_TIMEOUT_MS = 60_000;
const PAGE_SIZE = 100;

export class TaskHistory {
  readonly #deps: HistoryDependencies;

  constructor(dependencies: HistoryDependencies) {
    this.#deps = dependencies;
  }

  /** Sends a request that may be repeated, also after an answer that `parse` throws for. */
  read<T>(
    call: Call,
    operation: RetryContext['operation'],
    request: ApiRequest,
    parse: (data: unknown) => T,
    http = this.#deps.http,
  ): Promise<T> {
    const { signal, maxRetries } = call;
    return retry(async () => parse(await http.request({ ...request, signal })), {
      operation,
      signal,
      maxRetries,
      onRetry: this.#deps.settings.onRetry,
      predictionId: request.predictionId,
    });
  }

  get(call: Call, id: string, http = this.#deps.http): Promise<Prediction> {
    const path = resultPathOf(id, undefined, this.#deps.settings.baseUrl);
    const request = { method: 'GET', path, predictionId: id } as const;
    return this.read(call, 'get', request, (data) => readTask(data, id, path), http);
  }

  /**
   * Yields the tasks of a query, newest first, and fetches a page when it is needed. A task that moves to the next page
   * while newer ones come in is yielded once.
   *
   * @param isThorough Keeps reading after a short page: without a `total`, only a page with nothing new ends the list.
   */
  async *list(
    call: Call,
    query: ListQuery,
    isThorough = false,
    http = this.#deps.http,
  ): AsyncGenerator<Prediction, void, void> {
    const { page: firstPage = 1, page_size = PAGE_SIZE } = query;
    const seen = new Set<string>();
    let reached = (firstPage - 1) * page_size;
    let isPastEnd = false;
    for (let page = firstPage; ; page++) {
      let fetched: Page;
      try {
        fetched = await this.#fetchPage(call, { ...query, page, page_size }, http);
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
      isPastEnd = total === undefined && items.length < page_size;
      if (total === undefined ? isPastEnd && !isThorough : reached >= total) return;
    }
  }

  /** Finds tasks by model, time and input; see `findCandidates`. */
  async findCandidates(
    lost: LostRequest,
    options: CandidatesOptions,
    isKnown: (id: string) => boolean,
    range?: SearchRange,
  ): Promise<ComparedTask[]> {
    const { signal, timeoutMs = CANDIDATES_TIMEOUT_MS } = options;
    const { maxRetries } = this.#deps.settings;
    const createTimeoutError = () =>
      new RequestTimeoutError(`The search for candidates took longer than timeoutMs (${timeoutMs} ms).`);
    const call = new Call({ signal, timeoutMs, maxRetries, createTimeoutError });
    const once = new Call({ signal: call.signal });
    try {
      return await this.#deps.withOpenHttp((http) =>
        findCandidates(
          {
            getClockSkewMs: () => http.clockSkewMs,
            list: (query) => this.list(call, query, true, http),
            get: (id) => this.get(once, id, http),
            isKnown,
          },
          lost,
          range,
        ),
      );
    } finally {
      once.close();
      call.close();
    }
  }

  #fetchPage(
    call: Call,
    query: ListQuery & { page: number; page_size: number },
    http: ApiClient,
  ): Promise<Page> {
    const path = '/api/v3/predictions';
    const { created_after, created_before } = query;
    const body = { ...query, created_after: toIso(created_after), created_before: toIso(created_before) };
    return this.read(call, 'list', { method: 'POST', path, body }, (data) => readPage(data, path), http);
  }
}

function readPage(data: unknown, path: string): Page {
  if (Array.isArray(data)) return { items: data, total: undefined };
  const { items, total } = isRecord(data) ? data : {};
  if (Array.isArray(items)) return { items, total: typeof total === 'number' ? total : undefined };
  // An account without tasks may have null in place of the list.
  if (items === null && (total ?? 0) === 0) return { items: [], total: 0 };
  throw new InvalidResponseError(`[POST] ${path}: the response has no list of tasks.`, { body: data });
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

const toIso = (time: Date | string | undefined) => (time instanceof Date ? time.toISOString() : time);
