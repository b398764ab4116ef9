/**
 * Looks at the account's tasks: one by its id, all by a query, and those that a lost submit may have started.
 */
import { isDeepStrictEqual } from 'node:util';
import type { DefinedModel } from '../models/define-model.js';
import { ApiError, type Candidate, InvalidResponseError } from '../core/errors/index.js';
import type { ApiClient } from '../http/api-client.js';
import type { ModelId } from '../models/registry.js';
import { normalizePrediction, type Prediction, type PredictionStatus } from '../core/prediction.js';

/** Which tasks to list. The service keeps the last 7 days. */
export interface ListQuery {
  /** Only this model's. */
  model?: ModelId | (string & {}) | undefined;
  /** Only those in this status. */
  status?: PredictionStatus | (string & {}) | undefined;
  /** Only those made after this time: a Date, or ISO 8601. */
  created_after?: Date | string | undefined;
  /** Only those made before this time: a Date, or ISO 8601. */
  created_before?: Date | string | undefined;
  /** Where to begin; default 1. */
  page?: number | undefined;
  /** How many to fetch at a time, 1–100; default 100. */
  page_size?: number | undefined;
}

/** One page as the service gives it: what is no task is left out when it is read. */
export interface PredictionPage {
  items: readonly unknown[];
  total: number | undefined;
}

/** Gives the path of a task's result; an id from outside must not lead to another path. */
export function resultPath(id: string): string {
  return `/api/v3/predictions/${encodeURIComponent(id)}/result`;
}

/** Makes one attempt to look at a task. */
export async function lookAt(
  http: ApiClient,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Prediction> {
  const path = resultPath(id);
  const data = await http.request({ method: 'GET', path, signal, predictionId: id });
  const record = typeof data === 'object' && data !== null && !Array.isArray(data) ? data : undefined;
  const prediction = record && (normalizePrediction(record) ?? normalizePrediction({ ...record, id }));
  if (prediction !== undefined) return prediction;
  throw new InvalidResponseError(`[GET] ${path}: the answer has no task in it.`, {
    predictionId: id,
    body: data,
  });
}

const asTime = (time: Date | string | undefined) => (time instanceof Date ? time.toISOString() : time);

/** Makes one attempt to fetch one page of tasks. */
export async function fetchPage(
  http: ApiClient,
  query: ListQuery & { page: number; page_size: number },
  signal: AbortSignal | undefined,
): Promise<PredictionPage> {
  const path = '/api/v3/predictions';
  const body = {
    ...query,
    created_after: asTime(query.created_after),
    created_before: asTime(query.created_before),
  };
  const data = (await http.request({ method: 'POST', path, body, signal })) as
    | { items?: unknown; total?: unknown }
    | unknown[]
    | undefined;
  // An account without tasks may have null in place of the list; anything else without one is no answer.
  const isEmpty = !Array.isArray(data) && data?.items === null && (data.total ?? 0) === 0;
  const items = Array.isArray(data) ? data : isEmpty ? [] : data?.items;
  if (!Array.isArray(items)) {
    throw new InvalidResponseError(`[POST] ${path}: the answer has no list of tasks in it.`, { body: data });
  }
  const total = Array.isArray(data) ? undefined : data?.total;
  return { items, total: typeof total === 'number' ? total : undefined };
}

/**
 * Goes through the tasks of a query, newest first, fetching a page when it is needed. A task that moves to the next
 * page while newer ones come in is given once. A service may give fewer a page than it was asked for: where it does not
 * tell how many there are, only a page with nothing new is surely the end, and a thorough search goes on until then.
 */
export async function* listAll(
  page: (number: number) => Promise<PredictionPage>,
  first: number,
  pageSize: number,
  thorough = false,
): AsyncGenerator<Prediction, void, void> {
  const seen = new Set<string>();
  let reached = (first - 1) * pageSize;
  let isPastEnd = false;
  for (let number = first; ; number++) {
    let fetched: PredictionPage;
    try {
      fetched = await page(number);
    } catch (error) {
      // Asked beyond what may be the end, and refused: it is.
      if (isPastEnd && error instanceof ApiError) return;
      throw error;
    }
    const { items, total } = fetched;
    const tasks = items.map(normalizePrediction).filter((task) => task !== undefined);
    const fresh = tasks.filter(({ id }) => !seen.has(id));
    for (const item of fresh) {
      seen.add(item.id);
      yield item;
    }
    // Nothing new: past the end, or a server that ignores `page`.
    if (fresh.length === 0) return;
    reached += items.length;
    isPastEnd = total === undefined && items.length < pageSize;
    if (total === undefined ? isPastEnd && !thorough : reached >= total) return;
  }
}

/** What was submitted and lost. */
export interface LostSubmit {
  model: DefinedModel;
  input: unknown;
  submittedAt: Date;
}

/**
 * Two clocks are never quite alike, and the `Date` header tells theirs to the second: better one task too many than
 * the lost one left out. A clock that is further off than the tolerance is a wrong clock, and is reckoned with.
 */
const CLOCK_PRECISION_MS = 1000;
const CLOCK_TOLERANCE_MS = 2000;

/**
 * Finds the tasks of the account that a lost submit may have started: of its model, since its time by the service's
 * clock, not known as anybody's, newest first.
 */
export async function findCandidates(
  http: ApiClient,
  lost: LostSubmit,
  isKnown: (id: string) => boolean,
  list: (query: ListQuery) => AsyncIterable<Prediction>,
): Promise<Candidate[]> {
  const since = () => {
    // Only ever further back: a `Date` that runs ahead of the tasks' own times must not hide the lost one.
    const shift = http.clockSkewMs < -CLOCK_TOLERANCE_MS ? http.clockSkewMs : 0;
    return lost.submittedAt.getTime() + shift - CLOCK_PRECISION_MS;
  };
  const find = async () => {
    const from = since();
    // A service that counts whole seconds would leave out the first fraction of one; what is too old is left out below.
    const created_after = new Date(Math.floor((from - 1) / 1000) * 1000);
    const found: Candidate[] = [];
    for await (const task of list({ model: lost.model.id, created_after })) {
      if (task.model !== '' && task.model !== lost.model.id) continue;
      if (isBefore(task.created_at, from) || isKnown(task.id)) continue;
      found.push(markMatch(task, lost));
    }
    return { from, found };
  };
  let { from, found: candidates } = await find();
  // The first answer ever may be the one that shows that this machine's clock is ahead: then look once further back.
  if (since() < from - CLOCK_PRECISION_MS) candidates = (await find()).found;
  const time = (task: Prediction) => Date.parse(task.created_at) || 0;
  return candidates.sort((one, other) => time(other) - time(one));
}

/** Tells whether a task was made before a time; one made within the time's second counts as not, where only seconds are given. */
function isBefore(createdAt: string, time: number): boolean {
  const wholeSeconds = !createdAt.includes('.');
  return Date.parse(createdAt) < (wholeSeconds ? Math.floor(time / 1000) * 1000 : time);
}

function markMatch(task: Prediction, lost: LostSubmit): Candidate {
  if (task.input === undefined || task.input === null) return task;
  // What the service gives back may lack the defaults.
  const parsed = lost.model.inputSchema.safeParse(task.input);
  const given = parsed.success ? parsed.data : task.input;
  return { ...task, exactMatch: isDeepStrictEqual(withoutUndefined(given), withoutUndefined(lost.input)) };
}

const withoutUndefined = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
