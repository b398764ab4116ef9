// What sqlJournal does beyond the promises of a journal: purging, pages, and what it rejects.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ConfigurationError, JournalError, type JournalEntry, type Prediction } from 'wavespeed-kling';
import { sqlJournal, sqlSchema, sqlWebhookStore } from 'wavespeed-kling/sql';
import { createTables, openBetterSqlite, openPglite, type TestDatabase } from './databases.js';

const BASE = { fingerprint: 'f', model: 'm', attempt: 1 };
const idle: JournalEntry = { ...BASE, state: 'idle', reason: '429' };
const submitted = (predictionId: string) => ({ ...BASE, state: 'submitted', predictionId }) as JournalEntry;
const ended = (predictionId: string): JournalEntry => ({
  ...BASE,
  state: 'ended',
  predictionId,
  prediction: { id: predictionId } as Prediction,
});

describe.each([
  { name: 'PGlite', open: openPglite },
  { name: 'better-sqlite3', open: openBetterSqlite },
])('on $name', ({ open }) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await open();
    await createTables(database);
  });
  afterAll(() => database?.close());
  beforeEach(async () => {
    await database.query('DELETE FROM kling_journal RETURNING key', []);
    await database.query('DELETE FROM kling_webhooks RETURNING id', []);
  });

  const journal = () => sqlJournal(database.query, { dialect: database.dialect });
  const age = (days: number) =>
    database.dialect === 'postgres'
      ? `now() - interval '${days} days'`
      : `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-${days} days')`;
  const setAge = (key: string, days: number) =>
    database.query(
      `UPDATE kling_journal SET updated_at = ${age(days)} WHERE key = '${key}' RETURNING key`,
      [],
    );

  test('purge removes ended and idle entries by their last change, and never an open one', async () => {
    const entries = { idle, submitted: submitted('s'), ended: ended('e'), fresh: ended('f') };
    for (const [key, entry] of Object.entries(entries)) await journal().put(key, entry);
    for (const key of ['idle', 'submitted', 'ended']) await setAge(key, 31);
    await setAge('fresh', 29);
    expect(await journal().purge({ olderThanDays: 30 })).toBe(2);
    expect(await journal().purge({ olderThanDays: 30 })).toBe(0);
    const left: string[] = [];
    for await (const { key } of journal().entries()) left.push(key);
    expect(left).toEqual(['fresh', 'submitted']);
    expect(await journal().put('idle', submitted('e'))).toBe(1);
  });

  test('purge counts from the last change, and removes more than one page', async () => {
    for (let index = 0; index < 1_200; index++) await journal().put(`key-${index}`, idle);
    await database.query(`UPDATE kling_journal SET updated_at = ${age(9)} RETURNING key`, []);
    await journal().put('key-7', idle, 1);
    expect(await journal().purge({ olderThanDays: 8 })).toBe(1_199);
  });

  test('entries reads every entry, also of several pages, while others are written', async () => {
    for (let index = 0; index < 1_001; index++) await journal().put(`key-${index}`, idle);
    const seen = new Set<string>();
    for await (const { key } of journal().entries()) {
      if (seen.size === 10) await journal().put('zzz', idle);
      seen.add(key);
    }
    expect(seen.size).toBe(1_002);
  });

  test('the table has columns for a person’s eyes', async () => {
    await journal().put('order-1042', submitted('task-1'));
    const [row] = (await database.query(
      'SELECT key, revision, state, prediction_id, created_at, updated_at FROM kling_journal',
      [],
    )) as Record<string, unknown>[];
    expect(row).toMatchObject({
      key: 'order-1042',
      revision: 1,
      state: 'submitted',
      prediction_id: 'task-1',
    });
    const times = [row?.created_at, row?.updated_at].map((time) => new Date(String(time)).getTime());
    for (const time of times) expect(Math.abs(time - Date.now())).toBeLessThan(10 * 60_000);
  });

  test('an entry that is not JSON is a JournalError that does not quote it', async () => {
    await journal().put('order', idle);
    await database.query("UPDATE kling_journal SET entry = 'sk-secret' RETURNING key", []);
    const error: unknown = await journal()
      .get('order')
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(JournalError);
    expect(String(error)).toContain('"order" in kling_journal is not JSON');
    expect(String(error)).not.toContain('secret');
  });

  test('a handled delivery is forgotten after its time: the next ones remove its row', async () => {
    const store = sqlWebhookStore(database.query, { dialect: database.dialect });
    await store.claim('old', 60_000);
    await store.complete('old');
    await database.query(`UPDATE kling_webhooks SET expires_at = ${age(1)} RETURNING id`, []);
    await store.claim('new', 60_000);
    await store.complete('new');
    expect(await database.query('SELECT id FROM kling_webhooks', [])).toEqual([{ id: 'new' }]);
  });

  test.each([0, 7.9, NaN, Infinity, undefined, '30'])(
    'purge rejects olderThanDays %s',
    async (olderThanDays) => {
      const call = journal().purge({ olderThanDays: olderThanDays as number });
      await expect(call).rejects.toThrow(ConfigurationError);
      await expect(call).rejects.toThrow('expected 8 or more');
    },
  );
});

describe('options', () => {
  const query = () => [];

  test.each([sqlJournal, sqlWebhookStore])('%o rejects what is not a query function', (create) => {
    expect(() => create({} as never, { dialect: 'postgres' })).toThrow(ConfigurationError);
    expect(() => create(undefined as never, { dialect: 'postgres' })).toThrow('expected a function');
  });

  test.each([sqlJournal, sqlWebhookStore])('%o rejects an unknown option', (create) => {
    expect(() => create(query as never, { dialect: 'postgres', schema: 'videos' } as never)).toThrow(
      ConfigurationError,
    );
  });

  test.each(['mysql', 'toString', undefined, 1])('the dialect %j is rejected', (dialect) => {
    expect(() => sqlJournal(query, { dialect: dialect as never })).toThrow("expected 'postgres' or 'sqlite'");
    expect(() => sqlWebhookStore(query, { dialect: dialect as never })).toThrow(ConfigurationError);
    expect(() => sqlSchema(dialect as never)).toThrow(ConfigurationError);
    expect(() => sqlJournal(query, undefined as never)).toThrow(ConfigurationError);
  });

  test('a query that returns the driver’s result in place of its rows is named', async () => {
    const journal = sqlJournal(() => ({ rows: [] }) as never, { dialect: 'postgres' });
    await expect(journal.get('order')).rejects.toThrow('expected an array of rows');
  });
});
