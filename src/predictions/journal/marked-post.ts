/** Marks one POST in the journal, and clears the mark when nothing was accepted. */
import { ConnectionError } from '../../core/errors/connection-error.js';
import { SubmissionUnknownError } from '../../core/errors/prediction-error.js';
import type { Journal, JournalEntry } from './journal.js';
import { writeEntry } from './validate-entry.js';

/** Makes one POST. Calls `beforeSend` when the request is handed to the socket; if that throws, nothing is sent. */
export type Post<T> = (beforeSend: () => void) => Promise<T>;

/** Another caller changed the entry: read it again. */
export class EntryChanged extends Error {}

export interface Progress {
  attempt: number;
  revision: number | undefined;
}

export interface MarkContext {
  journal: Journal;
  /** How long after its mark a POST may begin. */
  leaseMs: number;
  now: () => number;
}

/**
 * Marks the entry, makes one POST, and frees the key if it is certain that nothing was accepted. Updates `progress`.
 *
 * @throws {EntryChanged} if another caller was faster; nothing was sent.
 */
export async function postMarked<T>(
  post: Post<T>,
  key: string,
  request: { fingerprint: string; model: string; body: unknown },
  progress: Progress,
  { journal, leaseMs, now }: MarkContext,
): Promise<T> {
  const { fingerprint, model, body } = request;
  const markedAt = now();
  const sendBy = markedAt + leaseMs;
  const attempt = progress.attempt + 1;
  const sending: JournalEntry = {
    fingerprint,
    model,
    attempt,
    state: 'sending',
    body,
    markedAt: new Date(markedAt).toISOString(),
    sendBy: new Date(sendBy).toISOString(),
  };
  const revision = await writeEntry(journal, key, sending, progress.revision);
  if (typeof revision !== 'number') throw new EntryChanged();
  Object.assign(progress, { attempt, revision });

  let expired: ConnectionError | undefined;
  const beforeSend = () => {
    if (now() <= sendBy) return;
    expired = new ConnectionError(
      `idempotencyKey ${JSON.stringify(key)}: the request was ready only after idempotency.leaseMs (${leaseMs} ms) had ` +
        'passed since its mark in the journal; nothing was sent.',
      { requestSent: false },
    );
    throw expired;
  };
  try {
    return await post(beforeSend);
  } catch (error) {
    if (expired === undefined && SubmissionUnknownError.isInstance(error)) throw error;
    const failure: unknown = expired ?? error;
    const reason = failure instanceof Error ? failure.name : 'not submitted';
    const idle: JournalEntry = { fingerprint, model, attempt, state: 'idle', reason };
    // If this fails, the entry stays `sending`: incomplete, but not wrong.
    const freed = await writeEntry(journal, key, idle, revision).catch(() => undefined);
    if (typeof freed === 'number') progress.revision = freed;
    throw failure;
  }
}
