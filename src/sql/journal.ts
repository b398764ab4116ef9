/** A journal of idempotency keys in a table. */
import { ConfigurationError, type Journal, type JournalEntry, JournalError } from '../index.js';
import {
  connect,
  type Database,
  fromText,
  type Row,
  type SqlDialect,
  type SqlQuery,
  toText,
} from './statement.js';

/** Options of `sqlJournal` and `sqlWebhookStore`. */
export interface SqlOptions {
  dialect: SqlDialect;
}

/** A journal in a table: `kling_journal`. */
export interface SqlJournal extends Journal {
  /** Returns the key of a task. */
  find(predictionId: string): Promise<string | undefined>;
  /** Yields every entry, in the order of the keys. Reads 500 at a time. */
  entries(): AsyncIterable<{ key: string; entry: JournalEntry }>;
  /**
   * Removes the entries that have not changed for `olderThanDays`, if their task has ended or they are proven to have none.
   * Open entries are never removed. A key without an entry is a new key.
   *
   * @returns The number of removed entries.
   * @throws {ConfigurationError} for less than 8 days: the service keeps a task for 7 days.
   */
  purge(options: { olderThanDays: number }): Promise<number>;
}

const MIN_DAYS = 8;
const DAY_MS = 24 * 60 * 60_000;
/** Keeps each statement short. */
const PAGE_SIZE = 500;

/**
 * Creates a journal in the table `kling_journal` of `sqlSchema`. It is as durable as the database. `query` must not run
 * inside a transaction: a rollback would remove the mark of a task that was paid for.
 *
 * @throws {ConfigurationError} for a bad option.
 * @example
 * const query = async (sql, values) => (await pool.query(sql, values)).rows;
 * for (const statement of sqlSchema('postgres')) await query(statement, []);
 * const kling = new WaveSpeedKling({ journal: sqlJournal(query, { dialect: 'postgres' }) });
 */
export function sqlJournal(query: SqlQuery, options: SqlOptions): SqlJournal {
  const database = connect('sqlJournal', query, options);
  const { run } = database;
  return {
    async get(key) {
      const [row] = await run`SELECT entry, revision FROM kling_journal WHERE key = ${toText(key)}`;
      return row && { entry: parseEntry(key, row), revision: Number(row.revision) };
    },
    put: (key, entry, revision) => put(database, key, entry, revision),
    async find(predictionId) {
      const [row] = await run`SELECT key FROM kling_journal WHERE prediction_id = ${toText(predictionId)}`;
      return row && fromText(String(row.key));
    },
    async *entries() {
      let last = '';
      for (;;) {
        const rows = await run`
          SELECT key, entry FROM kling_journal WHERE key > ${last} ORDER BY key LIMIT ${PAGE_SIZE}`;
        for (const row of rows) {
          last = String(row.key);
          const key = fromText(last);
          yield { key, entry: parseEntry(key, row) };
        }
        if (rows.length < PAGE_SIZE) return;
      }
    },
    purge: (purgeOptions) => purge(database, purgeOptions?.olderThanDays),
  };
}

async function put(
  { run, now }: Database,
  givenKey: string,
  entry: JournalEntry,
  revision: number | undefined,
): Promise<number | 'stale' | 'taken'> {
  const key = toText(givenKey);
  const id = 'predictionId' in entry ? toText(entry.predictionId) : null;
  const text = JSON.stringify(entry);
  const isTaken = async () => {
    const rows = await run`SELECT key FROM kling_journal WHERE prediction_id = ${id} AND key <> ${key}`;
    return rows.length > 0;
  };
  if (revision === undefined) {
    const [row] = await run`
      INSERT INTO kling_journal (key, revision, state, prediction_id, entry)
      VALUES (${key}, 1, ${entry.state}, ${id}, ${text}) ON CONFLICT DO NOTHING RETURNING revision`;
    if (row !== undefined) return Number(row.revision);
    const existing = await run`SELECT revision FROM kling_journal WHERE key = ${key}`;
    return existing.length === 0 && (await isTaken()) ? 'taken' : 'stale';
  }
  try {
    const [row] = await run`
      UPDATE kling_journal SET revision = revision + 1, state = ${entry.state}, prediction_id = ${id},
        entry = ${text}, updated_at = ${now}
      WHERE key = ${key} AND revision = ${revision} RETURNING revision`;
    return row === undefined ? 'stale' : Number(row.revision);
  } catch (error) {
    // The column is unique. Each driver has its own error for that.
    if (id !== null && (await isTaken().catch(() => false))) return 'taken';
    throw error;
  }
}

async function purge({ run, later }: Database, olderThanDays: unknown): Promise<number> {
  if (typeof olderThanDays !== 'number' || !Number.isFinite(olderThanDays) || olderThanDays < MIN_DAYS) {
    const given = typeof olderThanDays === 'number' ? olderThanDays : typeof olderThanDays;
    throw new ConfigurationError(
      `purge: \`olderThanDays\`: got ${given}; expected ${MIN_DAYS} or more: the service keeps a task for 7 days.`,
    );
  }
  let removed = 0;
  for (;;) {
    const before = later(-olderThanDays * DAY_MS);
    // The outer conditions again: an entry may have changed since it was selected.
    const rows = await run`
      DELETE FROM kling_journal WHERE state IN ('ended', 'idle') AND updated_at < ${before} AND key IN (
        SELECT key FROM kling_journal WHERE state IN ('ended', 'idle') AND updated_at < ${before} LIMIT ${PAGE_SIZE})
      RETURNING key`;
    removed += rows.length;
    if (rows.length < PAGE_SIZE) return removed;
  }
}

function parseEntry(key: string, { entry }: Row): JournalEntry {
  try {
    return JSON.parse(String(entry)) as JournalEntry;
  } catch {
    // The parser's error would quote the entry.
    throw new JournalError(`The entry of ${JSON.stringify(key)} in kling_journal is not JSON.`);
  }
}
