/** A journal in memory: the default. It does not survive the process. */
import type { Journal, JournalEntry, StoredEntry } from './journal.js';

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

class EntryTable {
  readonly #entries = new Map<string, StoredEntry>();
  readonly #keyOfTask = new Map<string, string>();

  get(key: string): StoredEntry | undefined {
    return structuredClone(this.#entries.get(key));
  }

  revisionOf(key: string): number | undefined {
    return this.#entries.get(key)?.revision;
  }

  put(key: string, entry: JournalEntry, revision: number | undefined): number | 'stale' | 'taken' {
    if (this.revisionOf(key) !== revision) return 'stale';
    const next = (revision ?? 0) + 1;
    return this.restore(key, { entry: structuredClone(entry), revision: next }) ? next : 'taken';
  }

  /** Returns false if another key has the same task. */
  restore(key: string, stored: StoredEntry): boolean {
    const { entry } = stored;
    if ('predictionId' in entry) {
      if ((this.#keyOfTask.get(entry.predictionId) ?? key) !== key) return false;
      this.#keyOfTask.set(entry.predictionId, key);
    }
    this.#entries.set(key, stored);
    return true;
  }

  find(predictionId: string): string | undefined {
    return this.#keyOfTask.get(predictionId);
  }

  [Symbol.iterator](): MapIterator<[string, StoredEntry]> {
    return this.#entries.entries();
  }
}
