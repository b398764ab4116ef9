/** The entry `wavespeed-kling/sql`: a journal and a webhook store in PostgreSQL or SQLite. */
export { sqlJournal, type SqlJournal, type SqlOptions } from './journal.js';
export { sqlSchema } from './schema.js';
export type { SqlDialect, SqlQuery, SqlValue } from './statement.js';
export { sqlWebhookStore, type SqlWebhookStore } from './webhook-store.js';
