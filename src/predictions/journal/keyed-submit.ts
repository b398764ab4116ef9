/** The life of an idempotency key: submits its only task, or returns the existing one. */
import { IdempotencyConflictError, JournalError } from '../../core/errors/input-error.js';
import {
  type Candidate,
  type CandidatesOptions,
  SubmissionUnknownError,
} from '../../core/errors/prediction-error.js';
import { WaveSpeedError, withPredictionId } from '../../core/errors/base.js';
import { RequestTimeoutError } from '../../core/errors/connection-error.js';
import type { Prediction } from '../../core/prediction.js';
import type { Call } from '../../utils/call.js';
import type { StoredEntry } from './entry-table.js';
import type { JournalEntry } from './journal.js';
import { EntryChanged, Mark, type MarkContext } from './mark.js';
import { recover } from './recover.js';
import { readEntry, writeEntry } from './validate-entry.js';

export type SendingEntry = Extract<JournalEntry, { state: 'sending' }>;

export interface KeyedSubmitContext extends MarkContext {
  call: Pick<Call, 'signal' | 'sleep'>;
  /** How long the history may lag behind an accepted submit. */
  settleMs: number;
  requestTimeoutMs: number;
  whenAbsent: 'throw' | 'resubmit';
  /**
   * Submits, with pacing and safe retries; sets the mark before each POST. Rejects with a `SubmissionUnknownError` if the
   * outcome is unknown, and with any other error only if it is certain that nothing was accepted. Not called if the key
   * has a task.
   */
  submit(mark: Mark): Promise<Prediction>;
  /**
   * Lists the model's tasks around the time of a submit, oldest first, each with `exactMatch`. Must be complete: a task
   * that is not listed counts as not accepted.
   */
  findCandidates(entry: SendingEntry, options?: CandidatesOptions): Promise<Candidate[]>;
  /** Called before each pause between two searches of the history. */
  onWait(wait: { attempt: number; delayMs: number; error: SubmissionUnknownError }): void;
  /** How far the service's clock is ahead of this machine's, in milliseconds. */
  getClockSkewMs: () => number;
}

export interface KeyedTask {
  predictionId: string;
  state: 'submitted' | 'ended';
  prediction?: Prediction | undefined;
}

/** What one call knows of its key. */
interface State {
  key: string;
  request: { model: string; fingerprint: string };
  context: KeyedSubmitContext;
  started?: { predictionId: string; prediction?: Prediction | undefined } | undefined;
  unknown?: SubmissionUnknownError;
  /** Searches of the history that did not find the task. */
  searches: number;
  hasMarked?: boolean;
  hasResubmitted?: boolean;
}

/** First delay between two searches of the history; doubles up to 32 times its value. */
const FIRST_DELAY_MS = 500;

/**
 * Returns the task of a key; submits it if there is none.
 *
 * @throws {IdempotencyConflictError} if the key was used with another input.
 * @throws {SubmissionUnknownError} if the outcome of an earlier submit is unknown.
 * @throws {JournalError} if the journal fails.
 */
export async function submitWithKey(
  key: string,
  request: { model: string; fingerprint: string },
  context: KeyedSubmitContext,
): Promise<KeyedTask> {
  const state: State = { key, request, context, searches: 0 };
  try {
    return await settle(state);
  } catch (error) {
    if (state.started !== undefined && WaveSpeedError.isInstance(error)) {
      throw withPredictionId(error, state.started.predictionId);
    }
    // An unknown submit matters more than the journal error after it.
    throw JournalError.isInstance(error) ? (state.unknown ?? error) : error;
  }
}

/** Reads the entry, and takes the step that it asks for, until the key has a task. */
async function settle(state: State): Promise<KeyedTask> {
  for (;;) {
    const { started } = state;
    const found = await read(state);
    const entry = found?.entry;
    if (entry !== undefined && entry.state !== 'idle') checkFingerprint(state, entry);
    if (entry?.state === 'submitted' || entry?.state === 'ended') {
      const isOwn = started?.predictionId === entry.predictionId;
      return { prediction: isOwn ? started?.prediction : undefined, ...entry };
    }
    // Each step returns undefined if the entry must be read again.
    const task =
      started !== undefined
        ? await store(state, started, entry?.attempt ?? 1, found?.revision)
        : entry?.state === 'sending'
          ? await recoverTask(state, entry, found?.revision)
          : await submit(state, found);
    if (task !== undefined) return task;
  }
}

async function read({ key, context, hasMarked }: State): Promise<StoredEntry | undefined> {
  const found = await readEntry(context.journal, key);
  // Submitting again because the journal lost an entry would pay twice.
  if (found === undefined && hasMarked === true) {
    throw new JournalError(
      `The journal has lost ${nameOf(key)}, which was written to it; nothing was sent again.`,
    );
  }
  return found;
}

function checkFingerprint({ key, request }: State, { fingerprint, model }: JournalEntry): void {
  if (fingerprint === request.fingerprint) return;
  const other = model === request.model ? 'another input' : `another model (${model}) or another input`;
  throw new IdempotencyConflictError(
    key,
    `${nameOf(key)} was used before with ${other}; nothing was sent. Use a new key for a new request.`,
  );
}

async function submit(state: State, found: StoredEntry | undefined): Promise<KeyedTask | undefined> {
  const { key, request, context } = state;
  context.call.signal.throwIfAborted();
  const mark = new Mark(key, request, found, context);
  state.hasMarked = true;
  try {
    const prediction = await context.submit(mark);
    state.started = { predictionId: prediction.id, prediction };
  } catch (error) {
    if (error instanceof EntryChanged) return undefined;
    if (!SubmissionUnknownError.isInstance(error)) throw error;
    state.unknown = error;
    if (error.predictionId === undefined) return undefined;
    state.started = { predictionId: error.predictionId };
  }
  return store(state, state.started, mark.attempt, mark.revision);
}

async function store(
  state: State,
  task: { predictionId: string; prediction?: Prediction | undefined },
  attempt: number,
  revision: number | undefined,
): Promise<KeyedTask | undefined> {
  const { predictionId } = task;
  const entry: JournalEntry = { ...state.request, attempt, state: 'submitted', predictionId };
  const put = await writeEntry(state.context.journal, state.key, entry, revision);
  // Another key with the same input, whose response was lost, has taken this task: its own task is for this key.
  if (put === 'taken') state.started = undefined;
  return typeof put === 'number' ? { ...task, state: 'submitted' } : undefined;
}

async function recoverTask(
  state: State,
  entry: SendingEntry,
  revision: number | undefined,
): Promise<KeyedTask | undefined> {
  const { key, request, context } = state;
  const { signal } = context.call;
  if (signal.aborted) throw createUnknownError(state, entry, signal.reason);
  const found = await recover(key, entry, revision, context);
  if (found.state === 'changed') return undefined;
  if (found.state === 'found') return { predictionId: found.predictionId, state: 'submitted' };
  if (found.state === 'absent' && context.whenAbsent === 'resubmit' && state.hasResubmitted !== true) {
    state.hasResubmitted = true;
    const reason = 'not found in the history';
    const idle: JournalEntry = { ...request, attempt: entry.attempt, state: 'idle', reason };
    await writeEntry(context.journal, key, idle, revision);
    return undefined;
  }
  if (found.state !== 'pending') throw createUnknownError(state, entry, found.cause ?? state.unknown);
  const remainingMs = Math.max(found.until - context.now(), FIRST_DELAY_MS / 10);
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** Math.min(state.searches, 5), remainingMs);
  state.searches++;
  const error = state.unknown ?? createUnknownError(state, entry, undefined);
  context.onWait({ attempt: state.searches, delayMs, error });
  try {
    await context.call.sleep(delayMs);
  } catch (reason) {
    throw createUnknownError(state, entry, reason);
  }
  return undefined;
}

function createUnknownError(state: State, entry: SendingEntry, reason: unknown): SubmissionUnknownError {
  const { key, context, unknown } = state;
  const { signal } = context.call;
  // The call's own reason says that nothing was submitted.
  const cause =
    signal.aborted && reason === signal.reason && reason instanceof RequestTimeoutError
      ? new RequestTimeoutError('timeoutMs ran out before the history showed the task.', { cause: unknown })
      : reason;
  const name = JSON.stringify(key);
  return new SubmissionUnknownError(
    `${nameOf(key)}: the submit to ${entry.model} of ${entry.markedAt} may or may not have been accepted and charged; ` +
      `it is not repeated. Look with error.candidates(), then settle the key with kling.resolve(${name}, predictionId), ` +
      `or with kling.resolve(${name}, null) if there is no task.`,
    {
      cause,
      model: entry.model,
      input: entry.body,
      submittedAt: new Date(entry.markedAt),
      candidates: (options) => unknown?.candidates(options) ?? context.findCandidates(entry, options),
    },
  );
}

const nameOf = (key: string): string => `idempotencyKey ${JSON.stringify(key)}`;
