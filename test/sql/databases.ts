/** The databases that the tests run on: each as users connect to it. */
import { PGlite } from '@electric-sql/pglite';
import BetterSqlite from 'better-sqlite3';
import pg from 'pg';
import { type SqlDialect, type SqlQuery, sqlSchema } from 'wavespeed-kling/sql';

export interface TestDatabase {
  dialect: SqlDialect;
  query: SqlQuery;
  close: () => unknown;
}

export async function openPglite(): Promise<TestDatabase> {
  const database = await PGlite.create();
  return {
    dialect: 'postgres',
    query: async (sql, values) => (await database.query<Record<string, unknown>>(sql, values)).rows,
    close: () => database.close(),
  };
}

export function openBetterSqlite(path = ':memory:'): TestDatabase {
  // On a slow machine, another process may have the lock for more than the default of 5 seconds.
  const database = new BetterSqlite(path, { timeout: 120_000 });
  database.pragma('synchronous = FULL');
  return {
    dialect: 'sqlite',
    query: (sql, values) => {
      const statement = database.prepare(sql);
      return statement.reader ? statement.all(...values) : (statement.run(...values), []);
    },
    close: () => database.close(),
  };
}

/** The part of `node:sqlite` that is used: the types of Node 20 do not have it. */
interface NodeSqlite {
  DatabaseSync: new (path: string) => {
    exec(sql: string): void;
    prepare(sql: string): { all(...values: unknown[]): Record<string, unknown>[] };
    close(): void;
  };
}

/** Node's own, from 22.13 on. */
export const hasNodeSqlite = () => process.getBuiltinModule?.('node:sqlite') !== undefined;

export function openNodeSqlite(path = ':memory:'): TestDatabase {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite') as unknown as NodeSqlite;
  const database = new DatabaseSync(path);
  database.exec('PRAGMA busy_timeout = 120000');
  return {
    dialect: 'sqlite',
    query: (sql, values) => database.prepare(sql).all(...values),
    close: () => database.close(),
  };
}

/** Each statement may use another connection. */
export function openPostgres(url: string): TestDatabase {
  const pool = new pg.Pool({ connectionString: url });
  // A connection that breaks while nobody uses it.
  pool.on('error', () => undefined);
  return {
    dialect: 'postgres',
    query: async (sql, values) => (await pool.query<Record<string, unknown>>(sql, values)).rows,
    close: () => pool.end(),
  };
}

export async function createTables({ dialect, query }: TestDatabase): Promise<void> {
  for (const statement of sqlSchema(dialect)) await query(statement, []);
}
