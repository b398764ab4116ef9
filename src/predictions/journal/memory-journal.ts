/** A journal in memory: the default. It does not survive the process. */
import type { Journal, JournalEntry } from './journal.js';

/**
 * Creates a journal that keeps idempotency keys as long as the process runs.
 *
 * @example
 * const kling = new WaveSpeedKling({ journal: memoryJournal() });
 */
export function memoryJournal(): Journal {
  const entries = new Map<string, { entry: JournalEntry; revision: number }>();
  const keyOfTask = new Map<string, string>();
  return {
    get: async (key) => structuredClone(entries.get(key)),
    put: async (key, entry, revision) => {
      if (entries.get(key)?.revision !== revision) return 'stale';
      if ('predictionId' in entry) {
        if ((keyOfTask.get(entry.predictionId) ?? key) !== key) return 'taken';
        keyOfTask.set(entry.predictionId, key);
      }
      const next = (revision ?? 0) + 1;
      entries.set(key, { entry: structuredClone(entry), revision: next });
      return next;
    },
  };
}
