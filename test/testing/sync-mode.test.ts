/** Checks submits with `enable_sync_mode`: the response comes when the task has ended, or after the limit. */
import { expect, test } from 'vitest';
import { Client } from 'wavespeed';
import { createEmulator, type EmulatorCore, ManualClock } from '../../src/testing/index.js';
import { O3, started } from './support.js';

const client = (emulator: { apiKey: string; baseUrl: string }) =>
  new Client(emulator.apiKey, { baseUrl: emulator.baseUrl });

async function submitSync(emulator: EmulatorCore): Promise<{ status: string; code?: number; error: string }> {
  const response = await emulator.fetch(`https://api.wavespeed.ai/api/v3/${O3}`, {
    method: 'POST',
    headers: { authorization: 'Bearer key' },
    body: JSON.stringify({ prompt: 'x', enable_sync_mode: true }),
  });
  return ((await response.json()) as { data: { status: string; error: string } }).data;
}

test('the official client gets the outputs from the submit, with no poll', async () => {
  const emulator = await started({ queueMs: 5, processingMs: 5 });
  const { outputs } = await client(emulator).run(O3, { prompt: 'x' }, { enableSyncMode: true });
  expect(outputs).toEqual([`${emulator.url}/outputs/${emulator.account.tasks[0]?.id}/1.mp4`]);
  expect(emulator.requests.map((request) => request.operation)).toEqual(['submit']);
  expect(emulator.account.tasks[0]?.input).not.toHaveProperty('enable_sync_mode');
});

test('the official client sees the timeout of the sync mode, and the task continues', async () => {
  const emulator = await started({ processingMs: 60_000, syncLimitMs: 5 });
  await expect(client(emulator).run(O3, { prompt: 'x' }, { enableSyncMode: true })).rejects.toMatchObject({
    name: 'WavespeedSyncTimeoutException',
    taskId: emulator.account.tasks[0]?.id ?? expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  expect(emulator.account.tasks).toHaveLength(1);
  expect(emulator.account.charged).toBe(0.42);
});

test('a failed task is reported with its code', async () => {
  const emulator = createEmulator({
    queueMs: 0,
    processingMs: 0,
    failWith: 'content refused',
    failCode: 1200,
  });
  expect(await submitSync(emulator)).toMatchObject({
    status: 'failed',
    code: 1200,
    error: 'content refused',
  });
});

test('a manual clock decides when the response comes', async () => {
  const clock = new ManualClock();
  const emulator = createEmulator({ clock, queueMs: 1000, processingMs: 59_000 });
  let settled = false;
  const response = submitSync(emulator).finally(() => {
    settled = true;
  });
  await expect.poll(() => emulator.account.tasks.length).toBe(1);
  clock.advance(59_999);
  await new Promise((resolve) => setImmediate(resolve));
  expect(settled).toBe(false);
  clock.advance(1);
  expect(await response).toMatchObject({ status: 'completed' });
});

test('the limit responds with processing and the code 5004', async () => {
  const clock = new ManualClock();
  const emulator = createEmulator({ clock, processingMs: 600_000 });
  const response = submitSync(emulator);
  await expect.poll(() => emulator.account.tasks.length).toBe(1);
  clock.advance(90_000);
  expect(await response).toMatchObject({
    status: 'processing',
    code: 5004,
    error: expect.stringContaining('Sync mode timed out'),
  });
});
