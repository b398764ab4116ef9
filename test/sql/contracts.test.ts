// The journal and the webhook store of wavespeed-kling/sql keep the promises of their interfaces on every database.
import { afterAll, beforeAll, describe, test } from 'vitest';
import { sqlJournal, sqlSchema, sqlWebhookStore } from 'wavespeed-kling/sql';
import { journalTests, webhookStoreTests } from 'wavespeed-kling/testing';
import { openBetterSqlite, openPglite, type TestDatabase } from './databases.js';

describe.each([
  { name: 'PGlite', open: openPglite },
  { name: 'better-sqlite3', open: openBetterSqlite },
])('on $name', ({ open }) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await open();
    for (const statement of sqlSchema(database.dialect)) await database.query(statement, []);
  }, 60_000);
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
