/** The mark of a key in its journal: set before a POST, cleared when nothing was accepted. */
import { ConnectionError } from '../../core/errors/connection-error.js';
import { SubmissionUnknownError } from '../../core/errors/prediction-error.js';
import type { KeyedRequest } from './key-conflict.js';
import { type JournalEntry, readEntry, type SendingEntry, type StoredEntry, writeEntry } from './journal.js';
import { type KeyedCall, nameOf } from './key-context.js';

/** Another caller changed the entry: read it again. */
export class EntryChanged extends Error {}

export class Mark {
  attempt: number;
  revision: number | undefined;
  /** Identifies this mark. */
  writer = '';
  /** As it was last written. */
  entry: SendingEntry | undefined;
  /** Of its task, in US dollars. */
  cost: number | undefined;
  /** By `clock.elapsed()`. */
  setAt = 0;
  readonly #key: string;
  readonly #request: KeyedRequest;
  readonly #context: KeyedCall;
  #localSendBy = Infinity;
  #expired: ConnectionError | undefined;

  constructor(key: string, request: KeyedRequest, found: StoredEntry | undefined, context: KeyedCall) {
    this.#key = key;
    this.#request = request;
    this.#context = context;
    this.attempt = found?.entry.attempt ?? 0;
    this.revision = found?.revision;
  }

  /**
   * @param digest Of the request body.
   * @throws {EntryChanged} if another caller was faster: send nothing.
   */
  async set(digest: string, cost: number | undefined): Promise<void> {
    const { leaseMs, clock, journal, unsent } = this.#context;
    this.cost = cost;
    this.writer = crypto.randomUUID();
    this.setAt = clock.elapsed();
    this.#localSendBy = clock.local() + leaseMs;
    const { now, isKnown } = clock.service();
    const markedAt = isKnown ? now : clock.local();
    this.attempt += 1;
    unsent.add(this.writer);
    this.entry = {
      ...this.#request,
      attempt: this.attempt,
      state: 'sending',
      digest,
      writer: this.writer,
      markedAt: new Date(markedAt).toISOString(),
      sendBy: new Date(markedAt + leaseMs).toISOString(),
      ...(isKnown ? {} : { clock: 'local' }),
    };
    const revision = await this.#write(this.entry);
    if (typeof revision === 'number') {
      this.revision = revision;
      return;
    }
    // A journal that repeats a `put` whose answer was lost meets its own entry.
    const found = await readEntry(journal, this.#key);
    if (found?.entry.state !== 'sending' || found.entry.writer !== this.writer) throw new EntryChanged();
    this.revision = found.revision;
  }

  /** @throws {ConnectionError} if it is too late for the POST. Call it as the request is handed to the socket. */
  check(): void {
    const { clock, leaseMs, unsent } = this.#context;
    // One of the two stands still while the machine sleeps, the other may be set.
    if (clock.elapsed() <= this.setAt + leaseMs && clock.local() <= this.#localSendBy) {
      unsent.delete(this.writer);
      return;
    }
    throw (this.#expired = new ConnectionError(
      `${nameOf(this.#key)}: the request was ready only after idempotency.leaseMs (${leaseMs} ms) had ` +
        'passed since its mark in the journal; nothing was sent.',
      { requestSent: false },
    ));
  }

  /** Frees the key after a failed POST, unless its outcome is unknown. Returns the failure. */
  async clear(error: unknown): Promise<unknown> {
    const { call } = this.#context;
    const isOpen = SubmissionUnknownError.isInstance(error) && !call.isReason(error);
    if (this.#expired === undefined && isOpen) return error;
    const failure = this.#expired ?? error;
    this.#expired = undefined;
    const reason = failure instanceof Error ? failure.name : 'not submitted';
    this.#context.unsent.add(this.writer);
    // If this fails, the entry stays `sending`: incomplete, but not wrong.
    const idle: JournalEntry = { ...this.#request, attempt: this.attempt, state: 'idle', reason };
    const freed = await this.#write(idle).catch(() => undefined);
    if (typeof freed === 'number') {
      this.revision = freed;
      this.#context.unsent.delete(this.writer);
    }
    return failure;
  }

  #write(entry: JournalEntry) {
    return writeEntry(this.#context.journal, this.#key, entry, this.revision);
  }
}
