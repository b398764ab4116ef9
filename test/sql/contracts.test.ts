// The journal and the webhook store of wavespeed-kling/sql keep the promises of their interfaces on every database.
import { afterAll, beforeAll, describe, test } from 'vitest';
import { sqlJournal, sqlWebhookStore } from 'wavespeed-kling/sql';
import { journalTests, webhookStoreTests } from 'wavespeed-kling/testing';
import {
  createTables,
  hasNodeSqlite,
  openBetterSqlite,
  openNodeSqlite,
  openPglite,
  openPostgres,
  type TestDatabase,
} from './databases.js';
import { hasPostgres, startPostgres } from './postgres-server.mjs';

/** A server, and a pool of connections to it. */
async function openServer(): Promise<TestDatabase> {
  const server = await startPostgres();
  const database = openPostgres(server.url);
  const close = async () => {
    await database.close();
    await server.stop();
  };
  return { ...database, close };
}

describe.each([
  ...(hasPostgres() ? [{ name: 'PostgreSQL', open: openServer }] : []),
  { name: 'PGlite', open: openPglite },
  { name: 'better-sqlite3', open: openBetterSqlite },
  ...(hasNodeSqlite() ? [{ name: 'node:sqlite', open: openNodeSqlite }] : []),
])('on $name', ({ open }) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await open();
    await createTables(database);
  });
  afterAll(() => database?.close());

  describe('sqlJournal', () => {
    for (const { name, run } of journalTests(() =>
      sqlJournal(database.query, { dialect: database.dialect }),
    )) {
      test(name, run, 60_000);
    }
  });

  describe('sqlWebhookStore', () => {
    for (const { name, run } of webhookStoreTests(() =>
      sqlWebhookStore(database.query, { dialect: database.dialect }),
    )) {
      test(name, run, 60_000);
    }
  });
});
