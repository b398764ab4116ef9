/** Finds the tasks that a lost submit may have started, by comparing inputs. */
import PQueue from 'p-queue';
import type { Candidate } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import type { DefinedModel } from '../models/define-model.js';
import { createDigest } from './digest.js';
import { isRecord } from '../utils/is-record.js';
import type { ListQuery } from './arguments.js';

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

export interface FindContext {
  /** How far the service's clock is ahead of this machine's, in milliseconds. */
  getClockSkewMs: () => number;
  list: (query: ListQuery) => AsyncIterable<Prediction>;
  /** Fetches a task at its result URL. */
  get: (id: string) => Promise<Prediction>;
  /** Leaves a task out. */
  isKnown: (id: string) => boolean;
}

/** Two clocks may differ by minutes, and one may be set in between. The input decides, not the clock. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;
const LOOKUP_CONCURRENCY = 8;

/** Returns the tasks of the model, newest first, with their inputs compared. */
export async function findCandidates(
  context: FindContext,
  lost: LostRequest,
  range: SearchRange = 'around',
): Promise<ComparedTask[]> {
  const tasks: Prediction[] = [];
  const first = readWindow();
  for await (const task of context.list({
    model: lost.model.id,
    ...(range === 'all' ? {} : { created_after: new Date(first.from) }),
    include_inputs: true,
  })) {
    // The first response may show that this machine's clock is wrong.
    const { from, until } = readWindow();
    const createdAt = Date.parse(task.created_at);
    // Newest first: the rest is older still.
    if (createdAt < from) break;
    if (createdAt > until || (task.model !== '' && task.model !== lost.model.id)) continue;
    if (!context.isKnown(task.id)) tasks.push(task);
  }
  if (readWindow().from < first.from - CLOCK_TOLERANCE_MS) return findCandidates(context, lost);

  const queue = new PQueue({ concurrency: LOOKUP_CONCURRENCY });
  // Of a whole history, only what the list shows.
  const get = range === 'all' ? undefined : context.get;
  const candidates = await queue.addAll(tasks.map((task) => () => compare(task, lost, get)));
  const time = (task: Prediction) => Date.parse(task.created_at) || 0;
  return candidates.sort((one, other) => time(other) - time(one));

  /** The window by the service's clock. It only grows: the clock may have been set since the submit. */
  function readWindow(): { from: number; until: number } {
    if (range === 'all') return { from: -Infinity, until: Infinity };
    const skewMs = context.getClockSkewMs();
    return {
      from: lost.from.getTime() + Math.min(0, skewMs) - CLOCK_TOLERANCE_MS,
      until: lost.until.getTime() + Math.max(0, skewMs) + CLOCK_TOLERANCE_MS,
    };
  }
}

async function compare(
  task: Prediction,
  lost: LostRequest,
  get: FindContext['get'] | undefined,
): Promise<ComparedTask> {
  let input = inputOf(task);
  if (input === undefined && get !== undefined) {
    // The list need not show inputs.
    const fetched = await get(task.id).catch(() => undefined);
    input = fetched && inputOf(fetched);
  }
  if (input === undefined) return task;
  const exactMatch = compareInput(lost.model, input, lost.digest);
  const digest = digestInput(lost.model, input);
  return { ...task, input, ...(exactMatch !== undefined && { exactMatch }), digest };
}

/** The official command line tool reads both fields. */
export function inputOf(task: Prediction): Record<string, unknown> | undefined {
  const input = task.inputs ?? task.input;
  return isRecord(input) ? input : undefined;
}

/**
 * Compares a shown input with the digest of a body. Where the service shows a value that was not sent for a field without a known
 * default, such as the aspect ratio that it chose, the input may be the same or not: undefined.
 */
export function compareInput(
  model: DefinedModel,
  shown: Record<string, unknown>,
  digest: string,
): boolean | undefined {
  if (digestInput(model, shown) === digest) return true;
  const chosen = Object.keys(model.fields).filter((name) => {
    const field = model.fields[name];
    const isOpen = field?.media === undefined && field?.default === undefined && field?.isRequired === false;
    return isOpen && shown[name] != null;
  });
  const isSameWithout = subsetsOf(chosen).some((names) => {
    const sent = Object.fromEntries(Object.entries(shown).filter(([name]) => !names.includes(name)));
    return digestInput(model, sent) === digest;
  });
  return isSameWithout ? undefined : false;
}

const subsetsOf = (names: readonly string[]): string[][] =>
  names.reduce<string[][]>((sets, name) => [...sets, ...sets.map((set) => [...set, name])], [[]]);

/**
 * The digest of the fields that the model declares, with their defaults: the service may leave defaults out, and add fields
 * of its own.
 */
export function digestInput(model: DefinedModel, input: Record<string, unknown>): string {
  const declared = Object.keys(model.fields);
  const fields = Object.fromEntries(
    declared.flatMap((name) => (input[name] == null ? [] : [[name, input[name]]])),
  );
  const parsed = model.inputSchema.safeParse(fields);
  return createDigest(parsed.success ? parsed.data : fields);
}

/** Leaves out what is not for callers. */
export function toCandidate(task: ComparedTask): Candidate {
  const { digest: _, ...candidate } = task;
  return candidate;
}
