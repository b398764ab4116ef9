// The short form of the chaos runs on a database. `npm run chaos:sql` kills 200 processes on PostgreSQL.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openBetterSqlite, openPostgres } from '../sql/databases.js';
import { hasPostgres, startPostgres } from '../sql/postgres-server.mjs';
import { killProcesses, type SqlChaosReport } from './sql-kills.js';

const KILLS = Number(process.env.CHAOS_KILLS ?? 12);
const KEYS = KILLS * 2;
const OPTIONS = { processes: 3, kills: KILLS, keys: KEYS, prompts: Math.ceil(KEYS / 2) };

function check(report: SqlChaosReport): void {
  if (process.env.CHAOS_KILLS !== undefined) process.stdout.write(`${JSON.stringify(report)}\n`);
  expect(report.failures).toEqual([]);
  expect(report.tasks).toBe(KEYS);
  expect(report.claimed).toBe(KEYS);
  // A submit is killed with a chance of one in two as long as kills are left.
  expect(report.killsInFlight).toBeGreaterThan(0);
}

describe('processes that share a journal and are killed pay once for each key', () => {
  test.skipIf(!hasPostgres())(
    'on PostgreSQL',
    async () => {
      const server = await startPostgres();
      const database = openPostgres(server.url);
      try {
        check(await killProcesses({ ...OPTIONS, database, target: server.url }));
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
      check(await killProcesses({ ...OPTIONS, database, target }));
    } finally {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 1_800_000);
});
