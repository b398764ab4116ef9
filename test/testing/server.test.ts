/** Checks the server: refused and accepted connections, idle connections, and close(). */
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Agent, request } from 'undici';
import { type Emulator, startEmulator } from '../../src/testing/index.js';
import { call, exchange, result, started, submit } from './support.js';

async function look(emulator: Emulator, dispatcher: Agent): Promise<number> {
  const response = await request(`${emulator.url}/api/v3/balance`, {
    dispatcher,
    headers: { authorization: 'Bearer k' },
  });
  await response.body.dump();
  return response.statusCode;
}

test('listens on 127.0.0.1 at a free port or the given one', async () => {
  const emulator = await started();
  expect(emulator.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(emulator.baseUrl).toBe(emulator.url);
  const { url } = emulator;
  await emulator.close();
  const again = await started({ port: Number(new URL(url).port) });
  expect(again.url).toBe(url);
});

test('refuseConnections() closes and refuses connections until acceptConnections()', async () => {
  const emulator = await started();
  const { id } = await submit(emulator);
  const { url } = emulator;
  emulator.fail({ on: 'submit', kind: 'hang', when: 'headers' });
  const hanging = exchange(emulator);
  await expect.poll(() => emulator.requestCount()).toBe(2);
  await emulator.refuseConnections();
  expect((await hanging).how).not.toBe('open');
  await expect(call(emulator, 'balance')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await emulator.refuseConnections();
  await emulator.acceptConnections();
  await emulator.acceptConnections();
  expect(emulator.url).toBe(url);
  expect((await result(emulator, id)).id).toBe(id);
});

test('closeIdleSockets() closes idle connections only', async () => {
  const emulator = await started();
  const dispatcher = new Agent({ connections: 1 });
  await look(emulator, dispatcher);
  expect(emulator.connections).toEqual({ made: 1, open: 1 });
  emulator.fail({ on: 'submit', kind: 'delay', ms: 200 });
  const busy = exchange(emulator);
  await expect.poll(() => emulator.requestCount({ operation: 'submit' }), { interval: 2 }).toBe(1);
  emulator.closeIdleSockets();
  expect((await busy).received).toMatch(/^HTTP\/1\.1 200/);
  await look(emulator, dispatcher);
  expect(emulator.connections.made).toBe(3);
  await dispatcher.close();
});

test('keepAliveTimeoutMs limits the time of an idle connection', async () => {
  const emulator = await started({ keepAliveTimeoutMs: 1 });
  const { received, how } = await exchange(emulator, { waitMs: 10_000, keepAlive: true });
  expect(how).toBe('fin');
  expect(received).toMatch(/^HTTP\/1\.1 200/);
});

test.each([
  { kind: 'hang', when: 'headers' },
  { kind: 'hang', when: 'body' },
  { kind: 'delay', ms: 3_600_000 },
  { kind: 'drip', ms: 3_600_000 },
] as const)('close() ends at once in the midst of %j', async (kind) => {
  const emulator = await startEmulator();
  emulator.fail({ on: 'submit', ...kind });
  const open = exchange(emulator, { waitMs: 3_600_000 });
  await expect.poll(() => emulator.requestCount()).toBe(1);
  await emulator.close();
  expect((await open).how).not.toBe('open');
});

test('close() closes idle connections and incomplete requests at once, and may be called again', async () => {
  const emulator = await startEmulator();
  const dispatcher = new Agent();
  await look(emulator, dispatcher);
  const half = connect(Number(new URL(emulator.url).port), '127.0.0.1');
  half.on('error', () => {});
  half.write('POST /api/v3/predictions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{');
  await expect.poll(() => emulator.connections.open).toBe(2);
  await emulator.close();
  await emulator.close();
  await expect(emulator.acceptConnections()).rejects.toThrow(/closed/);
  await dispatcher.destroy();
});

test('await using closes the emulator', async () => {
  const emulator = await startEmulator();
  await emulator[Symbol.asyncDispose]();
  await expect(call(emulator, 'balance')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('a submit that is cut off within its body has no effect', async () => {
  const emulator = await started();
  const socket = connect(Number(new URL(emulator.url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write(
    'POST /api/v3/kwaivgi/kling-video-o3-std/reference-to-video HTTP/1.1\r\nhost: x\r\n' +
      'authorization: Bearer k\r\ncontent-length: 14\r\n\r\n{"prompt":',
  );
  await expect.poll(() => emulator.requestCount()).toBe(1);
  socket.destroy();
  await expect.poll(() => emulator.connections.open).toBe(0);
  await pause(5);
  expect(emulator.account.tasks).toHaveLength(0);
});
