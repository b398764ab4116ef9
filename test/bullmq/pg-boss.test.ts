// The recipe of docs/scaling.md for Postgres and pg-boss, as it is printed there, on PGlite.
import { readFileSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import PgBoss from 'pg-boss';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Journal, type JournalEntry, KLING_O1, WaveSpeedKling } from 'wavespeed-kling';
import { startEmulator } from 'wavespeed-kling/testing';

const page = readFileSync(new URL('../../docs/scaling.md', import.meta.url), 'utf8');
const getSnippet = (firstWords: string) =>
  [...page.matchAll(/^```js\n([\s\S]*?)^```$/gm)].find(([, code]) => code?.startsWith(firstWords))?.[1] ?? '';
const journalSnippet = getSnippet('// create table');
const bossSnippet = getSnippet('const kling = new WaveSpeedKling({ journal: postgresJournal(pool)');

const table = /create table .*\)/.exec(journalSnippet)?.[0] ?? '';
/** Makes a function of a snippet, which may use the names. */
const compile = (code: string, ...names: string[]) => {
  const AsyncFunction = (async () => undefined).constructor as FunctionConstructor;
  return new AsyncFunction(...names, code) as (...values: unknown[]) => Promise<unknown>;
};

async function createJournal(): Promise<Journal> {
  const create = (await compile(`${journalSnippet}\nreturn postgresJournal;`)()) as (db: PGlite) => Journal;
  return create(pool);
}

const BASE = { fingerprint: 'f', model: 'm', attempt: 1 };
const idle: JournalEntry = { ...BASE, state: 'idle', reason: '429' };
const submitted = (predictionId: string): JournalEntry => ({ ...BASE, state: 'submitted', predictionId });

let pool: PGlite;
beforeAll(async () => {
  pool = await PGlite.create();
  await pool.exec(table);
}, 60_000);
afterAll(() => pool?.close());

test('the Postgres journal compares revisions, and gives a task to one key only', async () => {
  const journal = await createJournal();
  expect(await journal.get('one')).toBeUndefined();
  expect(await journal.put('one', idle, 1)).toBe('stale');
  expect(await journal.put('one', idle)).toBe(1);
  expect(await journal.put('one', idle)).toBe('stale');
  expect(await journal.put('one', submitted('t'), 1)).toBe(2);
  expect(await journal.get('one')).toEqual({ entry: submitted('t'), revision: 2 });
  expect(await journal.put('two', submitted('t'))).toBe('taken');
  expect(await journal.put('two', idle)).toBe(1);
  expect(await journal.put('two', submitted('t'), 1)).toBe('taken');
});

test('the pg-boss recipe makes one task for a job whose first attempt failed after its submit', async () => {
  const emulator = await startEmulator({ queueMs: 1, processingMs: 1 });
  const { apiKey, baseUrl } = emulator;
  // The submit is accepted and stored; the first poll says that the key was revoked.
  emulator.fail({ on: 'result', kind: 'status', status: 401 });
  class Client extends WaveSpeedKling {
    constructor(options: object) {
      super({ apiKey, baseUrl, pollIntervalMs: 20, ...options });
    }
  }
  const boss = new PgBoss({
    db: {
      executeSql: async (text, values) =>
        values?.length > 0 ? pool.query(text, values) : ((await pool.exec(text)).at(-1) ?? { rows: [] }),
    },
    supervise: false,
    schedule: false,
  });
  const journal = await createJournal();
  await boss.start();
  try {
    const recipe = compile(
      `${bossSnippet}\nreturn id;`,
      'pool',
      'boss',
      'WaveSpeedKling',
      'KLING_O1',
      'postgresJournal',
    );
    const id = (await recipe(pool, boss, Client, KLING_O1, () => journal)) as string;
    await vi.waitFor(async () => expect((await boss.getJobById('videos', id))?.state).toBe('completed'), {
      timeout: 30_000,
      interval: 100,
    });
    const job = await boss.getJobById('videos', id);
    expect(job?.retryCount).toBe(1);
    expect(job?.output).toMatchObject({ id: emulator.account.tasks[0]?.id, status: 'completed' });
    expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
  } finally {
    await boss.stop({ graceful: false });
    await emulator.close();
  }
}, 60_000);
