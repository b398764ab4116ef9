// A process that stood still (Ctrl-Z, `docker pause`, a frozen function) while its answer arrived: the timer fires first.
import { Worker } from 'node:worker_threads';
import { describe, expect, test, vi } from 'vitest';
import { KLING_O3_STD, type WaveSpeedKling } from 'wavespeed-kling';
import { done, task } from '../support/client.js';
import { client, INPUT, onCleanup } from '../support/server.js';

const [ARRIVED, FROZEN, ANSWERED] = [1, 2, 3];

/** Holds its answer until the main thread stands still. */
const SERVER = `
  const { parentPort, workerData: { flags, body } } = require('node:worker_threads');
  const server = require('node:http').createServer((request, response) => {
    request.resume();
    request.once('end', () => {
      Atomics.store(flags, 0, ${ARRIVED});
      const timer = setInterval(() => {
        if (Atomics.load(flags, 0) !== ${FROZEN}) return;
        clearInterval(timer);
        response.end(body, () => {
          Atomics.store(flags, 0, ${ANSWERED});
          Atomics.notify(flags, 0);
        });
      }, 1);
    });
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

/** Longer than each time limit below. */
const FREEZE_MS = 100;

/** Makes a call, and stands still from before its answer arrives until every timer of the test is late. */
async function callFrozen<T>(
  data: unknown,
  options: object,
  call: (kling: WaveSpeedKling) => Promise<T>,
): Promise<T> {
  const flags = new Int32Array(new SharedArrayBuffer(4));
  const body = JSON.stringify({ code: 200, message: 'success', data });
  const server = new Worker(SERVER, { eval: true, workerData: { flags, body } });
  onCleanup(() => server.terminate());
  const port = await new Promise<number>((resolve) => server.once('message', resolve));
  // However slow the machine: no timer fires before the answer has arrived.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const settled = call(client(`http://127.0.0.1:${port}`, options));
  settled.catch(() => undefined);
  onCleanup(() => vi.useRealTimers());
  while (Atomics.load(flags, 0) !== ARRIVED) await new Promise((resolve) => setImmediate(resolve));
  Atomics.store(flags, 0, FROZEN);
  Atomics.wait(flags, 0, FROZEN);
  Atomics.wait(flags, 0, ANSWERED, FREEZE_MS);
  vi.advanceTimersByTime(FREEZE_MS);
  return settled;
}

const transports: [string, object][] = [
  ['undici', {}],
  ['fetch', { fetch: globalThis.fetch }],
];

describe.each(transports)(
  'an answer that arrived before the time limit was looked at is taken: %s',
  (_name, options) => {
    test('a frozen process takes the answer to a read before requestTimeoutMs ends it', async () => {
      const call = (kling: WaveSpeedKling) => kling.balance();
      expect(await callFrozen({ balance: 7 }, { requestTimeoutMs: 50, ...options }, call)).toBe(7);
    });

    test('a frozen process takes the answer to a submit before requestTimeoutMs ends it', async () => {
      const call = (kling: WaveSpeedKling) => kling.submit(KLING_O3_STD, INPUT);
      const settings = { requestTimeoutMs: 50, ...options };
      expect(await callFrozen(task({ id: 'paid' }), settings, call)).toMatchObject({ id: 'paid' });
    });

    test('a frozen process takes the answer to a poll before timeoutMs ends the wait', async () => {
      const call = (kling: WaveSpeedKling) => kling.wait('task-1', { timeoutMs: 50 });
      expect(await callFrozen(done(), options, call)).toMatchObject({ status: 'completed' });
    });
  },
);
