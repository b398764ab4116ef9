/** What every journal does: those of the package, and the recipe for SQL in docs/idempotency.md. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { transform } from 'esbuild';
import initSqlJs from 'sql.js';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { fileJournal, type Journal, type JournalEntry, memoryJournal } from 'wavespeed-kling';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Result {
  rows: Record<string, unknown>[];
  rowCount: number | null;
}
type Query = (sql: string, values: unknown[]) => Promise<Result>;

/** The blocks of the recipe, as a reader copies them. */
async function readRecipe(): Promise<{
  table: string;
  sqlJournal: (database: { query: Query }) => Journal;
}> {
  const page = await readFile(new URL('../../../docs/idempotency.md', import.meta.url), 'utf8');
  const recipe = page.slice(page.indexOf('## A journal in SQL'));
  const block = (language: string) =>
    recipe.split(`\`\`\`${language}\n`)[1]?.split('```')[0] ?? expect.fail(`no ${language} in the recipe`);
  const { code } = await transform(block('ts'), { loader: 'ts' });
  const module = await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`);
  return { table: block('sql'), sqlJournal: module.sqlJournal };
}

async function openSqlite(): Promise<Journal> {
  const { table, sqlJournal } = await readRecipe();
  const SQL = await initSqlJs();
  const database = new SQL.Database();
  closing.push(async () => database.close());
  database.run(table);
  const query: Query = async (sql, values) => {
    const statement = database.prepare(sql);
    try {
      statement.bind(Object.fromEntries(values.map((value, index) => [`$${index + 1}`, value])));
      const rows: Record<string, unknown>[] = [];
      while (statement.step()) rows.push(statement.getAsObject());
      return { rows, rowCount: database.getRowsModified() };
    } finally {
      statement.free();
    }
  };
  return sqlJournal({ query });
}

/** Takes seconds to start: all tests share it. */
let postgres: PGlite | undefined;
afterAll(() => postgres?.close());

async function openPostgres(): Promise<Journal> {
  const { table, sqlJournal } = await readRecipe();
  const database = (postgres ??= new PGlite());
  await database.exec(`DROP TABLE IF EXISTS kling_journal; ${table}`);
  return sqlJournal({
    query: async (sql, values) => {
      const { rows, affectedRows } = await database.query<Record<string, unknown>>(sql, values);
      return { rows, rowCount: affectedRows ?? null };
    },
  });
}

async function openFile(): Promise<Journal> {
  const directory = await mkdtemp(join(tmpdir(), 'journal-'));
  closing.push(() => rm(directory, { recursive: true }));
  const journal = fileJournal(join(directory, 'journal.jsonl'));
  closing.push(() => journal.close());
  return journal;
}

const common = { fingerprint: 'f', model: 'm', attempt: 1 };
const sending: JournalEntry = {
  ...common,
  state: 'sending',
  body: { prompt: 'Füchse im Schnee 🦊', images: [] },
  markedAt: '2026-01-01T00:00:00.000Z',
  sendBy: '2026-01-01T00:00:05.000Z',
};
const submitted = (predictionId: string): JournalEntry => ({ ...common, state: 'submitted', predictionId });

describe.each([
  ['memoryJournal', async () => memoryJournal()],
  ['fileJournal', openFile],
  ['the SQL recipe on SQLite', openSqlite],
  ['the SQL recipe on PostgreSQL', openPostgres],
])('%s', (_, open) => {
  test('returns what was written last, and a new revision for each write', { timeout: 60_000 }, async () => {
    const journal = await open();
    expect(await journal.get('a')).toBeUndefined();
    const first = await journal.put('a', sending);
    expect(await journal.get('a')).toEqual({ entry: sending, revision: first });
    const second = await journal.put('a', submitted('task-1'), first as number);
    expect(second).not.toBe(first);
    expect(await journal.get('a')).toEqual({ entry: submitted('task-1'), revision: second });
    expect(await journal.get('b')).toBeUndefined();
  });

  test('writes nothing for a revision that is not the stored one', { timeout: 60_000 }, async () => {
    const journal = await open();
    const first = (await journal.put('a', sending)) as number;
    const second = (await journal.put('a', submitted('task-1'), first)) as number;
    for (const revision of [undefined, first, second + 1]) {
      expect(await journal.put('a', submitted('task-2'), revision)).toBe('stale');
    }
    expect(await journal.put('b', sending, 1)).toBe('stale');
    expect(await journal.get('a')).toEqual({ entry: submitted('task-1'), revision: second });
    expect(await journal.get('b')).toBeUndefined();
  });

  test('gives a task to one key alone', { timeout: 60_000 }, async () => {
    const journal = await open();
    const a = (await journal.put('a', sending)) as number;
    const b = (await journal.put('b', sending)) as number;
    const results = await Promise.all([
      journal.put('a', submitted('task-1'), a),
      journal.put('b', submitted('task-1'), b),
    ]);
    expect(results.filter((result) => result === 'taken')).toHaveLength(1);
    expect(await journal.put('c', submitted('task-1'))).toBe('taken');
    // Its own key keeps it.
    const [owner, revision] = results[0] === 'taken' ? ['b', results[1]] : ['a', results[0]];
    const prediction = { id: 'task-1', status: 'completed' } as never;
    const ended: JournalEntry = { ...common, state: 'ended', predictionId: 'task-1', prediction };
    expect(await journal.put(owner, ended, revision as number)).toBeTypeOf('number');
    expect((await journal.get(owner))?.entry).toEqual(ended);
  });

  test('lets one of several writes at the same time through', { timeout: 60_000 }, async () => {
    const journal = await open();
    const race = async (revision?: number) => {
      const results = await Promise.all([1, 2, 3].map(() => journal.put('a', sending, revision)));
      expect(results.filter((result) => result === 'stale')).toHaveLength(2);
      return results.find((result) => typeof result === 'number') as number;
    };
    await race(await race());
  });
});
