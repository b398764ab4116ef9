/** Checks `intercept()`: an application's own clients talk to the emulator, and no socket is opened. */
import diagnostics from 'node:diagnostics_channel';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  AuthenticationError,
  ConfigurationError,
  KLING_O3_STD,
  WaveSpeedKling,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import { createEmulator, type EmulatorCore, sampleVideo, startEmulator } from '../../src/testing/index.js';

const INPUT = { prompt: 'A paper boat', duration: 5 } as const;

let sockets = 0;
const count = () => {
  sockets += 1;
};

beforeEach(() => {
  sockets = 0;
  diagnostics.subscribe('net.client.socket', count);
  vi.stubEnv('WAVESPEED_API_KEY', undefined);
  vi.stubEnv('WAVESPEED_BASE_URL', undefined);
});
afterEach(() => {
  diagnostics.unsubscribe('net.client.socket', count);
});

function client(options?: WaveSpeedKlingOptions): WaveSpeedKling {
  const kling = new WaveSpeedKling({ pollIntervalMs: 5, ...options });
  onTestFinished(() => kling.close());
  return kling;
}

function intercepted(emulator: EmulatorCore = createEmulator()): EmulatorCore {
  onTestFinished(emulator.intercept());
  return emulator;
}

/** A server that counts what reaches it. */
async function outside(): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.writeHead(401, { 'content-type': 'application/json' }).end('{"code":401,"message":"no"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

describe('intercept', () => {
  test('opens no socket for a video from upload to download', async () => {
    const emulator = intercepted(createEmulator({ queueMs: 5, processingMs: 10 }));
    const directory = mkdtempSync(join(tmpdir(), 'intercept-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const image = new Blob([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')], { type: 'image/png' });
    const kling = client({ apiKey: 'a-key-of-the-application' });
    const video = await kling.run(KLING_O3_STD, { ...INPUT, images: [image] });
    const [file] = await kling.download(video, directory);
    expect(readFileSync(file?.path ?? '')).toEqual(Buffer.from(sampleVideo(INPUT)));
    expect(emulator.account.charged).toBe(0.42);
    expect(emulator.uploads).toHaveLength(1);
    expect(emulator.keyLeaks).toEqual([]);
    expect(sockets).toBe(0);
  });

  test('gives the key of the emulator to a client without one, only while it intercepts', async () => {
    expect(() => client()).toThrow(ConfigurationError);
    const emulator = createEmulator();
    const stop = emulator.intercept();
    const kling = client();
    expect(await kling.balance()).toBe(100);
    expect(emulator.requests[0]?.headers['authorization']).toBe(`Bearer ${emulator.apiKey}`);
    stop();
    expect(() => client()).toThrow(ConfigurationError);
    expect(sockets).toBe(0);
  });

  test.each<[string, WaveSpeedKlingOptions]>([
    ['another key', { apiKey: 'another-key-123456' }],
    ['another base URL', { apiKey: 'another-key-123456', baseUrl: 'http://10.0.0.1:9/gateway' }],
    ['a key that is a function', { apiKey: () => 'another-key-123456' }],
  ])('serves a client with %s, though the emulator accepts one key only', async (_what, options) => {
    const emulator = intercepted(
      createEmulator({ apiKey: 'the-only-key-123456', queueMs: 1, processingMs: 1 }),
    );
    const video = await client(options).run(KLING_O3_STD, INPUT);
    expect(video.status).toBe('completed');
    expect(emulator.account.tasks).toHaveLength(1);
    await expect(client({ ...options, fetch: emulator.fetch }).balance()).rejects.toThrow(
      AuthenticationError,
    );
    expect(sockets).toBe(0);
  });

  test('serves a client that was created before, and leaves it alone after stop()', async () => {
    const real = await outside();
    const kling = client({ apiKey: 'a-key-of-the-application', baseUrl: real.url });
    const stop = createEmulator({ balance: 7 }).intercept();
    expect(await kling.balance()).toBe(7);
    expect(real.requests).toHaveLength(0);
    stop();
    await expect(kling.balance()).rejects.toThrow(AuthenticationError);
    expect(real.requests).toEqual(['/api/v3/balance']);
    expect(sockets).toBeGreaterThan(0);
  });

  test('does not touch a client with its own fetch', async () => {
    const emulator = intercepted();
    const own = vi.fn<typeof fetch>(async () => Response.json({ code: 200, data: { balance: 3 } }));
    expect(await client({ apiKey: 'test-key-123456', fetch: own }).balance()).toBe(3);
    expect(own).toHaveBeenCalledOnce();
    expect(emulator.requests).toHaveLength(0);
  });

  test('does not touch the global fetch', async () => {
    const real = await outside();
    const emulator = intercepted();
    expect((await fetch(`${real.url}/api/v3/balance`)).status).toBe(401);
    expect(emulator.requests).toHaveLength(0);
  });

  test('of two emulators the last one is used, and the first one again after its end', async () => {
    const stopFirst = createEmulator({ balance: 1 }).intercept();
    const stopSecond = createEmulator({ balance: 2 }).intercept();
    const kling = client();
    expect(await kling.balance()).toBe(2);
    stopSecond();
    stopSecond();
    expect(await kling.balance()).toBe(1);
    stopFirst();
    expect(() => client()).toThrow(ConfigurationError);
  });

  test('applies the faults of the emulator: a lost response of a submit is found again', async () => {
    const emulator = intercepted(createEmulator({ queueMs: 1, processingMs: 1 }));
    emulator.fail({ on: 'submit', kind: 'reset', when: 'headers' });
    const submitting = client().submit(KLING_O3_STD, INPUT);
    await expect(submitting).rejects.toMatchObject({ name: 'SubmissionUnknownError' });
    expect(emulator.account.tasks).toHaveLength(1);
    expect(sockets).toBe(0);
  });

  test('also works for an emulator with a server, past its socket', async () => {
    const emulator = await startEmulator({ queueMs: 1, processingMs: 1 });
    onTestFinished(() => emulator.close());
    intercepted(emulator);
    await client().run(KLING_O3_STD, INPUT);
    expect(emulator.connections.made).toBe(0);
  });
});
