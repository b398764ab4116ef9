/** Finds the tasks that a lost submit may have started, by comparing inputs. */
import { isDeepStrictEqual } from 'node:util';
import PQueue from 'p-queue';
import type { Candidate } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import type { DefinedModel } from '../models/define-model.js';
import { isRecord } from '../utils/is-record.js';
import type { ListQuery } from './arguments.js';

/** The request that was submitted, and when. */
export interface LostRequest {
  model: DefinedModel;
  input: unknown;
  /** Earliest submit time, by the local clock (± 5 minutes). */
  from: Date;
  /** Latest submit time, by the local clock (± 5 minutes). */
  until: Date;
}

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

/** Returns the tasks of the model from the minutes around the request, newest first, with their inputs compared. */
export async function findCandidates(context: FindContext, lost: LostRequest): Promise<Candidate[]> {
  const tasks: Prediction[] = [];
  const first = readWindow();
  for await (const task of context.list({
    model: lost.model.id,
    created_after: new Date(first.from),
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
  const candidates = await queue.addAll(tasks.map((task) => () => compare(context, task, lost)));
  const time = (task: Prediction) => Date.parse(task.created_at) || 0;
  return candidates.sort((one, other) => time(other) - time(one));

  /** The window by the service's clock. It only grows: the clock may have been set since the submit. */
  function readWindow(): { from: number; until: number } {
    const skewMs = context.getClockSkewMs();
    return {
      from: lost.from.getTime() + Math.min(0, skewMs) - CLOCK_TOLERANCE_MS,
      until: lost.until.getTime() + Math.max(0, skewMs) + CLOCK_TOLERANCE_MS,
    };
  }
}

async function compare(context: FindContext, task: Prediction, lost: LostRequest): Promise<Candidate> {
  let input = inputOf(task);
  if (input === undefined) {
    // The list need not show inputs.
    const fetched = await context.get(task.id).catch(() => undefined);
    input = fetched && inputOf(fetched);
  }
  if (input === undefined) return task;
  const exactMatch = isSameInput(lost.model, input, lost.input);
  return { ...task, input, ...(exactMatch !== undefined && { exactMatch }) };
}

/** The official command line tool reads both fields. */
function inputOf(task: Prediction): Record<string, unknown> | undefined {
  const input = task.inputs ?? task.input;
  return isRecord(input) ? input : undefined;
}

/**
 * Compares the fields that the model declares. The service may leave defaults out, and add fields of its own. Where it
 * shows a value that was not sent for a field without a known default, such as the aspect ratio that it chose, the input
 * may be the same or not: undefined.
 */
function isSameInput(
  model: DefinedModel,
  shown: Record<string, unknown>,
  sent: unknown,
): boolean | undefined {
  const ours = isRecord(sent) ? sent : {};
  const [open, declared] = [new Set<string>(), Object.keys(model.fields)];
  for (const name of declared) {
    const field = model.fields[name];
    const isChosen = field?.media === undefined && field?.default === undefined && ours[name] == null;
    if (isChosen && shown[name] != null) open.add(name);
  }
  const normalize = (fields: Record<string, unknown>) => {
    const given = Object.fromEntries(
      declared.flatMap((name) => (fields[name] == null || open.has(name) ? [] : [[name, fields[name]]])),
    );
    const parsed = model.inputSchema.safeParse(given);
    return toJson(parsed.success ? parsed.data : given);
  };
  if (!isDeepStrictEqual(normalize(shown), normalize(ours))) return false;
  return open.size === 0 ? true : undefined;
}

const toJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
