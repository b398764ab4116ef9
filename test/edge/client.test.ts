// The client on an edge runtime: without Node's modules and globals, over the runtime's fetch.
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type * as root from 'wavespeed-kling';
import type * as webhooks from 'wavespeed-kling/webhooks';
import { type Emulator, signWebhook, startEmulator } from 'wavespeed-kling/testing';
import { bundleForEdge, runOnEdge } from './support.js';

type Program = typeof root & typeof webhooks;

const PROGRAM = `
  export * from './src/index.ts';
  export { createWebhookReceiver } from './src/webhooks.ts';`;

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let emulator: Emulator;
let edge: Program;
beforeEach(async () => {
  emulator = await startEmulator({ queueMs: 5, processingMs: 10 });
  edge = await runOnEdge<Program>(PROGRAM);
});
afterEach(() => emulator.close());

function createClient(options: root.WaveSpeedKlingOptions = {}): root.WaveSpeedKling {
  const { apiKey, url } = emulator;
  return new edge.WaveSpeedKling({ apiKey, baseUrl: url, pollIntervalMs: 10, ...options });
}

describe('the client on an edge runtime', () => {
  test('waits for two tasks at once, one of them with a Blob, and receives a webhook', async () => {
    const kling = createClient();
    const image = new Blob([Buffer.from(PIXEL, 'base64')], { type: 'image/png' });
    const [fox, heron] = await Promise.all([
      kling.run(edge.KLING_O3_STD, { prompt: 'A fox', images: [image] }),
      kling.run(edge.KLING_O3_STD, { prompt: 'A heron' }),
    ]);
    expect(fox).toMatchObject({ status: 'completed', outputs: [expect.any(String)] });
    expect(heron).toMatchObject({ status: 'completed', outputs: [expect.any(String)] });
    expect(emulator.requestCount({ operation: 'submit' })).toBe(2);

    const events: string[] = [];
    const secret = await kling.webhookSecret();
    const receiver = edge.createWebhookReceiver({ secret, onEvent: ({ id }) => void events.push(id) });
    const body = JSON.stringify(fox);
    const headers = { ...signWebhook(body, secret) };
    const request = new Request('https://example.com', { method: 'POST', headers, body });
    expect((await receiver.fetch(request)).status).toBe(200);
    expect(events).toEqual([fox.id]);
    expect(emulator.keyLeaks).toEqual([]);
  });

  test('pays once for one idempotency key', async () => {
    const kling = createClient({ journal: edge.memoryJournal() });
    const make = () => kling.run(edge.KLING_O1, { prompt: 'A fox' }, { idempotencyKey: 'order-42' });
    const [first, second] = [await make(), await make()];
    expect(second.id).toBe(first.id);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
  });

  test('takes the key from `process.env` where there is one, and asks for it where there is none', async () => {
    expect(() => new edge.WaveSpeedKling()).toThrow('WAVESPEED_API_KEY');
    const env = { WAVESPEED_API_KEY: emulator.apiKey, WAVESPEED_BASE_URL: emulator.url };
    const withEnv = await runOnEdge<Program>(PROGRAM, { process: { env } });
    expect(await new withEnv.WaveSpeedKling().balance()).toBeGreaterThan(0);
  });

  test.each<[string, (kling: root.WaveSpeedKling) => unknown, string]>([
    ['a path to upload', (kling) => kling.upload('side.png'), 'Pass an https URL, a Blob or a File'],
    [
      'a file: URL in an input',
      (kling) => kling.run(edge.KLING_O1, { prompt: 'A fox', images: [new URL('file:///side.png')] }),
      'Pass an https URL, a Blob or a File',
    ],
    ['a download', (kling) => kling.download('https://example.com/1.mp4', './out'), 'Fetch `outputs[0]`'],
    ['a file journal', () => edge.fileJournal('./journal.jsonl'), 'sqlJournal'],
    [
      'a dispatcher',
      () => createClient({ dispatcher: { dispatch: () => true } }),
      '`dispatcher`: needs undici',
    ],
  ])('rejects %s with what to use, and sends nothing', async (_, call, message) => {
    const kling = createClient();
    const error = await Promise.resolve()
      .then(() => call(kling))
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(edge.ConfigurationError);
    expect((error as Error).message).toContain(message);
    expect(emulator.requests).toEqual([]);
  });

  test('sends nothing after it was closed', async () => {
    const kling = createClient();
    await kling.close();
    await expect(kling.balance()).rejects.toThrow('was closed');
  });
});

test('the client takes at most 90 kB on an edge, minified and gzipped', async () => {
  const code = await bundleForEdge(PROGRAM, true);
  expect(gzipSync(code, { level: 9 }).byteLength).toBeLessThanOrEqual(90_000);
});
