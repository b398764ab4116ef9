// What only a real server shows: a crash in mid-put, connections that race for the schema, statements without a session.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JournalEntry } from 'wavespeed-kling';
import { sqlJournal, sqlSchema } from 'wavespeed-kling/sql';
import { createTables, openPostgres, type TestDatabase } from './databases.js';
import { hasPostgres, type PostgresServer, startPostgres } from './postgres-server.mjs';

const idle = (reason: string): JournalEntry => ({
  fingerprint: 'f',
  model: 'm',
  attempt: 1,
  state: 'idle',
  reason,
});

describe.skipIf(!hasPostgres())('on a PostgreSQL server', () => {
  let server: PostgresServer;
  let database: TestDatabase;
  beforeAll(async () => {
    server = await startPostgres();
    database = openPostgres(server.url);
  });
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });

  test('20 programs that start at once create the tables, and again later', async () => {
    const programs = Array.from({ length: 20 }, () => openPostgres(server.url));
    await Promise.all(programs.map((program) => createTables(program)));
    await createTables(database);
    await Promise.all(programs.map(({ close }) => close()));
    const tables = await database.query(
      "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'kling%' ORDER BY 1",
      [],
    );
    expect(tables).toEqual([{ table_name: 'kling_journal' }, { table_name: 'kling_webhooks' }]);
  });

  test('no statement needs a transaction or a session', async () => {
    const statements: string[] = [];
    const journal = sqlJournal(
      (sql, values) => {
        statements.push(sql);
        return database.query(sql, values);
      },
      { dialect: 'postgres' },
    );
    const revision = await journal.put('statements', idle('a'));
    await journal.put('statements', idle('b'), Number(revision));
    await journal.get('statements');
    await journal.find('none');
    await journal.purge({ olderThanDays: 8 });
    for await (const { key } of journal.entries()) expect(key).toBeTypeOf('string');
    expect(statements.length).toBeGreaterThan(5);
    for (const sql of [...statements, ...sqlSchema('postgres')]) {
      expect(sql).toMatch(/^(?:SELECT|INSERT|UPDATE|DELETE|DO) /);
    }
  });

  test('an entry that put has confirmed is there after a crash in mid-put, and no other', async () => {
    await createTables(database);
    const journal = sqlJournal(database.query, { dialect: 'postgres' });
    const confirmed = new Map<string, number>();
    const tried = new Map<string, number>();
    let isRunning = true;
    /** Writes one key again and again; a failed write may or may not have been stored. */
    const write = async (key: string) => {
      while (isRunning) {
        const revision = confirmed.get(key);
        tried.set(key, (revision ?? 0) + 1);
        const result = await journal
          .put(key, idle(String((revision ?? 0) + 1)), revision)
          .catch(() => undefined);
        if (typeof result !== 'number') return;
        confirmed.set(key, result);
      }
    };
    const keys = Array.from({ length: 20 }, (_, index) => `crash-${index}`);
    for (let crash = 0; crash < 3; crash++) {
      isRunning = true;
      const writers = keys.map((key) => write(key));
      const written = () => [...confirmed.values()].reduce((sum, revision) => sum + revision, 0);
      const before = written();
      while (written() < before + 200) await new Promise((resolve) => setTimeout(resolve, 5));
      await server.crash();
      isRunning = false;
      await Promise.all(writers);
      await server.start();
      for (const key of keys) {
        const stored = await journal.get(key);
        const revision = stored?.revision ?? 0;
        expect(revision).toBeGreaterThanOrEqual(confirmed.get(key) ?? 0);
        expect(revision).toBeLessThanOrEqual(tried.get(key) ?? 0);
        if (stored !== undefined) expect(stored.entry).toEqual(idle(String(revision)));
        if (stored !== undefined) confirmed.set(key, revision);
      }
    }
  });
});
