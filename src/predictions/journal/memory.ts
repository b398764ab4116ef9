/** A journal in memory: the default. It does not survive the process. */
import type { Journal, StoredEntry } from './journal.js';

/**
 * Creates a journal that keeps idempotency keys as long as the process runs.
 *
 * @example
 * const kling = new WaveSpeedKling({ journal: memoryJournal() });
 */
export function memoryJournal(): Required<Journal> {
  const stored = new Map<string, StoredEntry>();
  const keyOfTask = new Map<string, string>();
  return {
    get: async (key) => structuredClone(stored.get(key)),
    put: async (key, entry, revision = 0) => {
      if ((stored.get(key)?.revision ?? 0) !== revision) return 'stale';
      if ('predictionId' in entry) {
        if ((keyOfTask.get(entry.predictionId) ?? key) !== key) return 'taken';
        keyOfTask.set(entry.predictionId, key);
      }
      stored.set(key, { entry: structuredClone(entry), revision: revision + 1 });
      return revision + 1;
    },
    find: async (predictionId) => keyOfTask.get(predictionId),
    entries: async function* () {
      for (const [key, { entry }] of stored) yield { key, entry: structuredClone(entry) };
    },
  };
}
