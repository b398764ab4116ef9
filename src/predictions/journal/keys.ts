/** The idempotency keys of one client. */
import { ConfigurationError, JournalError, withPredictionId } from '../../core/errors/index.js';
import { isTerminal, type Prediction } from '../../core/prediction.js';
import type { ApiClient } from '../../http/api-client.js';
import { emitRetry, type OnRetry } from '../../http/retry.js';
import type { PreparedInput } from '../../models/prepare-input.js';
import { Call } from '../../utils/call.js';
import { type CandidateSearch, findCandidates } from '../candidates.js';
import type { SubmitOptions } from '../options.js';
import { identifyRequest } from './key-conflict.js';
import { type Journal, type JournalEntry, readEntry, withoutInput, writeEntry } from './journal.js';
import { type KeyedTask, submitWithKey } from './keyed-submit.js';
import { type KeyContext, lastTimeOf } from './key-context.js';
import type { Mark } from './mark.js';
import { resolveKey } from './resolve.js';

export interface KeySettings {
  baseUrl: string;
  journal: Journal;
  idempotency: { leaseMs: number; settleMs: number };
  requestTimeoutMs: number;
  onRetry: OnRetry | undefined;
}

/** What the journal knows of a key. */
export interface KeyState {
  /** `idle`: free, there is no task. `sending`: a submit is in flight, or was interrupted. */
  state: JournalEntry['state'];
  predictionId?: string;
  /** The ended task, without its input. */
  prediction?: Prediction;
}

/** How often a waiting call looks whether another process has learned the end of its task, in milliseconds. */
const LOOK_MS = { least: 1000, most: 5000 };

export class IdempotencyKeys {
  readonly #settings: KeySettings;
  readonly #http: ApiClient;
  readonly #search: CandidateSearch;
  readonly #clock: KeyContext['clock'];
  readonly #unsent = new Set<string>();
  /** The calls that submit, by key: a second call with the key waits for the first. */
  readonly #submitting = new Map<string, Promise<unknown>>();

  constructor(settings: KeySettings, http: ApiClient, search: CandidateSearch) {
    this.#settings = settings;
    this.#http = http;
    this.#search = search;
    this.#clock = {
      local: Date.now,
      service: () => http.serviceTime(),
      elapsed: () => performance.now(),
    };
  }

  /** Returns the task of a key; submits it if it has none. See `submitWithKey`. */
  async submit(
    call: Call,
    key: string,
    prepared: PreparedInput,
    whenAbsent: SubmitOptions['whenAbsent'],
    submit: (mark: Mark) => Promise<Prediction>,
  ): Promise<KeyedTask> {
    const { baseUrl, idempotency, requestTimeoutMs, onRetry } = this.#settings;
    const { model, body } = prepared;
    const request = await call.run(identifyRequest(prepared, baseUrl, call.signal));
    for (let other = this.#submitting.get(key); other !== undefined; other = this.#submitting.get(key)) {
      await call.run(other.catch(() => undefined));
    }
    const submitting = submitWithKey(key, request, submit, {
      ...this.#contextOf(call),
      call,
      whenAbsent,
      input: body,
      unsent: this.#unsent,
      findCandidates: async ({ digest, markedAt, sendBy }, options, range) => {
        // The search reaches minutes further on both sides.
        const until = new Date(lastTimeOf(sendBy, { requestTimeoutMs, ...idempotency }));
        const lost = { model, digest, from: new Date(markedAt), until };
        const { tasks, gap } = await findCandidates(this.#search, lost, options, () => false, range);
        return { tasks: tasks.reverse(), gap };
      },
      onWait: (wait) => emitRetry({ operation: 'recover', ...wait }, onRetry, call.signal),
    });
    this.#submitting.set(key, submitting);
    try {
      return await submitting;
    } finally {
      this.#submitting.delete(key);
    }
  }

  /** Stores how the task of a key has ended, so that its result remains after the service deletes the task. */
  async recordEnd(call: Call, key: string, prediction: Prediction): Promise<void> {
    const journal = this.#journal(call);
    try {
      for (;;) {
        const found = await readEntry(journal, key);
        if (found?.entry.state !== 'submitted' || found.entry.predictionId !== prediction.id) return;
        const ended: JournalEntry = {
          ...found.entry,
          state: 'ended',
          prediction: withoutInput(prediction),
        };
        // 'stale': another caller may have stored the same.
        if ((await writeEntry(journal, key, ended, found.revision)) !== 'stale') return;
      }
    } catch (error) {
      throw JournalError.isInstance(error) ? withPredictionId(error, prediction.id) : error;
    }
  }

  /** Resolves a key by hand. See `resolveKey`. */
  resolve(call: Call, key: string, predictionId: string | null, isForced: boolean): Promise<void> {
    return resolveKey(key, predictionId, isForced, { ...this.#contextOf(call), call, http: this.#http });
  }

  /** Answers from the journal alone. */
  async lookup(call: Call, key: string): Promise<KeyState | undefined> {
    const found = await readEntry(this.#journal(call), key);
    if (found === undefined) return undefined;
    const { entry } = found;
    if (entry.state === 'ended') {
      return { state: entry.state, predictionId: entry.predictionId, prediction: entry.prediction };
    }
    return entry.state === 'submitted'
      ? { state: entry.state, predictionId: entry.predictionId }
      : { state: entry.state };
  }

  /** Stores the end of a task under its key, and returns the key; undefined for a task that has not ended or has no key. */
  async settle(call: Call, prediction: Prediction): Promise<string | undefined> {
    const journal = this.#journal(call);
    if (journal.find === undefined) {
      throw new ConfigurationError(
        '`settle`: the journal has no method `find`, which returns the key of a task.',
      );
    }
    if (!isTerminal(prediction.status)) return undefined;
    const key = await journal.find(prediction.id);
    if (key !== undefined) await this.recordEnd(call, key, prediction);
    return key;
  }

  /**
   * Calls the listener when the journal knows the end of a task: another process may have stored it.
   *
   * @param intervalMs Looks as often, within bounds; NaN if that varies.
   */
  watch(call: Call, key: string, intervalMs: number) {
    return {
      subscribe: (id: string, listener: (prediction: Prediction) => void): (() => void) => {
        const journal = this.#journal(call);
        const ms = Math.min(Math.max(intervalMs, LOOK_MS.least), LOOK_MS.most) || LOOK_MS.most;
        let timer: NodeJS.Timeout | undefined;
        const look = async () => {
          const found = await readEntry(journal, key).catch(() => undefined);
          if (timer === undefined) return;
          if (found?.entry.state === 'ended' && found.entry.predictionId === id)
            listener(found.entry.prediction);
          else schedule();
        };
        const schedule = () => {
          timer = setTimeout(() => void look(), ms);
        };
        schedule();
        return () => {
          clearTimeout(timer);
          timer = undefined;
        };
      },
    };
  }

  #contextOf(call: Call): KeyContext {
    const { idempotency, requestTimeoutMs } = this.#settings;
    return { ...idempotency, requestTimeoutMs, journal: this.#journal(call), clock: this.#clock };
  }

  #journal(call: Call): Journal {
    return limitJournal(this.#settings.journal, call, this.#settings.requestTimeoutMs);
  }
}

/** Each call of the journal ends within the time of one request, and within seconds of the end of the client's call. */
function limitJournal(journal: Journal, call: Call, requestTimeoutMs: number): Journal {
  const limit = async <T>(work: () => Promise<T>): Promise<T> => {
    const createTimeoutError = () =>
      new JournalError(`The journal did not respond within requestTimeoutMs (${requestTimeoutMs} ms).`);
    const access = new Call({ timeoutMs: requestTimeoutMs, createTimeoutError });
    try {
      return await call.grace(access.run(work()));
    } catch (cause) {
      if (!call.isReason(cause)) throw cause;
      throw new JournalError('The journal did not respond before the call ended.', { cause });
    } finally {
      access.close();
    }
  };
  return {
    get: (key) => limit(async () => journal.get(key)),
    put: (key, entry, revision) => limit(async () => journal.put(key, entry, revision)),
    ...(journal.find !== undefined && { find: (id) => limit(async () => journal.find?.(id)) }),
    ...(journal.entries !== undefined && {
      async *entries() {
        const iterator = journal.entries?.()[Symbol.asyncIterator]();
        for (;;) {
          const result = await limit(async () => iterator?.next());
          if (result === undefined || result.done === true) return;
          yield result.value;
        }
      },
    }),
  };
}
