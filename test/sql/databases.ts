/** The databases that the tests run on: each as users connect to it. */
import { PGlite } from '@electric-sql/pglite';
import BetterSqlite from 'better-sqlite3';
import type { SqlDialect, SqlQuery } from 'wavespeed-kling/sql';

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
  const database = new BetterSqlite(path);
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
