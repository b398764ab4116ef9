/** The statements that create the tables. */
import { checkDialect, type SqlDialect } from './statement.js';

const SQLITE_NOW = "DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))";

const table = (name: string, columns: readonly string[]) =>
  `CREATE TABLE IF NOT EXISTS ${name} (\n  ${columns.join(',\n  ')}\n)`;

const TABLES = (time: string, now: string) => [
  table('kling_journal', [
    'key TEXT PRIMARY KEY',
    'revision INTEGER NOT NULL',
    'state TEXT NOT NULL',
    'prediction_id TEXT UNIQUE',
    'entry TEXT NOT NULL',
    `created_at ${time} NOT NULL ${now}`,
    `updated_at ${time} NOT NULL ${now}`,
  ]),
  table('kling_webhooks', [
    'id TEXT PRIMARY KEY',
    'state TEXT NOT NULL',
    // The end of a lease, or when a handled delivery may be forgotten.
    `expires_at ${time} NOT NULL`,
  ]),
];

const INDEXES = [
  'CREATE INDEX IF NOT EXISTS kling_journal_updated_at ON kling_journal (updated_at)',
  'CREATE INDEX IF NOT EXISTS kling_webhooks_expires_at ON kling_webhooks (expires_at)',
];

/** Two programs that start at once may create the same thing: PostgreSQL then fails in spite of IF NOT EXISTS. */
const tolerant = (statement: string) =>
  `DO $$ BEGIN\n${statement};\nEXCEPTION WHEN unique_violation OR duplicate_table OR duplicate_object THEN NULL;\nEND $$`;

/**
 * Returns the statements that create `kling_journal` and `kling_webhooks`, to be run one by one. They can be run
 * repeatedly, also by several programs at the same time.
 *
 * @throws {ConfigurationError} for an unknown dialect.
 * @example
 * for (const statement of sqlSchema('postgres')) await pool.query(statement);
 */
export function sqlSchema(dialect: SqlDialect): string[] {
  if (checkDialect('sqlSchema', dialect) === 'sqlite') return [...TABLES('TEXT', SQLITE_NOW), ...INDEXES];
  return [...TABLES('TIMESTAMPTZ', 'DEFAULT now()'), ...INDEXES].map(tolerant);
}
