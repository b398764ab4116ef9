/** The mark of a key in its journal: set before a POST, cleared when nothing was accepted. */
import { ConnectionError } from '../../core/errors/connection-error.js';
import { SubmissionUnknownError } from '../../core/errors/prediction-error.js';
import type { Journal, JournalEntry } from './journal.js';
import { writeEntry } from './validate-entry.js';

/** Another caller changed the entry: read it again. */
export class EntryChanged extends Error {}

export interface MarkContext {
  journal: Journal;
  /** How long after its mark a POST may begin. */
  leaseMs: number;
  now: () => number;
}

export class Mark {
  attempt: number;
  revision: number | undefined;
  readonly #key: string;
  readonly #request: { fingerprint: string; model: string };
  readonly #context: MarkContext;
  #sendBy = Infinity;
  #expired: ConnectionError | undefined;

  constructor(
    key: string,
    request: { fingerprint: string; model: string },
    found: { entry: JournalEntry; revision: number } | undefined,
    context: MarkContext,
  ) {
    this.#key = key;
    this.#request = request;
    this.#context = context;
    this.attempt = found?.entry.attempt ?? 0;
    this.revision = found?.revision;
  }

  /** @throws {EntryChanged} if another caller was faster: send nothing. */
  async set(body: unknown): Promise<void> {
    const { leaseMs, now } = this.#context;
    const markedAt = now();
    this.#sendBy = markedAt + leaseMs;
    this.attempt += 1;
    const [marked, sendBy] = [new Date(markedAt), new Date(this.#sendBy)].map((time) => time.toISOString());
    const revision = await this.#write({
      state: 'sending',
      body,
      markedAt: marked,
      sendBy,
    });
    if (typeof revision !== 'number') throw new EntryChanged();
    this.revision = revision;
  }

  /** @throws {ConnectionError} if it is too late for the POST. Call it as the request is handed to the socket. */
  check(): void {
    if (this.#context.now() <= this.#sendBy) return;
    throw (this.#expired = new ConnectionError(
      `idempotencyKey ${JSON.stringify(this.#key)}: the request was ready only after idempotency.leaseMs (${this.#context.leaseMs} ms) had ` +
        'passed since its mark in the journal; nothing was sent.',
      { requestSent: false },
    ));
  }

  /** Frees the key after a failed POST, unless its outcome is unknown. Returns the failure. */
  async clear(error: unknown): Promise<unknown> {
    if (this.#expired === undefined && SubmissionUnknownError.isInstance(error)) return error;
    const failure = this.#expired ?? error;
    this.#expired = undefined;
    const reason = failure instanceof Error ? failure.name : 'not submitted';
    // If this fails, the entry stays `sending`: incomplete, but not wrong.
    const freed = await this.#write({ state: 'idle', reason }).catch(() => undefined);
    if (typeof freed === 'number') this.revision = freed;
    return failure;
  }

  #write(state: { state: 'sending' | 'idle'; [field: string]: unknown }) {
    const { fingerprint, model } = this.#request;
    const entry = { fingerprint, model, attempt: this.attempt, ...state } as JournalEntry;
    return writeEntry(this.#context.journal, this.#key, entry, this.revision);
  }
}
