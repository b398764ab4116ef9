/** Updates the entry of a key after its submit: with the ended task, or with a manual decision. */
import { IdempotencyConflictError, InvalidInputError } from '../../core/errors/input-error.js';
import type { Prediction } from '../../core/prediction.js';
import type { Journal, JournalEntry } from './journal.js';
import { readEntry, writeEntry } from './validate-entry.js';

/** Stores the ended task of a key, so that its result remains after the service deletes the task. */
export async function endKey(journal: Journal, key: string, prediction: Prediction): Promise<void> {
  const found = await readEntry(journal, key);
  if (found?.entry.state !== 'submitted' || found.entry.predictionId !== prediction.id) return;
  const { fingerprint, model, attempt, predictionId } = found.entry;
  const ended: JournalEntry = { fingerprint, model, attempt, state: 'ended', predictionId, prediction };
  // 'stale': another caller has stored the same.
  await writeEntry(journal, key, ended, found.revision);
}

/**
 * Settles a key whose submit has an unknown outcome.
 *
 * @param predictionId Its task, or null if there is none.
 * @param waitUntil Waits until no request under the key can begin any more.
 */
export async function resolveKey(
  journal: Journal,
  key: string,
  predictionId: string | null,
  waitUntil: (time: number) => Promise<void>,
): Promise<void> {
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
    const { fingerprint, model, attempt } = entry;
    if (predictionId === null && entry.state === 'sending') await waitUntil(Date.parse(entry.sendBy));
    const resolved: JournalEntry =
      predictionId === null
        ? { fingerprint, model, attempt, state: 'idle', reason: 'resolved by hand' }
        : { fingerprint, model, attempt, state: 'submitted', predictionId };
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
