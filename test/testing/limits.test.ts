/** Checks the limits of the account: submits per minute, concurrent tasks, credits. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createEmulator, ManualClock } from '../../src/testing/index.js';
import { call, O3, result, started, submit } from './support.js';

test('sends every webhook, whatever time passes between two looks at the clock', async () => {
  let now = Date.now();
  vi.spyOn(Date, 'now').mockImplementation(() => (now += 1));
  onTestFinished(() => void vi.restoreAllMocks());
  const emulators = Array.from({ length: 60 }, (_, processingMs) =>
    createEmulator({ concurrency: 1, overConcurrency: 'queue', queueMs: 0, processingMs }),
  );
  for (const emulator of emulators) {
    for (const hook of ['https://example.com/1', 'https://example.com/2']) {
      const url = `https://api/api/v3/${O3}?webhook=${encodeURIComponent(hook)}`;
      const headers = { authorization: 'Bearer key' };
      await emulator.fetch(url, { method: 'POST', headers, body: '{"prompt":"x"}' });
    }
  }
  const missing = () => emulators.filter(({ deliveries }) => deliveries.length < 2).length;
  await expect.poll(missing).toBe(0);
});

describe('limits', () => {
  test('submits over perMinute are rejected with 429 and Retry-After, and not charged', async () => {
    const clock = new ManualClock();
    const emulator = await started({ clock, perMinute: 2 });
    await submit(emulator);
    clock.advance(10_000);
    await submit(emulator);
    const reply = await call(emulator, O3, { body: { prompt: 'x' } });
    expect([reply.status, reply.headers['retry-after']]).toEqual([429, '50']);
    expect(emulator.account.tasks).toHaveLength(2);
    clock.advance(50_000);
    await submit(emulator);
    expect((await call(emulator, O3, { body: { prompt: 'x' } })).headers['retry-after']).toBe('10');
  });

  test('submits over concurrency are rejected with 429 until a task has ended', async () => {
    const clock = new ManualClock();
    const emulator = await started({ clock, concurrency: 1, queueMs: 0, processingMs: 30_000 });
    const { id } = await submit(emulator);
    const reply = await call(emulator, O3, { body: { prompt: 'x' } });
    expect([reply.status, reply.headers['retry-after']]).toEqual([429, '30']);
    expect(reply.json.message).toBe('You have reached your concurrency limit');
    emulator.task(id).fail();
    expect((await call(emulator, O3, { body: { prompt: 'x' } })).status).toBe(200);
    clock.advance(30_000);
    expect((await call(emulator, O3, { body: { prompt: 'x' } })).status).toBe(200);
  });

  test('a 429 never has a Retry-After of 0', async () => {
    const clock = new ManualClock();
    const emulator = await started({ clock, perMinute: 1 });
    await submit(emulator);
    clock.advance(59_999);
    expect((await call(emulator, O3, { body: { prompt: 'x' } })).headers['retry-after']).toBe('1');
  });

  describe('with overConcurrency: queue', () => {
    const setUp = async (clock: ManualClock) =>
      started({ clock, concurrency: 2, overConcurrency: 'queue', queueMs: 1000, processingMs: 9000 });

    test('a queued submit is accepted, and starts when another task ends', async () => {
      const clock = new ManualClock();
      const emulator = await setUp(clock);
      const ids: string[] = [];
      for (let count = 0; count < 5; count += 1) ids.push((await submit(emulator)).id);
      const statuses = () => ids.map((id) => emulator.task(id).status);
      expect(emulator.account.charged).toBe(2.1);
      clock.advance(1000);
      expect(statuses()).toEqual(['processing', 'processing', 'created', 'created', 'created']);
      clock.advance(9000);
      expect(statuses()).toEqual(['completed', 'completed', 'created', 'created', 'created']);
      clock.advance(1000);
      expect(statuses()).toEqual(['completed', 'completed', 'processing', 'processing', 'created']);
      clock.advance(19_000);
      expect(statuses()).toEqual(Array(5).fill('completed'));
    });

    test('the time of a queued task counts from the end of another one', async () => {
      const clock = new ManualClock();
      const emulator = await setUp(clock);
      for (let count = 0; count < 4; count += 1) await submit(emulator);
      const last = await submit(emulator);
      clock.advance(29_999);
      expect((await result(emulator, last.id)).status).toBe('processing');
      clock.advance(1);
      expect((await result(emulator, last.id)).status).toBe('completed');
    });

    test('a failed or deleted task makes place for a queued one', async () => {
      const clock = new ManualClock();
      const emulator = await setUp(clock);
      const [one, two, three, four] = [
        await submit(emulator),
        await submit(emulator),
        await submit(emulator),
        await submit(emulator),
      ];
      emulator.task(one.id).fail();
      await call(emulator, 'predictions/delete', { body: { ids: [two.id] } });
      clock.advance(1000);
      expect(emulator.task(three.id).status).toBe('processing');
      expect(emulator.task(four.id).status).toBe('processing');
    });

    test('a queued task sends its webhook, under the real clock', async () => {
      const emulator = await started({
        concurrency: 1,
        overConcurrency: 'queue',
        queueMs: 1,
        processingMs: 5,
      });
      await submit(emulator);
      const webhook = encodeURIComponent('https://example.com/hook');
      await call(emulator, `${O3}?webhook=${webhook}`, { body: { prompt: 'x' } });
      await expect.poll(() => emulator.deliveries.length).toBe(1);
    });
  });
});

describe('a submit that the balance does not cover', () => {
  test.each([undefined, 400, 402, 403] as const)(
    'is rejected with insufficientCreditsStatus %s and the code 1406',
    async (insufficientCreditsStatus) => {
      const emulator = await started({ balance: 0.1, insufficientCreditsStatus });
      const status = insufficientCreditsStatus ?? 402;
      expect(await call(emulator, O3, { body: { prompt: 'x' } })).toMatchObject({
        status,
        json: { code: status, error_code: 1406, message: expect.stringMatching(/insufficient credits/) },
      });
      expect(emulator.account.charged).toBe(0);
    },
  );
});
