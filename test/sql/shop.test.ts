// A shop on one database and two processes: a submit in one, its webhook in the other, and the status from either.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { KLING_O1, WaveSpeedKling } from 'wavespeed-kling';
import { sqlJournal, sqlWebhookStore } from 'wavespeed-kling/sql';
import { type Emulator, signWebhook, startEmulator } from 'wavespeed-kling/testing';
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';
import { createTables, openPglite, type TestDatabase } from './databases.js';

let database: TestDatabase;
let emulator: Emulator;
beforeAll(async () => {
  [database, emulator] = await Promise.all([openPglite(), startEmulator({ queueMs: 1, processingMs: 1 })]);
  await createTables(database);
});
afterAll(async () => {
  await emulator?.close();
  await database?.close();
});

/** A process of the shop. */
function startProcess() {
  const { query, dialect } = database;
  const journal = sqlJournal(query, { dialect });
  const { apiKey, baseUrl } = emulator;
  const kling = new WaveSpeedKling({ apiKey, baseUrl, journal, pollIntervalMs: 60_000 });
  return { kling, journal, store: sqlWebhookStore(query, { dialect }) };
}

test('a webhook in one process settles the key of another, whose status needs no request', async () => {
  const [one, two] = [startProcess(), startProcess()];
  const { id } = await one.kling.submit(KLING_O1, { prompt: 'A fox' }, { idempotencyKey: 'order-1' });
  expect(await two.kling.lookup('order-1')).toMatchObject({ state: 'submitted', predictionId: id });

  const settled = vi.fn();
  const { kling, journal, store } = two;
  const receiver = createWebhookReceiver({
    secret: () => kling.webhookSecret(),
    store,
    journal,
    onEvent: async (event, { idempotencyKey }) => settled(idempotencyKey, await kling.settle(event)),
  });
  const outputs = ['https://cdn.example.com/video.mp4'];
  const body = JSON.stringify({ id, model: KLING_O1, status: 'completed', outputs });
  const headers = signWebhook(body, await kling.webhookSecret());
  const deliver = () =>
    receiver.fetch(new Request('https://shop.example/', { method: 'POST', headers, body }));
  expect((await deliver()).status).toBe(200);
  expect((await deliver()).status).toBe(200);
  expect(settled).toHaveBeenCalledExactlyOnceWith('order-1', 'order-1');

  const requests = emulator.requests.length;
  expect(await one.kling.lookup('order-1')).toMatchObject({ state: 'ended', prediction: { outputs } });
  const video = await one.kling.run(KLING_O1, { prompt: 'A fox' }, { idempotencyKey: 'order-1' });
  expect(video.outputs).toEqual(outputs);
  expect(emulator.requests.length).toBe(requests);
  const [row] = (await database.query('SELECT entry FROM kling_journal', [])) as { entry: string }[];
  expect(row?.entry).not.toContain('A fox');
  await one.kling.close();
  await two.kling.close();
});
