import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { KLING_O1, KLING_O3_STD, PredictionFailedError, WaveSpeedKling } from 'wavespeed-kling';
import { createEmulator, type EmulatorCore, type EmulatorOptions } from 'wavespeed-kling/testing';
import { failure, rejection } from './support.js';

const INPUT = { prompt: 'A fox in the snow' } as const;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp(options: EmulatorOptions = {}) {
  const emulator = createEmulator({ balance: 10_000, createdMs: 2000, processingMs: 6000, ...options });
  const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, fetch: emulator.fetch });
  return { emulator, kling };
}

const counts = (emulator: EmulatorCore) => ({
  list: emulator.requestCount({ operation: 'list' }),
  result: emulator.requestCount({ operation: 'result' }),
});

/** Runs so many tasks and gives how they went, time having passed as they need. */
async function runAll(kling: WaveSpeedKling, count: number, pass = 30_000) {
  const updates: string[][] = [];
  const running = Array.from({ length: count }, (_, index) => {
    const seen: string[] = [];
    updates.push(seen);
    return kling.run(index % 2 === 0 ? KLING_O3_STD : KLING_O1, INPUT, {
      timeoutMs: pass,
      onUpdate: ({ status }) => void seen.push(status),
    });
  });
  const settled = Promise.allSettled(running);
  await vi.advanceTimersByTimeAsync(pass);
  return { updates, results: await settled };
}

describe('a few waits', () => {
  test('ask their result URLs, as one alone does', async () => {
    const { emulator, kling } = setUp();
    await runAll(kling, 3);
    expect(counts(emulator)).toEqual({ list: 0, result: 3 * 8 });
  });
});

describe('many waits', () => {
  test('share a few requests, and each sees every change and its own video', async () => {
    const { emulator, kling } = setUp();
    const { results, updates } = await runAll(kling, 250);
    const ids = results.map((result) => (result.status === 'fulfilled' ? result.value.id : result.reason));
    expect(new Set(ids)).toEqual(new Set(emulator.account.tasks.map(({ id }) => id)));
    for (const seen of updates) expect(seen).toEqual(['created', 'processing', 'completed']);
    const { list, result } = counts(emulator);
    // 250 tasks of 8 s polled once a second would be 2,000 requests.
    expect(list + result).toBeLessThanOrEqual(30);
    expect(emulator.requests.filter(({ operation }) => operation === 'list')[0]?.body).toMatchObject({
      page: 1,
      page_size: 100,
    });
  });

  test('are told no later than each would see by itself', async () => {
    const { emulator, kling } = setUp();
    const started = Date.now();
    const ends: number[] = [];
    const running = Array.from({ length: 50 }, () =>
      kling.run(KLING_O1, INPUT).then(() => void ends.push(Date.now() - started)),
    );
    await vi.advanceTimersByTimeAsync(20_000);
    await Promise.all(running);
    expect(Math.max(...ends)).toBeLessThanOrEqual(9000);
    // One model alone: the list is narrowed to it.
    expect(emulator.requests.find(({ operation }) => operation === 'list')?.body).toMatchObject({
      model: KLING_O1,
    });
  });

  test('by id alone look once at the result URL, then share', async () => {
    const { emulator, kling } = setUp();
    const tasks = await Promise.all(Array.from({ length: 40 }, () => kling.submit(KLING_O3_STD, INPUT)));
    const waiting = Promise.all(tasks.map(({ id }) => kling.wait(id)));
    await vi.advanceTimersByTimeAsync(20_000);
    await waiting;
    expect(counts(emulator).result).toBe(40);
    expect(counts(emulator).list).toBeLessThanOrEqual(10);
  });

  test('confirm an end without a video on the result URL', async () => {
    const { emulator, kling } = setUp();
    const running = Promise.allSettled(Array.from({ length: 20 }, () => kling.run(KLING_O3_STD, INPUT)));
    await vi.advanceTimersByTimeAsync(3000);
    const before = counts(emulator).result;
    for (const { id } of emulator.account.tasks.slice(0, 5)) emulator.task(id).fail('content refused');
    await vi.advanceTimersByTimeAsync(20_000);
    const failed = (await running).filter((result) => result.status === 'rejected');
    expect(failed).toHaveLength(5);
    for (const { reason } of failed) expect(reason).toBeInstanceOf(PredictionFailedError);
    expect(counts(emulator).result - before).toBe(5);
  });

  test.each([
    ['refuses (403)', { kind: 'status', status: 403 } as const],
    ['is not known (404)', { kind: 'status', status: 404 } as const],
    ['refuses the key (401)', { kind: 'status', status: 401 } as const],
    ['fails (500)', { kind: 'status', status: 500 } as const],
    ['hangs', { kind: 'hang', when: 'headers' } as const],
    ['is no JSON', { kind: 'not-json' } as const],
  ])('get there by their result URLs where the list %s', async (_how, fault) => {
    const { emulator, kling } = setUp();
    emulator.fail({ on: 'list', times: Infinity, ...fault });
    const { results } = await runAll(kling, 20);
    expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'fulfilled'));
    // No worse than polling each: eight looks a task, and few tries at the list.
    expect(counts(emulator).result).toBeLessThanOrEqual(20 * 8);
    expect(counts(emulator).list).toBeLessThanOrEqual(3);
  });

  test('get there where the list lags behind, or has not got them at all', async () => {
    const { emulator, kling } = setUp({ listLagMs: 60_000 });
    const { results } = await runAll(kling, 20);
    expect(results.every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(counts(emulator).result).toBeLessThanOrEqual(20 * 8);
    expect(counts(emulator).list).toBeLessThanOrEqual(3);
  });

  test('on a busy account cost no more than polling each', async () => {
    const { emulator, kling } = setUp();
    const running = Promise.all(Array.from({ length: 10 }, () => kling.run(KLING_O3_STD, INPUT)));
    await vi.advanceTimersByTimeAsync(500);
    for (let count = 0; count < 500; count++) emulator.addTask({ model: KLING_O3_STD });
    await vi.advanceTimersByTimeAsync(20_000);
    await running;
    const { list, result } = counts(emulator);
    expect(list + result).toBeLessThanOrEqual(10 * 8 + 3);
  });

  test('outlive a result URL that hangs for one of them: the others are not held up', async () => {
    const { emulator, kling } = setUp({ listLagMs: 60_000 });
    emulator.fail({ on: 'result', kind: 'hang', when: 'headers' });
    const { results } = await runAll(kling, 10, 15_000);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(9);
  });
});

describe('a wait among many', () => {
  test('that is aborted rejects at once, and disturbs no other', async () => {
    const { emulator, kling } = setUp();
    const controller = new AbortController();
    const others = Promise.all(Array.from({ length: 20 }, () => kling.run(KLING_O3_STD, INPUT)));
    const aborted = rejection(kling.run(KLING_O3_STD, INPUT, { signal: controller.signal }));
    await vi.advanceTimersByTimeAsync(3300);
    controller.abort('left');
    expect(await aborted).toBe('left');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await others).toHaveLength(20);
    expect(counts(emulator).list).toBeLessThanOrEqual(10);
  });

  test('ends at its own deadline', async () => {
    const { kling } = setUp();
    const others = Promise.all(Array.from({ length: 20 }, () => kling.run(KLING_O3_STD, INPUT)));
    const started = Date.now();
    const timedOut = kling
      .run(KLING_O3_STD, INPUT, { timeoutMs: 2500 })
      .catch((error: unknown) => ({ error, at: Date.now() }));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await timedOut).toMatchObject({ error: { name: 'WaitTimeoutError' }, at: started + 2500 });
    expect(await others).toHaveLength(20);
  });

  test('that asks more often sets the pace for all', async () => {
    const { emulator, kling } = setUp();
    const all = Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        kling.run(KLING_O3_STD, INPUT, { pollIntervalMs: index === 0 ? 500 : 4000 }),
      ),
    );
    await vi.advanceTimersByTimeAsync(20_000);
    await all;
    expect(counts(emulator).list).toBeGreaterThanOrEqual(15);
    expect(counts(emulator).list).toBeLessThanOrEqual(18);
  });
});

test('a thousand waits on one signal are aborted at once, and nothing is left', async () => {
  const warnings = vi.spyOn(process, 'emitWarning');
  const { emulator, kling } = setUp();
  const controller = new AbortController();
  const tasks = await Promise.all(Array.from({ length: 1000 }, () => kling.submit(KLING_O1, INPUT)));
  const waiting = Promise.all(
    tasks.map(({ id }) => rejection(kling.wait(id, { signal: controller.signal }))),
  );
  await vi.advanceTimersByTimeAsync(3500);
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
  controller.abort('left');
  expect(new Set(await waiting)).toEqual(new Set(['left']));
  const before = emulator.requests.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(emulator.requests.length).toBe(before);
  expect(vi.getTimerCount()).toBe(0);
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  expect(warnings).not.toHaveBeenCalled();
  warnings.mockRestore();
});

test('a client with nobody waiting sends nothing and holds no timer', async () => {
  const { emulator, kling } = setUp();
  await runAll(kling, 30);
  const before = emulator.requests.length;
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(emulator.requests.length).toBe(before);
  await failure(kling.wait(''), Error);
});
