/** Finds the tasks that a lost submit may have started: by model and time, with their inputs compared. */
import PQueue from 'p-queue';
import {
  type Candidate,
  type CandidatesOptions,
  InvalidResponseError,
  RequestTimeoutError,
} from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import type { ApiClient } from '../http/api-client.js';
import type { DefinedModel } from '../models/defined-model.js';
import { Call } from '../utils/call.js';
import { compareInput, digestInput, inputOf, isOtherModel } from './compare-inputs.js';
import { getTask, listTasks } from './history.js';

/** The request that was submitted, and when. */
export interface LostRequest {
  model: DefinedModel;
  /** Of the request body. */
  digest: string;
  /** Earliest submit time, by the local clock (± 5 minutes). */
  from: Date;
  /** Latest submit time, by the local clock (± 5 minutes). */
  until: Date;
}

/** Which tasks to search: those of the minutes around the request, or all of the model that the history has. */
export type SearchRange = 'around' | 'all';

/** A task, with the digest of its input where the service shows that. */
export type ComparedTask = Candidate & { digest?: string | undefined };

export interface FoundTasks {
  tasks: ComparedTask[];
  /** Why the task may be missing although it exists: a part of the history could not be read. */
  gap?: InvalidResponseError | undefined;
}

export interface CandidateSearch {
  maxRetries: number;
  /** Works also after the client was closed. */
  withOpenHttp: <T>(work: (http: ApiClient) => Promise<T>) => Promise<T>;
}

/** Default of `timeoutMs`. */
const TIMEOUT_MS = 60_000;

/** Two clocks may differ by minutes, and one may be set in between. The input decides, not the clock. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;
const LOOKUP_CONCURRENCY = 8;

/**
 * Returns the tasks of the model, newest first, with their inputs compared.
 *
 * @param isKnown Leaves a task out.
 */
export async function findCandidates(
  { maxRetries, withOpenHttp }: CandidateSearch,
  lost: LostRequest,
  { signal, timeoutMs = TIMEOUT_MS }: CandidatesOptions,
  isKnown: (id: string) => boolean,
  range: SearchRange = 'around',
): Promise<FoundTasks> {
  const createTimeoutError = () =>
    new RequestTimeoutError(`The search for candidates took longer than timeoutMs (${timeoutMs} ms).`);
  const call = new Call({ signal, timeoutMs, maxRetries, createTimeoutError });
  try {
    return await withOpenHttp((http) => search(http, call, lost, isKnown, range));
  } finally {
    call.close();
  }
}

async function search(
  http: ApiClient,
  call: Call,
  lost: LostRequest,
  isKnown: (id: string) => boolean,
  range: SearchRange,
): Promise<FoundTasks> {
  const tasks: Prediction[] = [];
  let gap: InvalidResponseError | undefined;
  const onGap = (problem: string) => {
    gap = new InvalidResponseError(`The history has ${problem}: it cannot show that a task does not exist.`);
  };
  const first = readWindow();
  const created = range === 'all' ? {} : { created_after: new Date(first.from) };
  const query = { model: lost.model.id, ...created, include_inputs: true };
  for await (const task of listTasks(http, call, query, onGap)) {
    // The first response may show that this machine's clock is wrong.
    const { from, until } = readWindow();
    const createdAt = Date.parse(task.created_at);
    // Newest first: the rest is older still.
    if (createdAt < from) break;
    if (createdAt > until || isOtherModel(task.model, lost.model.id)) continue;
    if (!isKnown(task.id)) tasks.push(task);
  }
  if (readWindow().from < first.from - CLOCK_TOLERANCE_MS) {
    return search(http, call, lost, isKnown, range);
  }

  const queue = new PQueue({ concurrency: LOOKUP_CONCURRENCY });
  const candidates = await queue.addAll(tasks.map((task) => () => compare(http, call, task, lost, range)));
  const time = (task: Prediction) => Date.parse(task.created_at) || 0;
  return { tasks: candidates.sort((one, other) => time(other) - time(one)), gap };

  /** The window by the service's clock. It only grows: the clock may have been set since the submit. */
  function readWindow(): { from: number; until: number } {
    if (range === 'all') return { from: -Infinity, until: Infinity };
    const skewMs = http.clockSkewMs;
    return {
      from: lost.from.getTime() + Math.min(0, skewMs) - CLOCK_TOLERANCE_MS,
      until: lost.until.getTime() + Math.max(0, skewMs) + CLOCK_TOLERANCE_MS,
    };
  }
}

async function compare(
  http: ApiClient,
  { signal }: Call,
  task: Prediction,
  lost: LostRequest,
  range: SearchRange,
): Promise<ComparedTask> {
  let input = inputOf(task);
  // The list need not show inputs. Of a whole history, only what it shows is compared.
  if (input === undefined && range === 'around') {
    const fetched = await getTask(http, { signal, maxRetries: 0 }, task.id).catch(() => undefined);
    input = fetched && inputOf(fetched);
  }
  if (input === undefined) return task;
  const exactMatch = compareInput(lost.model, input, lost.digest);
  const digest = digestInput(lost.model, input);
  return { ...task, input, ...(exactMatch !== undefined && { exactMatch }), digest };
}

/** Leaves out what is not for callers. */
export function toCandidate(task: ComparedTask): Candidate {
  const { digest: _, ...candidate } = task;
  return candidate;
}
