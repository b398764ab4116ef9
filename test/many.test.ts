import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  ACCOUNT_LEVELS,
  BudgetExceededError,
  ConfigurationError,
  InvalidInputError,
  KLING_O1,
  KLING_O3_STD,
  type ManyRequest,
  type ManyResult,
  type RunManyOptions,
  WaveSpeedKling,
} from 'wavespeed-kling';
import { createEmulator, type EmulatorOptions } from 'wavespeed-kling/testing';
import { rejection } from './support.js';

beforeAll(async () => {
  // Loaded on first use, which takes real time.
  await import('../src/many.js');
});
beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function setUp(options: EmulatorOptions = {}) {
  const emulator = createEmulator({ balance: 10_000, createdMs: 1000, processingMs: 1000, ...options });
  const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, fetch: emulator.fetch });
  return { emulator, kling };
}

const requests = (count: number): ManyRequest[] =>
  Array.from({ length: count }, (_, index) => ({ model: KLING_O3_STD, input: { prompt: `Fox ${index}` } }));

/** Collects all results, time having passed as they need. */
async function collect(
  kling: WaveSpeedKling,
  source: Iterable<ManyRequest>,
  options: RunManyOptions,
  pass = 600_000,
) {
  const results: ManyResult[] = [];
  const collecting = (async () => {
    for await (const result of kling.runMany(source, options)) results.push(result);
  })();
  const ended = collecting.then(
    () => undefined,
    (error: unknown) => error,
  );
  await vi.advanceTimersByTimeAsync(pass);
  return { results, error: await ended };
}

const FREE = { concurrency: 1000, perMinute: 1000 };

describe('runMany', () => {
  test('gives every result, in order of completion, with its place and request', async () => {
    const { kling, emulator } = setUp();
    const all = requests(3);
    const running = collect(kling, all, FREE, 0);
    await vi.advanceTimersByTimeAsync(10);
    emulator.task(emulator.account.tasks[2]?.id ?? '').complete();
    await vi.advanceTimersByTimeAsync(10_000);
    const { results } = await running;
    expect(results.map(({ index, status }) => [index, status])).toEqual([
      [2, 'fulfilled'],
      [0, 'fulfilled'],
      [1, 'fulfilled'],
    ]);
    for (const { index, request } of results) expect(request).toBe(all[index]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('one that fails stops no other, and names its task', async () => {
    const { kling, emulator } = setUp();
    emulator.fail({ on: 'submit', kind: 'status', status: 400 });
    const bad = { model: KLING_O1, input: { prompt: '' } } as const;
    const running = collect(kling, [...requests(3), bad], FREE, 0);
    await vi.advanceTimersByTimeAsync(10);
    emulator.task(emulator.account.tasks[0]?.id ?? '').fail('refused');
    await vi.advanceTimersByTimeAsync(10_000);
    const { results } = await running;
    const rejected = results.filter((result) => result.status === 'rejected');
    const failures = rejected.toSorted((one, other) => one.index - other.index);
    expect(failures.map(({ index, reason }) => [index, (reason as Error).name])).toEqual([
      [0, 'ApiError'],
      [1, 'PredictionFailedError'],
      [3, 'InvalidInputError'],
    ]);
    expect(rejected.find(({ index }) => index === 1)?.predictionId).toBe(emulator.account.tasks[0]?.id);
    expect(rejected.find(({ index }) => index === 3)?.reason).toBeInstanceOf(InvalidInputError);
    expect(results.find(({ index }) => index === 2)?.status).toBe('fulfilled');
  });

  test('keeps to the concurrency', async () => {
    const { kling, emulator } = setUp({ concurrent: 4 });
    const { results } = await collect(kling, requests(20), { concurrency: 4, perMinute: 1000 });
    expect(results.every(({ status }) => status === 'fulfilled')).toBe(true);
    // Had there been a fifth at once, it would have been answered 429, and submitted again.
    expect(emulator.requestCount({ operation: 'submit' })).toBe(20);
  });

  test('keeps to the starts in any minute, by default to the lowest level’s', async () => {
    const { kling, emulator } = setUp({ perMinute: 2, concurrent: 2 });
    const { results } = await collect(kling, requests(5), {});
    expect(results).toHaveLength(5);
    const starts = emulator.requests.filter(({ operation }) => operation === 'submit').map(({ at }) => at);
    expect(starts).toHaveLength(5);
    for (let index = 2; index < starts.length; index++) {
      expect((starts[index] ?? 0) - (starts[index - 2] ?? 0)).toBeGreaterThanOrEqual(60_000);
    }
    expect(ACCOUNT_LEVELS.bronze).toEqual({ perMinute: 2, concurrency: 2 });
  });

  test('a 429 holds back every submit of the client, not only the one that met it', async () => {
    const { kling, emulator } = setUp();
    emulator.fail({ on: 'submit', kind: 'status', status: 429, headers: { 'retry-after': '20' } });
    const first = kling.submit(KLING_O3_STD, { prompt: 'first' });
    await vi.advanceTimersByTimeAsync(10);
    const later = kling.submit(KLING_O1, { prompt: 'second' });
    await vi.advanceTimersByTimeAsync(19_000);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
    await vi.advanceTimersByTimeAsync(2000);
    await Promise.all([first, later]);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(3);
    expect(emulator.account.tasks).toHaveLength(2);
  });

  test('a batch over maxCost is refused before anything is sent', async () => {
    const { kling, emulator } = setUp();
    const { error, results } = await collect(kling, requests(10), { ...FREE, maxCost: 4.1 });
    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(error).toMatchObject({ cost: 4.2, maxCost: 4.1 });
    expect(results).toEqual([]);
    expect(emulator.requests).toEqual([]);
    expect((await collect(kling, requests(10), { ...FREE, maxCost: 4.2 })).results).toHaveLength(10);
  });

  test('what comes one by one is held to maxCost as it comes', async () => {
    const { kling, emulator } = setUp();
    function* some() {
      yield* requests(4);
    }
    const { results } = await collect(kling, some(), { ...FREE, maxCost: 1 });
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(BudgetExceededError);
    expect(emulator.account.charged).toBe(0.84);
  });

  test('takes requests from their source only when there is room', async () => {
    const { kling } = setUp();
    let taken = 0;
    async function* endless() {
      for (;;) {
        taken++;
        yield { model: KLING_O1, input: { prompt: 'A fox' } } as const;
      }
    }
    const results: ManyResult[] = [];
    const looping = (async () => {
      for await (const result of kling.runMany(endless(), { concurrency: 2, perMinute: 1000 })) {
        results.push(result);
        if (results.length === 6) break;
      }
    })();
    await vi.advanceTimersByTimeAsync(60_000);
    await looping;
    expect(taken).toBeLessThanOrEqual(12);
  });

  test('left early, starts nothing more', async () => {
    const { kling, emulator } = setUp();
    const saved: string[] = [];
    const looping = (async () => {
      for await (const result of kling.runMany(requests(50), {
        concurrency: 3,
        perMinute: 1000,
        onSubmitted: ({ id }) => void saved.push(id),
      })) {
        expect(result.status).toBe('fulfilled');
        break;
      }
    })();
    await vi.advanceTimersByTimeAsync(20_000);
    await looping;
    const before = emulator.requests.length;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(emulator.requests.length).toBe(before);
    expect(emulator.account.tasks.length).toBeLessThanOrEqual(6);
    expect(new Set(saved)).toEqual(new Set(emulator.account.tasks.map(({ id }) => id)));
    expect(vi.getTimerCount()).toBe(0);
  });

  test('aborted: those under way are given with their tasks, then it rejects with the reason', async () => {
    const { kling, emulator } = setUp();
    const controller = new AbortController();
    const running = collect(
      kling,
      requests(10),
      { concurrency: 3, perMinute: 1000, signal: controller.signal },
      0,
    );
    await vi.advanceTimersByTimeAsync(500);
    controller.abort('left');
    await vi.advanceTimersByTimeAsync(600_000);
    const { results, error } = await running;
    expect(error).toBe('left');
    const named = results.map((result) =>
      result.status === 'rejected' ? result.predictionId : result.value.id,
    );
    expect(new Set(named.filter((id) => id !== undefined))).toEqual(
      new Set(emulator.account.tasks.map(({ id }) => id)),
    );
    expect(emulator.account.tasks).toHaveLength(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('an aborted signal sends nothing', async () => {
    const { kling, emulator } = setUp();
    expect(await rejection(kling.runMany(requests(1), { signal: AbortSignal.abort('left') }).next())).toBe(
      'left',
    );
    expect(emulator.requests).toEqual([]);
  });

  test.each([{ level: 'platinum' }, { concurrency: 0 }, { perMinute: 1.5 }, { concurency: 3 }])(
    'refuses %j',
    async (options) => {
      const { kling } = setUp();
      expect(await rejection(kling.runMany([], options as RunManyOptions).next())).toBeInstanceOf(
        ConfigurationError,
      );
    },
  );

  test('a source that throws ends it, after what was under way', async () => {
    const { kling } = setUp();
    function* broken() {
      yield* requests(1);
      throw new Error('no more rows');
    }
    const { results, error } = await collect(kling, broken(), FREE);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled']);
    expect(error).toMatchObject({ message: 'no more rows' });
  });
});
