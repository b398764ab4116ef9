/** Checks that an emulator that runs for long does not fill the memory, and still adds up. */
import { expect, test } from 'vitest';
import { createEmulator, ManualClock } from '../../src/testing/index.js';
import { O3 } from './support.js';

const HOURS = 60 * 60 * 1000;
const headers = { authorization: 'Bearer key' };

test('keeps the latest 10,000 tasks and 5,000 requests of an operation, and counts and charges them all', async () => {
  const clock = new ManualClock();
  const emulator = createEmulator({
    clock,
    balance: 100_000,
    queueMs: 0,
    processingMs: 0,
    failWith: 'content moderation',
  });
  const submit = async (): Promise<string> => {
    const body = '{"prompt":"x","duration":3}';
    const response = await emulator.fetch(`https://api/api/v3/${O3}`, { method: 'POST', headers, body });
    return ((await response.json()) as { data: { id: string } }).data.id;
  };
  const poll = (id: string) => emulator.fetch(`https://api/api/v3/predictions/${id}`, { headers });

  const first = await submit();
  emulator.task(first).set({ status: 'processing' });
  for (let count = 1; count < 10_009; count += 1) await submit();
  // A task that runs is kept, however old it is, and so are those after it.
  expect((await poll(first)).status).toBe(200);
  expect(emulator.account.tasks).toHaveLength(10_009);

  emulator.task(first).fail();
  await submit();
  expect(emulator.account.tasks).toHaveLength(10_000);
  expect(emulator.requests.filter(({ operation }) => operation === 'submit')).toHaveLength(5000);
  expect(emulator.requests.filter(({ operation }) => operation === 'result')).toHaveLength(1);
  expect(emulator.requestCount({ operation: 'submit' })).toBe(10_010);
  expect(emulator.requestCount()).toBe(10_011);
  expect((await poll(first)).status).toBe(404);
  expect(emulator.account.charged).toBe(2522.52);
  expect(emulator.account.refunded).toBe(0);
  clock.advance(3 * HOURS);
  expect(emulator.account.refunded).toBe(2522.52);
  expect(emulator.account.balance).toBe(100_000);
  emulator.clearRequests();
  expect(emulator.requestCount()).toBe(0);
});

test('keeps the bytes of the latest 256 MB of uploads, and the size of the others', async () => {
  const emulator = createEmulator();
  const content = new Uint8Array(90 * 1024 * 1024);
  for (let count = 0; count < 3; count += 1) {
    const body = new FormData();
    body.append('file', new Blob([content], { type: 'video/mp4' }), 'a.mp4');
    const url = 'https://api/api/v3/media/upload/binary';
    expect((await emulator.fetch(url, { method: 'POST', headers, body })).status).toBe(200);
  }
  expect(emulator.uploads.map(({ size }) => size)).toEqual(Array(3).fill(content.byteLength));
  const kept = emulator.uploads.map(({ bytes }) => bytes.byteLength);
  expect(kept).toEqual([0, content.byteLength, content.byteLength]);
  const statuses = emulator.uploads.map(async ({ url }) => (await emulator.fetch(url)).status);
  expect(await Promise.all(statuses)).toEqual([410, 200, 200]);
});
