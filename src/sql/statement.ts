/** Runs statements through the caller's `query`, with the placeholders and the clock of its dialect. */
import { checkNames } from '../core/validate-options.js';
import { ConfigurationError } from '../index.js';

/** PostgreSQL, or SQLite 3.35 or later (better-sqlite3, `node:sqlite`, D1, libsql). */
export type SqlDialect = 'postgres' | 'sqlite';

/** A value that is bound to a placeholder. */
export type SqlValue = string | number | null;

/**
 * Runs one statement, and returns its rows. Each statement may use another connection.
 *
 * @example
 * const query: SqlQuery = async (sql, values) => (await pool.query(sql, values)).rows; // pg
 */
export type SqlQuery = (
  sql: string,
  values: SqlValue[],
) => PromiseLike<readonly unknown[]> | readonly unknown[];

/** A part of a statement, with the values of its placeholders. */
export interface Fragment {
  parts: readonly string[];
  values: readonly SqlValue[];
}

export type Row = Readonly<Record<string, unknown>>;

const raw = (text: string): Fragment => ({ parts: [text], values: [] });

/** The database's clock: the machines that share a table need not agree on the time. */
const DIALECTS = {
  postgres: {
    placeholder: (number: number) => `$${number}`,
    later: (interval: string): Fragment => ({
      parts: ['(now() + CAST(', ' AS interval))'],
      values: [interval],
    }),
    now: raw('now()'),
    skipLocked: raw('FOR UPDATE SKIP LOCKED'),
  },
  sqlite: {
    // better-sqlite3 takes no numbered placeholders.
    placeholder: () => '?',
    later: (interval: string): Fragment => ({
      parts: ["strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ", ')'],
      values: [interval],
    }),
    now: raw("strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"),
    skipLocked: raw(''),
  },
};

export interface Database {
  /** Runs a statement: `` run`SELECT … WHERE key = ${key}` ``. */
  run: (strings: TemplateStringsArray, ...values: (SqlValue | Fragment)[]) => Promise<Row[]>;
  now: Fragment;
  /** Rows that another statement works on are left out. */
  skipLocked: Fragment;
  /** The time in some milliseconds, or before them if the number is negative. */
  later: (ms: number) => Fragment;
}

export function checkDialect(caller: string, dialect: unknown): SqlDialect {
  if (typeof dialect === 'string' && Object.hasOwn(DIALECTS, dialect)) return dialect as SqlDialect;
  const given = typeof dialect === 'string' ? JSON.stringify(dialect) : typeof dialect;
  throw new ConfigurationError(`${caller}: \`dialect\`: got ${given}; expected 'postgres' or 'sqlite'.`);
}

export function connect(caller: string, query: SqlQuery, options: { dialect: unknown }): Database {
  if (typeof query !== 'function') {
    throw new ConfigurationError(
      `${caller}: expected a function such as async (sql, values) => (await pool.query(sql, values)).rows.`,
    );
  }
  const dialect = checkDialect(caller, options?.dialect);
  checkNames(options, ['dialect']);
  const { placeholder, later, now, skipLocked } = DIALECTS[dialect];
  const run: Database['run'] = async (strings, ...given) => {
    let sql = '';
    const values: SqlValue[] = [];
    const add = (parts: readonly string[], inner: readonly (SqlValue | Fragment)[]) => {
      for (const [index, part] of parts.entries()) {
        sql += part;
        const value = inner[index];
        if (value === undefined) continue;
        if (typeof value === 'object' && value !== null) add(value.parts, value.values);
        else sql += placeholder(values.push(value));
      }
    };
    add(strings, given);
    const rows: unknown = await query(sql.replace(/\s+/g, ' ').trim(), values);
    if (Array.isArray(rows)) return rows as Row[];
    throw new ConfigurationError(
      `${caller}: \`query\` returned ${typeof rows}; expected an array of rows, such as (await pool.query(sql, values)).rows.`,
    );
  };
  return { run, now, skipLocked, later: (ms) => later(`${ms / 1000} seconds`) };
}

/** PostgreSQL stores neither NUL nor lone surrogates, and keys that differ must stay different. */
export const toText = (text: string): string =>
  text.replace(/[\\\0\p{Surrogate}]/gu, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

export const fromText = (text: string): string =>
  text.replace(/\\u([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
