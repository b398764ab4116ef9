/** The idempotency keys of one client. */
import {
  IdempotencyConflictError,
  InvalidInputError,
  JournalError,
  withPredictionId,
} from '../../core/errors/index.js';
import type { Prediction } from '../../core/prediction.js';
import type { ApiClient } from '../../http/api-client.js';
import { emitRetry, type OnRetry } from '../../http/retry.js';
import type { PreparedInput } from '../../models/prepare-input.js';
import { Call } from '../../utils/call.js';
import type { TaskHistory } from '../history.js';
import { createFingerprint } from './fingerprint.js';
import type { Journal, JournalEntry } from './journal.js';
import { type KeyedTask, submitWithKey } from './keyed-submit.js';
import type { Mark } from './mark.js';
import { readEntry, writeEntry } from './validate-entry.js';

export interface KeySettings {
  journal: Journal;
  idempotency: { leaseMs: number; settleMs: number };
  requestTimeoutMs: number;
  onRetry: OnRetry | undefined;
}

/** Grace period for the journal after an abort or the deadline: what it stores then keeps the key usable. */
const JOURNAL_GRACE_MS = 5000;

export class IdempotencyKeys {
  readonly #settings: KeySettings;
  readonly #http: Pick<ApiClient, 'clockSkewMs'>;
  readonly #history: TaskHistory;
  /** The calls that submit, by key: a second call with the key waits for the first. */
  readonly #submitting = new Map<string, Promise<unknown>>();

  constructor(settings: KeySettings, http: Pick<ApiClient, 'clockSkewMs'>, history: TaskHistory) {
    this.#settings = settings;
    this.#http = http;
    this.#history = history;
  }

  /** Returns the task of a key; submits it if it has none. See `submitWithKey`. */
  async submit(
    call: Call,
    key: string,
    prepared: PreparedInput,
    whenAbsent: 'throw' | 'resubmit',
    submit: (mark: Mark) => Promise<Prediction>,
  ): Promise<KeyedTask> {
    const { idempotency, requestTimeoutMs } = this.#settings;
    const { model } = prepared;
    const fingerprint = await call.run(createFingerprint(prepared));
    for (let other = this.#submitting.get(key); other !== undefined; other = this.#submitting.get(key)) {
      await call.run(other.catch(() => undefined));
    }
    const submitting = submitWithKey(
      key,
      { model: model.id, fingerprint },
      {
        call,
        journal: this.#limit(call),
        ...idempotency,
        requestTimeoutMs,
        whenAbsent,
        submit,
        findCandidates: async ({ body, markedAt, sendBy }, options = {}) => {
          // The search reaches minutes further on both sides.
          const until = Date.parse(sendBy) + requestTimeoutMs + idempotency.settleMs;
          const lost = { model, input: body, from: new Date(markedAt), until: new Date(until) };
          return (await this.#history.findCandidates(lost, options, () => false)).reverse();
        },
        getClockSkewMs: () => this.#http.clockSkewMs,
        onWait: (wait) => emitRetry({ operation: 'recover', ...wait }, this.#settings.onRetry),
        now: Date.now,
      },
    );
    this.#submitting.set(key, submitting);
    try {
      return await submitting;
    } finally {
      this.#submitting.delete(key);
    }
  }

  /** Stores how the task of a key has ended, so that its result remains after the service deletes the task. */
  async recordEnd(call: Call, key: string, prediction: Prediction): Promise<void> {
    const journal = this.#limit(call);
    try {
      const found = await readEntry(journal, key);
      if (found?.entry.state !== 'submitted' || found.entry.predictionId !== prediction.id) return;
      const ended: JournalEntry = {
        ...commonOf(found.entry),
        predictionId: prediction.id,
        state: 'ended',
        prediction,
      };
      // 'stale': another caller has stored the same.
      await writeEntry(journal, key, ended, found.revision);
    } catch (error) {
      throw JournalError.isInstance(error) ? withPredictionId(error, prediction.id) : error;
    }
  }

  /**
   * Settles a key whose submit has an unknown outcome.
   *
   * @param predictionId Its task, or null if there is none.
   */
  async resolve(call: Call, key: string, predictionId: string | null): Promise<void> {
    const journal = this.#limit(call);
    const name = `idempotencyKey ${JSON.stringify(key)}`;
    for (;;) {
      const found = await readEntry(journal, key);
      if (found === undefined) {
        const message = `${name}: the journal has no such key`;
        throw new InvalidInputError('resolve', [{ path: ['idempotencyKey'], message }]);
      }
      const { entry, revision } = found;
      if (entry.state === 'submitted' || entry.state === 'ended') {
        if (entry.predictionId === predictionId) return;
        throw new IdempotencyConflictError(
          key,
          `${name} has the task ${entry.predictionId} already; nothing was changed.`,
        );
      }
      if (predictionId === null && entry.state === 'sending') await waitUntil(call, entry.sendBy);
      const resolved: JournalEntry =
        predictionId === null
          ? { ...commonOf(entry), state: 'idle', reason: 'resolved by hand' }
          : { ...commonOf(entry), predictionId, state: 'submitted' };
      call.throwIfEnded();
      const put = await writeEntry(journal, key, resolved, revision);
      if (put === 'taken') {
        throw new IdempotencyConflictError(
          key,
          `${name}: task ${predictionId} belongs to another key; nothing was changed.`,
        );
      }
      if (put !== 'stale') return;
    }
  }

  /** A journal that fails if it takes longer than one request, or a few seconds longer than the call. */
  #limit(call: Call): Journal {
    const { journal, requestTimeoutMs } = this.#settings;
    const limit = async <T>(work: () => Promise<T>): Promise<T> => {
      const createTimeoutError = () =>
        new JournalError(`The journal did not respond within requestTimeoutMs (${requestTimeoutMs} ms).`);
      const access = new Call({ timeoutMs: requestTimeoutMs, createTimeoutError });
      try {
        return await call.grace(JOURNAL_GRACE_MS, access.run(work()));
      } catch (cause) {
        if (!call.signal.aborted || cause !== call.signal.reason) throw cause;
        throw new JournalError('The journal did not respond before the call ended.', { cause });
      } finally {
        access.close();
      }
    };
    return {
      get: (key) => limit(async () => journal.get(key)),
      put: (key, entry, revision) => limit(async () => journal.put(key, entry, revision)),
    };
  }
}

const commonOf = ({ fingerprint, model, attempt }: JournalEntry) => ({ fingerprint, model, attempt });

async function waitUntil(call: Call, time: string): Promise<void> {
  // A timer may fire early.
  while (Date.now() <= Date.parse(time)) await call.sleep(Date.parse(time) - Date.now() + 1);
}
