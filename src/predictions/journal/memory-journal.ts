/** A journal in memory: the default. It does not survive the process. */
import { EntryTable } from './entry-table.js';
import type { Journal } from './journal.js';

/**
 * Creates a journal that keeps idempotency keys as long as the process runs.
 *
 * @example
 * const kling = new WaveSpeedKling({ journal: memoryJournal() });
 */
export function memoryJournal(): Required<Journal> {
  const table = new EntryTable();
  return {
    get: async (key) => table.get(key),
    put: async (key, entry, revision) => table.put(key, entry, revision),
    find: async (predictionId) => table.find(predictionId),
    entries: async function* () {
      for (const [key, { entry }] of table) yield { key, entry: structuredClone(entry) };
    },
  };
}
