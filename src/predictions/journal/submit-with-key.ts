/** Submits the only task of an idempotency key, or returns the existing one. */
import { IdempotencyConflictError, JournalError } from '../../core/errors/input-error.js';
import {
  type Candidate,
  type CandidatesOptions,
  SubmissionUnknownError,
} from '../../core/errors/prediction-error.js';
import { WaveSpeedError, withPredictionId } from '../../core/errors/base.js';
import { RequestTimeoutError } from '../../core/errors/connection-error.js';
import type { Prediction } from '../../core/prediction.js';
import type { StoredEntry } from './entry-table.js';
import type { JournalEntry } from './journal.js';
import { EntryChanged, type MarkContext, type Post, postMarked, type Progress } from './marked-post.js';
import { recover } from './recover.js';
import { readEntry, writeEntry } from './validate-entry.js';

export interface KeyedRequest {
  model: string;
  fingerprint: string;
  /** Uploads local media and returns the request body. Not called if the key has a task. */
  prepareBody: () => Promise<unknown>;
}

export type Guard = <T>(post: Post<T>) => Promise<T>;

export type SendingEntry = Extract<JournalEntry, { state: 'sending' }>;

export interface KeyedSubmitContext extends MarkContext {
  /** How long the history may lag behind an accepted submit. */
  settleMs: number;
  requestTimeoutMs: number;
  whenAbsent: 'throw' | 'resubmit';
  signal: AbortSignal | undefined;
  /**
   * Submits the body, with pacing and safe retries. Each POST goes through `guard`, which marks it in the journal
   * first. Rejects with a `SubmissionUnknownError` if the outcome is unknown, and with any other error only if it is
   * certain that nothing was accepted.
   */
  submit(body: unknown, guard: Guard): Promise<Prediction>;
  /**
   * Lists the model's tasks around the time of a submit, oldest first, each with `exactMatch`. Must be complete: a task
   * that is not listed counts as not accepted.
   */
  findCandidates(entry: SendingEntry, options?: CandidatesOptions): Promise<Candidate[]>;
  /** How far the service's clock is ahead of this machine's, in milliseconds. */
  getClockSkewMs: () => number;
  /** Rejects on abort, and at the deadline of the call. */
  sleep: (ms: number) => Promise<void>;
}

export interface KeyedTask {
  predictionId: string;
  state: 'submitted' | 'ended';
  prediction?: Prediction | undefined;
}

/**
 * Returns the task of a key; submits it if there is none.
 *
 * @throws {IdempotencyConflictError} if the key was used with another input.
 * @throws {SubmissionUnknownError} if the outcome of an earlier submit is unknown.
 * @throws {JournalError} if the journal fails.
 */
export function submitWithKey(
  key: string,
  request: KeyedRequest,
  context: KeyedSubmitContext,
): Promise<KeyedTask> {
  return new KeyedSubmit(key, request, context).run();
}

class KeyedSubmit {
  readonly #key: string;
  readonly #request: KeyedRequest;
  readonly #context: KeyedSubmitContext;
  #started: { predictionId: string; prediction?: Prediction | undefined } | undefined;
  #unknown: SubmissionUnknownError | undefined;
  #hasMarked = false;
  #hasResubmitted = false;

  constructor(key: string, request: KeyedRequest, context: KeyedSubmitContext) {
    this.#key = key;
    this.#request = request;
    this.#context = context;
  }

  async run(): Promise<KeyedTask> {
    try {
      return await this.#settle();
    } catch (error) {
      if (this.#started !== undefined && WaveSpeedError.isInstance(error)) {
        throw withPredictionId(error, this.#started.predictionId);
      }
      // An unknown submit matters more than the journal error after it.
      throw JournalError.isInstance(error) ? (this.#unknown ?? error) : error;
    }
  }

  async #settle(): Promise<KeyedTask> {
    for (let round = 0; ; round++) {
      const found = await this.#read();
      const entry = found?.entry;
      if (entry !== undefined && entry.state !== 'idle') this.#checkFingerprint(entry);
      if (entry?.state === 'submitted' || entry?.state === 'ended') {
        const isOwn = this.#started?.predictionId === entry.predictionId;
        return { prediction: isOwn ? this.#started?.prediction : undefined, ...entry };
      }
      const task =
        this.#started !== undefined
          ? await this.#store(this.#started, entry?.attempt ?? 1, found?.revision)
          : entry?.state === 'sending'
            ? await this.#recover(entry, found?.revision, round)
            : await this.#submit(found);
      if (task !== undefined) return task;
    }
  }

  async #read(): Promise<StoredEntry | undefined> {
    const found = await readEntry(this.#context.journal, this.#key);
    // Submitting again because the journal lost an entry would pay twice.
    if (found === undefined && this.#hasMarked) {
      throw new JournalError(
        `The journal has lost ${this.#name}, which was written to it; nothing was sent again.`,
      );
    }
    return found;
  }

  #checkFingerprint({ fingerprint, model }: JournalEntry): void {
    if (fingerprint === this.#request.fingerprint) return;
    const other =
      model === this.#request.model ? 'another input' : `another model (${model}) or another input`;
    throw new IdempotencyConflictError(
      this.#key,
      `${this.#name} was used before with ${other}; nothing was sent. Use a new key for a new request.`,
    );
  }

  /** Returns undefined if the entry must be read again; so do `#store` and `#recover`. */
  async #submit(found: StoredEntry | undefined): Promise<KeyedTask | undefined> {
    const { signal } = this.#context;
    signal?.throwIfAborted();
    const body = await this.#request.prepareBody();
    signal?.throwIfAborted();
    const { model, fingerprint } = this.#request;
    const progress: Progress = { attempt: found?.entry.attempt ?? 0, revision: found?.revision };
    this.#hasMarked = true;
    try {
      const prediction = await this.#context.submit(body, (post) =>
        postMarked(post, this.#key, { model, fingerprint, body }, progress, this.#context),
      );
      this.#started = { predictionId: prediction.id, prediction };
    } catch (error) {
      if (error instanceof EntryChanged) return undefined;
      if (!SubmissionUnknownError.isInstance(error)) throw error;
      this.#unknown = error;
      if (error.predictionId === undefined) return undefined;
      this.#started = { predictionId: error.predictionId };
    }
    return this.#store(this.#started, progress.attempt, progress.revision);
  }

  async #store(
    task: { predictionId: string; prediction?: Prediction | undefined },
    attempt: number,
    revision: number | undefined,
  ): Promise<KeyedTask | undefined> {
    const { predictionId } = task;
    const entry: JournalEntry = { ...this.#common(attempt), state: 'submitted', predictionId };
    const put = await writeEntry(this.#context.journal, this.#key, entry, revision);
    // Another key with the same input, whose response was lost, has taken this task: its own task is for this key.
    if (put === 'taken') this.#started = undefined;
    return typeof put === 'number' ? { ...task, state: 'submitted' } : undefined;
  }

  async #recover(
    entry: SendingEntry,
    revision: number | undefined,
    round: number,
  ): Promise<KeyedTask | undefined> {
    const { signal, whenAbsent, journal } = this.#context;
    if (signal?.aborted === true) throw this.#unknownError(entry, signal.reason);
    const found = await recover(this.#key, entry, revision, this.#context);
    if (found.state === 'changed') return undefined;
    if (found.state === 'found') return { predictionId: found.predictionId, state: 'submitted' };
    if (found.state === 'absent' && whenAbsent === 'resubmit' && !this.#hasResubmitted) {
      this.#hasResubmitted = true;
      await writeEntry(
        journal,
        this.#key,
        { ...this.#common(entry.attempt), state: 'idle', reason: 'not found in the history' },
        revision,
      );
      return undefined;
    }
    if (found.state !== 'pending') throw this.#unknownError(entry, found.cause ?? this.#unknown);
    try {
      const remainingMs = Math.max(found.until - this.#context.now(), FIRST_DELAY_MS / 10);
      const delayMs = Math.min(FIRST_DELAY_MS * 2 ** Math.min(round, 5), remainingMs);
      await this.#context.sleep(delayMs);
    } catch (reason) {
      if (this.#context.signal?.aborted === true) throw this.#unknownError(entry, reason);
      const message = 'timeoutMs ran out before the history showed the task.';
      throw this.#unknownError(entry, new RequestTimeoutError(message, { cause: this.#unknown }));
    }
    return undefined;
  }

  #unknownError(entry: SendingEntry, cause: unknown): SubmissionUnknownError {
    const name = JSON.stringify(this.#key);
    return new SubmissionUnknownError(
      `${this.#name}: the submit to ${entry.model} of ${entry.markedAt} may or may not have been accepted and charged; ` +
        `it is not repeated. Look with error.candidates(), then settle the key with kling.resolve(${name}, predictionId), ` +
        `or with kling.resolve(${name}, null) if there is no task.`,
      {
        cause,
        model: entry.model,
        input: entry.body,
        submittedAt: new Date(entry.markedAt),
        candidates: (options) =>
          this.#unknown?.candidates(options) ?? this.#context.findCandidates(entry, options),
      },
    );
  }

  get #name(): string {
    return `idempotencyKey ${JSON.stringify(this.#key)}`;
  }

  #common(attempt: number) {
    return { fingerprint: this.#request.fingerprint, model: this.#request.model, attempt };
  }
}

/** First delay between two searches of the history; doubles up to 32 times its value. */
const FIRST_DELAY_MS = 500;
