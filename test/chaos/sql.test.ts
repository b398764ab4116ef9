// The short form of the chaos runs on a database. `npm run chaos:sql` kills 200 processes on PostgreSQL.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sqlJournal } from 'wavespeed-kling/sql';
import { createTables, openBetterSqlite, openPostgres, type TestDatabase } from '../sql/databases.js';
import { hasPostgres, startPostgres } from '../sql/postgres-server.mjs';
import { runChaos } from './chaos.js';

const KILLS = Number(process.env.CHAOS_KILLS ?? 8);
const SEED = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));

async function holds(database: TestDatabase, target: string): Promise<void> {
  const { query, dialect } = database;
  await createTables(database);
  const keys = KILLS * 2;
  const store = {
    target,
    processes: 3,
    writers: [],
    leftOut: [],
    harms: {},
    isHarmed: () => false,
    repair: async () => undefined,
    open: () => sqlJournal(query, { dialect }),
  };
  const report = await runChaos(store, { kills: KILLS, keys, prompts: Math.ceil(keys / 2), seed: SEED });
  if (process.env.CHAOS_KILLS !== undefined) process.stdout.write(`${JSON.stringify(report)}\n`);
  expect(report, `CHAOS_SEED=${SEED}`).toMatchObject({ failures: [], tasks: keys, claimed: keys });
  // The first process is killed with a POST in flight, whatever the machine does.
  expect(report.killsInFlight).toBeGreaterThan(0);
}

describe('pays once for each key while processes and the service fail at random', () => {
  test.skipIf(!hasPostgres())(
    'on PostgreSQL',
    async () => {
      const server = await startPostgres();
      const database = openPostgres(server.url);
      try {
        await holds(database, server.url);
      } finally {
        await database.close();
        await server.stop();
      }
    },
    1_800_000,
  );

  test('on a file of SQLite', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sql-chaos-'));
    const target = join(folder, 'journal.db');
    const database = openBetterSqlite(target);
    try {
      await holds(database, target);
    } finally {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 1_800_000);
});
