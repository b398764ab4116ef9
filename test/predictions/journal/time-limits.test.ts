/** Calls with an idempotency key keep their time limits, and wait for a task that is not visible yet. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type Journal,
  JournalError,
  KLING_O3_STD,
  memoryJournal,
  WaitAbortedError,
  WaitTimeoutError,
  WaveSpeedKling,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import { createEmulator, type EmulatorOptions } from 'wavespeed-kling/testing';
import { failure, rejection } from '../../support/client.js';

const INPUT = { prompt: 'A fox in the snow' } as const;
const KEYED = { idempotencyKey: 'order-1' } as const;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp(options: EmulatorOptions = {}, clientOptions: WaveSpeedKlingOptions = {}) {
  const emulator = createEmulator(options);
  const journal = memoryJournal();
  const create = (more: WaveSpeedKlingOptions = {}) =>
    new WaveSpeedKling({
      apiKey: emulator.apiKey,
      fetch: emulator.fetch,
      journal,
      ...clientOptions,
      ...more,
    });
  return { emulator, journal, create, kling: create() };
}

describe('a second call with the key of a task', () => {
  test.each(['run', 'submit'] as const)(
    '%s outlives a result URL that does not show it yet',
    async (method) => {
      const { emulator, kling, create } = setUp({ resultLagMs: 2000 });
      const first = kling.submit(KLING_O3_STD, INPUT, KEYED);
      await vi.advanceTimersByTimeAsync(10);
      const { id } = await first;
      const second = create()[method](KLING_O3_STD, INPUT, KEYED);
      await vi.advanceTimersByTimeAsync(10_000);
      expect((await second).id).toBe(id);
      expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
    },
  );

  test('run outlives failed looks at it', async () => {
    const { emulator, kling, create } = setUp();
    const first = kling.submit(KLING_O3_STD, INPUT, KEYED);
    await vi.advanceTimersByTimeAsync(10);
    const { id } = await first;
    emulator.fail({ on: 'result', kind: 'status', status: 503, times: 8 });
    const second = create({ maxRetries: 0 }).run(KLING_O3_STD, INPUT, KEYED);
    await vi.advanceTimersByTimeAsync(120_000);
    expect((await second).id).toBe(id);
  });

  test('run settles at its deadline while the result URL hangs', async () => {
    const { emulator, kling, create } = setUp();
    const first = kling.submit(KLING_O3_STD, INPUT, KEYED);
    await vi.advanceTimersByTimeAsync(10);
    const { id } = await first;
    emulator.fail({ on: 'result', kind: 'hang', when: 'headers', times: Infinity });
    let settled = false;
    const second = failure(
      create()
        .run(KLING_O3_STD, INPUT, { ...KEYED, timeoutMs: 500 })
        .finally(() => (settled = true)),
      WaitTimeoutError,
    );
    await vi.advanceTimersByTimeAsync(500);
    expect(settled).toBe(true);
    expect((await second).predictionId).toBe(id);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('run rejects at an abort while the result URL hangs, and names the task', async () => {
    const { emulator, kling, create } = setUp();
    const first = kling.submit(KLING_O3_STD, INPUT, KEYED);
    await vi.advanceTimersByTimeAsync(10);
    const { id } = await first;
    emulator.fail({ on: 'result', kind: 'hang', when: 'headers', times: Infinity });
    const controller = new AbortController();
    const second = failure(
      create().run(KLING_O3_STD, INPUT, { ...KEYED, signal: controller.signal }),
      WaitAbortedError,
    );
    await vi.advanceTimersByTimeAsync(500);
    controller.abort('left');
    expect(await second).toMatchObject({ predictionId: id, cause: 'left' });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('recovery of a lost submit', () => {
  test('run settles at its deadline while the list hangs', async () => {
    const { emulator, kling } = setUp();
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: true });
    emulator.fail({ on: 'list', kind: 'hang', when: 'headers', times: Infinity });
    let settled = false;
    const running = rejection(
      kling.run(KLING_O3_STD, INPUT, { ...KEYED, timeoutMs: 5000 }).finally(() => (settled = true)),
    );
    await vi.advanceTimersByTimeAsync(10_000);
    expect(settled).toBe(true);
    expect(await running).toMatchObject({ name: 'SubmissionUnknownError' });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('submit with timeoutMs', () => {
  test('a lost response ends in a SubmissionUnknownError then, and onRetry was told how long each search waits', async () => {
    const waits: number[] = [];
    const { emulator, kling } = setUp(
      { listLagMs: 60_000 },
      {
        onRetry: ({ operation, delayMs, error, attempt }) => {
          if (operation !== 'recover') return;
          waits.push(delayMs);
          expect(attempt).toBe(waits.length);
          expect(error.name).toBe('SubmissionUnknownError');
        },
      },
    );
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: true });
    const submitting = rejection(kling.submit(KLING_O3_STD, INPUT, { ...KEYED, timeoutMs: 5000 }));
    await vi.advanceTimersByTimeAsync(5000);
    expect(await submitting).toMatchObject({
      name: 'SubmissionUnknownError',
      cause: { name: 'RequestTimeoutError' },
    });
    expect(waits.slice(0, 3)).toEqual([500, 1000, 2000]);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('sends nothing after it', async () => {
    const { emulator, create } = setUp();
    const kling = create({ apiKey: () => new Promise<string>(() => undefined) });
    const submitting = rejection(kling.submit(KLING_O3_STD, INPUT, { timeoutMs: 300 }));
    await vi.advanceTimersByTimeAsync(300);
    expect(await submitting).toMatchObject({
      name: 'RequestTimeoutError',
      message: expect.stringContaining('nothing was submitted') as string,
    });
    expect(emulator.requests).toEqual([]);
  });
});

describe('a journal that hangs', () => {
  /** A journal whose operations do not come back from the given one on. */
  function hanging(operation: 'get' | 'put', from: number): Journal {
    const journal = memoryJournal();
    let count = 0;
    const slow =
      <Args extends unknown[], T>(name: string, call: (...args: Args) => Promise<T>) =>
      (...args: Args) =>
        name === operation && ++count >= from ? new Promise<T>(() => undefined) : call(...args);
    return {
      get: slow('get', (key) => journal.get(key)),
      put: slow('put', (...args) => journal.put(...args)),
    };
  }

  test.each([
    ['get', 1, 0],
    ['put', 1, 0],
    ['put', 2, 1],
    ['get', 2, 1],
    ['put', 3, 1],
  ] as const)(
    '%s number %d: run settles 5 seconds after its deadline at most',
    async (operation, from, submits) => {
      const { emulator, create } = setUp();
      const kling = create({ journal: hanging(operation, from) });
      let settled = false;
      const running = rejection(
        kling
          .run(KLING_O3_STD, INPUT, { ...KEYED, timeoutMs: 500, pollIntervalMs: 100 })
          .finally(() => (settled = true)),
      );
      await vi.advanceTimersByTimeAsync(6000);
      expect(settled).toBe(true);
      const error = await running;
      expect(emulator.requestCount({ operation: 'submit' })).toBe(submits);
      expect(error).toBeInstanceOf(JournalError);
      if (submits > 0) expect(error).toMatchObject({ predictionId: emulator.account.tasks[0]?.id });
      await vi.advanceTimersByTimeAsync(600_000);
      expect(emulator.requestCount({ operation: 'submit' })).toBe(submits);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  test('submit without a time limit rejects after requestTimeoutMs, and sends nothing', async () => {
    const { emulator, create } = setUp();
    const kling = create({ journal: hanging('get', 1), requestTimeoutMs: 2000 });
    const submitting = failure(kling.submit(KLING_O3_STD, INPUT, KEYED), JournalError);
    await vi.advanceTimersByTimeAsync(2000);
    expect((await submitting).message).toContain('requestTimeoutMs (2000 ms)');
    expect(emulator.requests).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([
    ['timeoutMs', { timeoutMs: 100 }, 100, 'RequestTimeoutError'],
    ['requestTimeoutMs by default', {}, 2000, 'RequestTimeoutError'],
  ])('resolve rejects after %s', async (_, options, ms, name) => {
    const { create } = setUp();
    const kling = create({ journal: hanging('get', 1), requestTimeoutMs: 2000 });
    const resolving = rejection(kling.resolve('order-1', null, options));
    await vi.advanceTimersByTimeAsync(ms);
    expect(await resolving).toMatchObject({ name });
    await vi.advanceTimersByTimeAsync(5000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('resolve rejects with the reason of an abort', async () => {
    const kling = setUp().create({ journal: hanging('get', 1) });
    const controller = new AbortController();
    const resolving = rejection(kling.resolve('order-1', null, { signal: controller.signal }));
    controller.abort('left');
    expect(await resolving).toBe('left');
  });

  test('an abort settles the call 5 seconds later at most', async () => {
    const { create, emulator } = setUp();
    const kling = create({ journal: hanging('get', 1) });
    const controller = new AbortController();
    let settled = false;
    const submitting = kling.submit(KLING_O3_STD, INPUT, { ...KEYED, signal: controller.signal });
    const running = failure(
      submitting.finally(() => (settled = true)),
      JournalError,
    );
    await vi.advanceTimersByTimeAsync(100);
    controller.abort('left');
    await vi.advanceTimersByTimeAsync(5000);
    expect(settled).toBe(true);
    expect((await running).cause).toBe('left');
    expect(emulator.requests).toEqual([]);
  });
});
