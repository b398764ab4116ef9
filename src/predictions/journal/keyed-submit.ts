/** The life of an idempotency key: submits its only task, or returns the existing one. */
import { WaveSpeedError, withPredictionId } from '../../core/errors/base.js';
import { JournalError } from '../../core/errors/input-error.js';
import { SubmissionUnknownError } from '../../core/errors/prediction-error.js';
import type { Prediction } from '../../core/prediction.js';
import { checkFingerprint, type KeyedRequest } from './key-conflict.js';
import {
  commonOf,
  type JournalEntry,
  readEntry,
  type SendingEntry,
  type StoredEntry,
  writeEntry,
} from './journal.js';
import { createUnknownError, type KeyedCall, nameOf } from './key-context.js';
import { EntryChanged, Mark } from './mark.js';
import { recover } from './recover.js';

export interface KeyedTask {
  predictionId: string;
  /** As far as it is known without a request. */
  prediction?: Prediction | undefined;
}

/** What one call knows of its key. */
interface State {
  key: string;
  request: KeyedRequest;
  context: KeyedCall;
  submit: (mark: Mark) => Promise<Prediction>;
  /** The task of this call's own submit. */
  started?: KeyedTask | undefined;
  unknown?: SubmissionUnknownError;
  /** The last mark of this call. */
  mark?: Mark;
  /** The mark of another call, and when this one first saw it. */
  seen?: { revision: number; at: number };
  /** Searches of the history that did not find the task. */
  searches: number;
  hasResubmitted?: boolean;
}

/** First delay between two searches of the history; doubles up to 32 times its value. */
const FIRST_DELAY_MS = 500;

/**
 * Returns the task of a key; submits it if there is none.
 *
 * @param submit Submits, with pacing and safe retries; sets the mark before each POST. Rejects with a `SubmissionUnknownError`
 * if the outcome is unknown, and with any other error only if it is certain that nothing was accepted.
 * @throws {IdempotencyConflictError} if the key was used with another input.
 * @throws {SubmissionUnknownError} if the outcome of an earlier submit is unknown.
 * @throws {JournalError} if the journal fails.
 */
export async function submitWithKey(
  key: string,
  request: KeyedRequest,
  submit: (mark: Mark) => Promise<Prediction>,
  context: KeyedCall,
): Promise<KeyedTask> {
  const state: State = { key, request, submit, context, searches: 0 };
  try {
    return await settle(state);
  } catch (error) {
    if (state.started !== undefined && WaveSpeedError.isInstance(error)) {
      throw withPredictionId(error, state.started.predictionId);
    }
    const { unknown, mark } = state;
    if (!JournalError.isInstance(error) || unknown === undefined || mark?.entry === undefined) throw error;
    // An unknown submit matters more than the journal error after it: the next call with the key decides.
    throw createUnknownError(key, mark.entry, context, unknown, { reason: error });
  }
}

/** Reads the entry, and takes the step that it asks for, until the key has a task. */
async function settle(state: State): Promise<KeyedTask> {
  for (;;) {
    const { started } = state;
    const found = await read(state);
    const entry = found?.entry;
    if (entry !== undefined && entry.state !== 'idle') checkFingerprint(state.key, entry, state.request);
    if (entry?.state === 'ended') return entry;
    if (entry?.state === 'submitted') return started?.predictionId === entry.predictionId ? started : entry;
    // Each step returns undefined if the entry must be read again.
    const task =
      started !== undefined
        ? await store(state, started, entry?.attempt ?? 1, found?.revision)
        : found?.entry.state === 'sending' && !state.context.unsent.has(found.entry.writer)
          ? await recoverTask(state, found.entry, found.revision)
          : await submit(state, found);
    if (task !== undefined) return task;
  }
}

async function read({ key, context, mark, unknown }: State): Promise<StoredEntry | undefined> {
  const found = await readEntry(context.journal, key);
  // Submitting again because the journal lost an entry would pay twice.
  if (found === undefined && mark !== undefined) {
    const message = `The journal has lost ${nameOf(key)}, which was written to it; nothing was sent again.`;
    throw unknown ?? new JournalError(message);
  }
  return found;
}

async function submit(state: State, found: StoredEntry | undefined): Promise<KeyedTask | undefined> {
  const { key, request, context } = state;
  context.call.signal.throwIfAborted();
  const mark = new Mark(key, request, found, context);
  state.mark = mark;
  try {
    const prediction = await state.submit(mark);
    state.started = { predictionId: prediction.id, prediction };
  } catch (error) {
    if (error instanceof EntryChanged) return undefined;
    if (!SubmissionUnknownError.isInstance(error) || context.call.isReason(error)) throw error;
    state.unknown = error;
    if (error.predictionId === undefined) return undefined;
    state.started = { predictionId: error.predictionId };
  }
  return store(state, state.started, mark.attempt, mark.revision);
}

async function store(
  state: State,
  task: KeyedTask,
  attempt: number,
  revision: number | undefined,
): Promise<KeyedTask | undefined> {
  const { clock, journal } = state.context;
  const cost = state.mark?.cost;
  const entry: JournalEntry = {
    ...state.request,
    attempt,
    state: 'submitted',
    predictionId: task.predictionId,
    submittedAt: new Date(clock.service().now).toISOString(),
    ...(cost === undefined ? {} : { cost }),
  };
  const put = await writeEntry(journal, state.key, entry, revision);
  // Another key with the same input, whose response was lost, has taken this task: its own task is for this key.
  if (put === 'taken') state.started = undefined;
  return typeof put === 'number' ? task : undefined;
}

async function recoverTask(
  state: State,
  entry: SendingEntry,
  revision: number,
): Promise<KeyedTask | undefined> {
  const { key, context, mark } = state;
  const { signal } = context.call;
  const unknown = (why: Parameters<typeof createUnknownError>[4]) =>
    createUnknownError(key, entry, context, state.unknown, why);
  const isOwn = mark !== undefined && mark.writer === entry.writer;
  if (state.seen?.revision !== revision) state.seen = { revision, at: context.clock.elapsed() };
  const seenAt = isOwn ? mark.setAt : state.seen.at;
  if (signal.aborted) throw unknown({ reason: signal.reason });
  const found = await recover({ key, entry, revision, seenAt, isOwn }, context);
  if (found.state === 'changed') return undefined;
  if (found.state === 'found') return { predictionId: found.predictionId };
  if (found.state === 'absent' && context.whenAbsent === 'resubmit' && state.hasResubmitted !== true) {
    state.hasResubmitted = true;
    const reason = 'not found in the history';
    const idle: JournalEntry = { ...commonOf(entry), state: 'idle', reason };
    await writeEntry(context.journal, key, idle, revision);
    return undefined;
  }
  if (found.state !== 'pending') {
    // What could not be read may be read later.
    if (found.cause !== undefined) throw unknown({ reason: found.cause, remainingMs: 0 });
    const verdict = found.state;
    throw unknown({ reason: state.unknown, verdict });
  }
  if (signal.aborted) throw unknown({ reason: signal.reason, remainingMs: found.remainingMs });
  const remainingMs = Math.max(found.remainingMs, FIRST_DELAY_MS / 10);
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** Math.min(state.searches, 5), remainingMs);
  state.searches++;
  const open = unknown({ reason: state.unknown, remainingMs });
  context.onWait({ attempt: state.searches, delayMs, error: open });
  try {
    await context.call.sleep(delayMs);
  } catch (reason) {
    throw unknown({ reason, remainingMs: Math.max(0, remainingMs - delayMs) });
  }
  return undefined;
}
