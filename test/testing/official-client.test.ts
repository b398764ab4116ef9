/** Checks that the official client works on the emulator. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Client } from 'wavespeed';
import { O1, O3, started } from './support.js';

test.each([O1, O3])('run() completes a task of %s', async (model) => {
  const emulator = await started({ queueMs: 5, processingMs: 5 });
  const client = new Client(emulator.apiKey, { baseUrl: emulator.baseUrl });
  const { outputs } = await client.run(model, { prompt: 'A paper boat' }, { pollInterval: 0.01 });
  expect(outputs).toEqual([`${emulator.url}/outputs/${emulator.account.tasks[0]?.id}/1.mp4`]);
  expect(emulator.account.tasks).toHaveLength(1);
  expect(emulator.requests[0]?.headers).toMatchObject({ 'x-client-name': 'wavespeed-js' });
});

test('run() reports a failed task and a rejected submit', async () => {
  const emulator = await started({ queueMs: 0, processingMs: 0, failWith: 'content refused' });
  const client = new Client(emulator.apiKey, { baseUrl: emulator.baseUrl });
  await expect(client.run(O3, { prompt: 'x' }, { pollInterval: 0.01 })).rejects.toThrow(/content refused/);
  await expect(client.run(O3, { prompt: '' }, { pollInterval: 0.01 })).rejects.toThrow(/400.*prompt/);
});

test.each([
  ['side view.png', 'image/png'],
  ['voice.mp3', 'audio/mpeg'],
  ['voice.wav', 'audio/x-wav'],
  ['blob', 'application/octet-stream'],
])('upload() stores %s, and its URL serves it', async (filename, contentType) => {
  const emulator = await started();
  const directory = await mkdtemp(join(tmpdir(), 'emulator-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, filename);
  await writeFile(path, 'not really a picture');
  const client = new Client(emulator.apiKey, { baseUrl: emulator.baseUrl });
  const url = await client.upload(path);
  expect(await (await fetch(url)).text()).toBe('not really a picture');
  expect(emulator.uploads).toMatchObject([{ filename, via: 'ticket', contentType }]);
  expect(emulator.keyLeaks).toEqual([]);
});
