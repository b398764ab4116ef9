/** The idempotency keys of one client. */
import {
  type Candidate,
  type CandidatesOptions,
  JournalError,
  PredictionFailedError,
  withPredictionId,
} from '../core/errors/index.js';
import type { CompletedPrediction, Prediction } from '../core/prediction.js';
import type { PreparedInput } from '../models/prepare-input.js';
import { delay, raceAbort } from '../utils/abort.js';
import { type Deadline, withDeadline } from '../utils/with-deadline.js';
import type { LostRequest } from './find-candidates.js';
import { createFingerprint } from './journal/fingerprint.js';
import type { Journal } from './journal/journal.js';
import { endKey, resolveKey } from './journal/resolve-key.js';
import { type Guard, type KeyedTask, submitWithKey } from './journal/submit-with-key.js';
import type { SubmitOptions } from './options.js';

export interface KeySettings {
  journal: Journal;
  idempotency: { leaseMs: number; settleMs: number };
  requestTimeoutMs: number;
}

export interface KeyLookups {
  /** Finds tasks by model, time and input, newest first. Leaves out none. */
  findCandidates: (lost: LostRequest, options: CandidatesOptions) => Promise<Candidate[]>;
  getClockSkewMs: () => number;
}

/** How a client submits. */
export interface SubmitSteps {
  /** Uploads local media and returns the request body. */
  prepareBody: () => Promise<unknown>;
  /** Submits the body; each POST goes through `guard`. */
  submit: (body: unknown, guard: Guard) => Promise<Prediction>;
}

/** How long a journal is still waited for after an abort or the deadline: what it stores then keeps the key usable. */
const JOURNAL_GRACE_MS = 5000;

/** When a call ends. */
export interface CallLimits {
  deadline: Deadline;
  signal: AbortSignal | undefined;
}

export class KeyedTasks {
  readonly #settings: KeySettings;
  readonly #lookups: KeyLookups;
  /** The calls that submit, by key: a second call with the key waits for the first. */
  readonly #submitting = new Map<string, Promise<unknown>>();

  constructor(settings: KeySettings, lookups: KeyLookups) {
    this.#settings = settings;
    this.#lookups = lookups;
  }

  /** Returns the task of a key; submits it if it has none. See `submitWithKey`. */
  async submit(
    key: string,
    prepared: PreparedInput,
    { signal, whenAbsent = 'throw' }: SubmitOptions,
    deadline: Deadline,
    steps: SubmitSteps,
  ): Promise<KeyedTask> {
    const { journal, idempotency, requestTimeoutMs } = this.#settings;
    const { model } = prepared;
    const fingerprint = await createFingerprint(prepared);
    for (let other = this.#submitting.get(key); other !== undefined; other = this.#submitting.get(key)) {
      const settled = other.catch(() => undefined);
      await withDeadline(deadline, signal, (limited) => raceAbort(settled, limited));
    }
    const submitting = submitWithKey(
      key,
      { model: model.id, fingerprint, prepareBody: steps.prepareBody },
      {
        journal: limitJournal(journal, { deadline, signal }),
        ...idempotency,
        requestTimeoutMs,
        whenAbsent,
        signal,
        submit: steps.submit,
        findCandidates: async ({ body, markedAt, sendBy }, options = {}) => {
          // The search reaches minutes further on both sides.
          const until = Date.parse(sendBy) + requestTimeoutMs + idempotency.settleMs;
          const lost = { model, input: body, from: new Date(markedAt), until: new Date(until) };
          const search = (limited: AbortSignal | undefined) =>
            this.#lookups.findCandidates(lost, { ...options, signal: limited });
          return (await withDeadline(deadline, options.signal, search)).reverse();
        },
        getClockSkewMs: this.#lookups.getClockSkewMs,
        now: Date.now,
        sleep: (ms) => withDeadline(deadline, signal, (limited) => delay(ms, limited)),
      },
    );
    this.#submitting.set(key, submitting);
    try {
      return await submitting;
    } finally {
      this.#submitting.delete(key);
    }
  }

  /** Stores how the task of a key has ended. */
  async recordEnd(key: string, prediction: Prediction, limits: CallLimits): Promise<void> {
    try {
      await endKey(limitJournal(this.#settings.journal, limits), key, prediction);
    } catch (error) {
      throw JournalError.isInstance(error) ? withPredictionId(error, prediction.id) : error;
    }
  }

  /** Waits for the task of a key, and stores how it has ended. */
  async recordOutcome(
    key: string,
    waiting: Promise<CompletedPrediction>,
    limits: CallLimits,
  ): Promise<CompletedPrediction> {
    const outcome = await waiting.catch((error: unknown) => {
      if (!(error instanceof PredictionFailedError)) throw error;
      return error;
    });
    const failed = outcome instanceof PredictionFailedError;
    await this.recordEnd(key, failed ? outcome.prediction : outcome, limits);
    if (failed) throw outcome;
    return outcome;
  }

  /** Settles an open key by hand. See `resolveKey`. */
  resolve(key: string, predictionId: string | null): Promise<void> {
    return resolveKey(this.#settings.journal, key, predictionId, async (time) => {
      // A timer may fire early.
      while (Date.now() <= time) await delay(time - Date.now() + 1, undefined);
    });
  }
}

/** A journal that fails if it does not respond before the call ends, or in a few seconds after it. */
function limitJournal(journal: Journal, { deadline, signal }: CallLimits): Journal {
  const limit = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await withDeadline(deadline, signal, (limited) => raceAbort(work, limited));
    } catch (cause) {
      const reason = () =>
        new JournalError('The journal has not responded in the time of the call.', { cause });
      const grace = { at: performance.now() + JOURNAL_GRACE_MS, reason };
      return withDeadline(grace, undefined, (limited) => raceAbort(work, limited));
    }
  };
  return {
    get: (key) => limit((async () => journal.get(key))()),
    put: (key, entry, revision) => limit((async () => journal.put(key, entry, revision))()),
  };
}
