/** Checks the webhooks of the emulator: signed, once per task, and retried when rejected. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setupServer } from 'msw/node';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Emulator, ManualClock, startEmulator } from '../../src/testing/index.js';
import { call, type Data, O3, result, started } from './support.js';

interface Receiver {
  url: string;
  /** When the first one came. */
  first: Promise<void>;
  received: { headers: IncomingHttpHeaders; body: string; url: string | undefined }[];
}

/** Receives webhooks; answers with the statuses given, the last one for ever. 0 breaks the connection, -1 never answers. */
async function receiver(...statuses: number[]): Promise<Receiver> {
  const received: Receiver['received'] = [];
  let arrived: () => void = () => undefined;
  const first = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (piece: string) => {
      body += piece;
    });
    request.on('end', () => {
      const status = statuses[Math.min(received.length, statuses.length - 1)] ?? 204;
      received.push({ headers: request.headers, body, url: request.url });
      arrived();
      if (status === -1) return;
      if (status === 0) request.socket.destroy();
      else response.writeHead(status, { location: '/elsewhere' }).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received, first };
}

async function submitTo(emulator: Emulator, webhook: string): Promise<Data> {
  const path = `${O3}?webhook=${encodeURIComponent(webhook)}`;
  return (await call(emulator, path, { body: { prompt: 'x' } })).json.data;
}

test('a completed task sends its prediction, without an envelope and with its input, signed', async () => {
  const clock = new ManualClock();
  const emulator = await started({ clock, returnInput: false });
  const { url, received } = await receiver();
  const { id } = await submitTo(emulator, url);
  clock.advance(299);
  await emulator.settled();
  expect(received).toHaveLength(0);
  clock.advance(1);
  await emulator.settled();
  expect(received).toHaveLength(1);
  const { headers, body = '' } = received[0] ?? {};
  expect(JSON.parse(body)).toEqual({
    ...(await result(emulator, id)),
    status: 'completed',
    input: expect.objectContaining({ prompt: 'x' }),
  });
  expect(headers?.['content-type']).toBe('application/json');
  const stamp = String(headers?.['webhook-timestamp']);
  const hex = createHmac('sha256', emulator.webhookSecret.replace('whsec_', ''))
    .update(`${String(headers?.['webhook-id'])}.${stamp}.${body}`)
    .digest('hex');
  expect(headers?.['webhook-signature']).toBe(`v3,${hex}`);
  // By the real time, whatever the emulator's clock says: the receiver compares with its own.
  expect(Math.abs(Number(stamp) - Date.now() / 1000)).toBeLessThan(300);
  expect(emulator.deliveries).toMatchObject([
    { taskId: id, url, attempt: 1, duplicate: false, body, status: 204, error: undefined },
  ]);
  clock.advance(60_000);
  await emulator.settled();
  expect(received).toHaveLength(1);
});

test('a webhook is sent when its task ends under the real clock, without a request', async () => {
  const emulator = await started({ queueMs: 5, processingMs: 5 });
  const { url, received } = await receiver();
  await submitTo(emulator, url);
  await expect.poll(() => received.length).toBe(1);
});

test('a task that takes no time sends its webhook', async () => {
  const emulator = await started({ queueMs: 0, processingMs: 0 });
  const { url, received } = await receiver();
  await submitTo(emulator, url);
  await expect.poll(() => received.length).toBe(1);
});

test('a failed task and one ended by the test send their webhooks', async () => {
  const emulator = await started({ clock: new ManualClock() });
  const { url, received } = await receiver();
  const first = await submitTo(emulator, url);
  emulator.task(first.id).fail('refused');
  await emulator.settled();
  expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({
    id: first.id,
    status: 'failed',
    error: 'refused',
  });
  const second = await submitTo(emulator, url);
  emulator.task(second.id).set({ status: 'cancelled' });
  await emulator.settled();
  expect(JSON.parse(received[1]?.body ?? '')).toMatchObject({ id: second.id, status: 'cancelled' });
});

test('a rejected webhook is sent again with the same id and a new signature, up to three times', async () => {
  const emulator = await started({ clock: new ManualClock(), webhookRetryMs: 1 });
  const { url, received } = await receiver(500, 302, 0, 400);
  emulator.task((await submitTo(emulator, url)).id).complete();
  await emulator.settled();
  expect(received).toHaveLength(4);
  expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  expect(received.every((one) => one.url === '/hook')).toBe(true);
  expect(emulator.deliveries.map(({ attempt, status }) => [attempt, status])).toEqual([
    [1, 500],
    [2, 302],
    [3, undefined],
    [4, 400],
  ]);
  expect(emulator.deliveries[2]?.error).toMatch(/other side closed|ECONNRESET/);
});

test('a webhook is not sent again after a success', async () => {
  const emulator = await started({ clock: new ManualClock(), webhookRetryMs: 1 });
  const { url, received } = await receiver(503, 200, 500);
  emulator.task((await submitTo(emulator, url)).id).complete();
  await emulator.settled();
  expect(received).toHaveLength(2);
});

test('the delay before a retry doubles', async () => {
  const emulator = await started({ clock: new ManualClock(), webhookRetryMs: 20 });
  const { url } = await receiver(500);
  const start = performance.now();
  emulator.task((await submitTo(emulator, url)).id).complete();
  await emulator.settled();
  expect(performance.now() - start).toBeGreaterThanOrEqual(20 + 40 + 80 - 3);
});

test('webhookDuplicates delivers a webhook again with the same id', async () => {
  const emulator = await started({ clock: new ManualClock(), webhookDuplicates: 2 });
  const { url, received } = await receiver();
  emulator.task((await submitTo(emulator, url)).id).complete();
  await emulator.settled();
  expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  expect(emulator.deliveries.map(({ duplicate }) => duplicate)).toEqual([false, true, true]);
});

test('a webhook to another machine is accepted and recorded, but not sent', async () => {
  const emulator = await started({ clock: new ManualClock() });
  emulator.task((await submitTo(emulator, 'https://example.com/hook')).id).complete();
  await emulator.settled();
  expect(emulator.deliveries).toMatchObject([
    { attempt: 1, status: undefined, error: expect.stringMatching(/not sent/) },
  ]);
});

test('a deleted task and a task without a webhook URL send no webhook', async () => {
  const clock = new ManualClock();
  const emulator = await started({ clock });
  const { url, received } = await receiver();
  const { id } = await submitTo(emulator, url);
  await call(emulator, 'predictions/delete', { body: { ids: [id] } });
  await call(emulator, O3, { body: { prompt: 'x' } });
  clock.advance(1000);
  await emulator.settled();
  expect(received).toHaveLength(0);
  expect(emulator.deliveries).toHaveLength(0);
});

test('close() cancels retries', async () => {
  const emulator = await startEmulator({ clock: new ManualClock(), webhookRetryMs: 60_000 });
  const { url, received } = await receiver(500);
  emulator.task((await submitTo(emulator, url)).id).complete();
  await expect.poll(() => emulator.deliveries.length).toBe(1);
  await emulator.close();
  await emulator.settled();
  expect(received).toHaveLength(1);
});

test('a delivery waits 20 minutes for its response', async () => {
  const emulator = await started({ clock: new ManualClock(), webhookRetryMs: 60_000 });
  const { url, received, first } = await receiver(-1);
  const { id } = await submitTo(emulator, url);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  emulator.task(id).complete();
  await first;
  await vi.advanceTimersByTimeAsync(20 * 60_000 - 1);
  expect(emulator.deliveries).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(emulator.deliveries).toMatchObject([
    { attempt: 1, status: undefined, error: expect.stringMatching(/no response within 1200000 ms/) },
  ]);
  expect(received).toHaveLength(1);
});

test('close() cancels a delivery without a response at once', async () => {
  const emulator = await startEmulator({ clock: new ManualClock() });
  const { url, received, first } = await receiver(-1);
  emulator.task((await submitTo(emulator, url)).id).complete();
  await first;
  await emulator.close();
  await emulator.settled();
  expect(emulator.deliveries).toMatchObject([{ attempt: 1, status: undefined }]);
  expect(received).toHaveLength(1);
});

test('msw in the same process does not intercept a webhook', async () => {
  const emulator = await started({ clock: new ManualClock(), webhookRetryMs: 1 });
  const { url, received } = await receiver();
  const server = setupServer();
  server.listen({ onUnhandledRequest: 'error' });
  onTestFinished(() => server.close());
  emulator.task((await submitTo(emulator, url)).id).complete();
  await emulator.settled();
  expect(emulator.deliveries).toMatchObject([{ attempt: 1, status: 204, error: undefined }]);
  expect(received).toHaveLength(1);
});
