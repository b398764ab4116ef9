import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
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
import { type EmulatorCore, startEmulator } from 'wavespeed-kling/testing';
import { rejection } from '../support/client.js';
import { requests, setUp } from './batch-support.js';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Has every submit refused for its rate from now on, for so many milliseconds. */
function refuseFor(emulator: EmulatorCore, ms: number, headers: Record<string, string> = {}) {
  const until = Date.now() + ms;
  const matching = () => Date.now() < until;
  emulator.fail({ on: 'submit', kind: 'status', status: 429, headers, times: Infinity, matching });
}

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

const FREE = { concurrency: 1000 };

describe('runMany', () => {
  test('runMany yields every result in order of completion, with its index and request', async () => {
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

  test('a failed request of a batch stops no other, and names its task', async () => {
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

  test('runMany keeps to its concurrency', async () => {
    const { kling, emulator } = setUp({ concurrency: 4 });
    const { results } = await collect(kling, requests(20), { concurrency: 4 });
    expect(results.every(({ status }) => status === 'fulfilled')).toBe(true);
    // Had there been a fifth at once, it would have been answered 429, and submitted again.
    expect(emulator.requestCount({ operation: 'submit' })).toBe(20);
  });

  test('runMany keeps to the limits of the client’s level in any minute', async () => {
    const { kling, emulator } = setUp({ perMinute: 2, concurrency: 2 }, { level: 'bronze' });
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

  test.each(['an array', 'an iterable'])(
    '%s runs as far as maxCost goes, and the rest names the batch',
    async (kind) => {
      const { kling, emulator } = setUp();
      function* some() {
        yield* requests(4);
      }
      const source = kind === 'an array' ? requests(4) : some();
      const { results, error } = await collect(kling, source, { ...FREE, maxCost: 1 });
      expect(error).toBeUndefined();
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
      const rejected = results.filter((result) => result.status === 'rejected');
      expect(rejected.map(({ index }) => index)).toEqual([2, 3]);
      for (const { reason } of rejected) {
        expect(reason).toBeInstanceOf(BudgetExceededError);
        expect(reason).toMatchObject({ cost: 0.42, spent: 0.84, maxCost: 1 });
      }
      expect(emulator.account.charged).toBe(0.84);
    },
  );

  test('an input that changes while it waits does not pass maxCost', async () => {
    const { kling, emulator } = setUp({}, { limits: { perMinute: 1 } });
    const inputs = [0, 1].map((index) => ({
      prompt: `Fox ${index}`,
      duration: 5 as 5 | 15,
      images: ['https://a.b/c.png'],
    }));
    const source = inputs.map((input) => ({ model: KLING_O3_STD, input }));
    const running = collect(kling, source, { concurrency: 2, maxCost: 0.84 }, 0);
    await vi.advanceTimersByTimeAsync(10);
    for (const input of inputs) {
      input.duration = 15;
      input.images.push('https://a.b/d.png');
    }
    await vi.advanceTimersByTimeAsync(600_000);
    const { results } = await running;
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(emulator.account.charged).toBe(0.84);
    const bodies = emulator.requests
      .filter(({ operation }) => operation === 'submit')
      .map(({ body }) => body);
    expect(bodies).toMatchObject([{ images: ['https://a.b/c.png'] }, { images: ['https://a.b/c.png'] }]);
  });

  test('runMany takes requests from their source only when there is room', async () => {
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
      for await (const result of kling.runMany(endless(), { concurrency: 2, onSubmitted: () => {} })) {
        results.push(result);
        if (results.length === 6) break;
      }
    })();
    await vi.advanceTimersByTimeAsync(60_000);
    await looping;
    expect(taken).toBeLessThanOrEqual(12);
  });

  test('a batch that is left early stops new submits', async () => {
    const { kling, emulator } = setUp();
    const saved: string[] = [];
    const looping = (async () => {
      for await (const result of kling.runMany(requests(50), {
        concurrency: 3,
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

  /** A service whose answers to submits come late. */
  function slow(delayMs: number) {
    const set = setUp({ queueMs: 60_000 });
    set.emulator.fail({ on: 'submit', kind: 'delay', ms: delayMs, times: Infinity });
    return set;
  }

  test.each(['left by return() while the next result is awaited', 'left by break'])(
    'a batch %s in mid-submit ends once the ids are reported, and stops new submits',
    async (how) => {
      const { kling, emulator } = slow(2000);
      const saved: string[] = [];
      const source = how.endsWith('break')
        ? [{ model: KLING_O1, input: { prompt: '' } } as const, ...requests(50)]
        : requests(50);
      const batch = kling.runMany(source, {
        concurrency: 3,
        onSubmitted: async ({ id }) => {
          await Promise.resolve();
          saved.push(id);
        },
      });
      const next = batch.next();
      await vi.advanceTimersByTimeAsync(500);
      // The invalid one was given at once.
      if (how.endsWith('break')) expect(await next).toMatchObject({ value: { status: 'rejected' } });
      expect(emulator.account.tasks).toHaveLength(3);
      let told: number | undefined;
      const leaving = batch.return().then(() => {
        told = saved.length;
      });
      for (let step = 0; step < 20; step++) await vi.advanceTimersByTimeAsync(50);
      expect(told).toBeUndefined();
      await vi.advanceTimersByTimeAsync(1000);
      expect(told).toBe(3);
      await leaving;
      if (!how.endsWith('break')) expect(await next).toEqual({ done: true, value: undefined });
      expect(new Set(saved)).toEqual(new Set(emulator.account.tasks.map(({ id }) => id)));
      const before = emulator.requests.length;
      await vi.advanceTimersByTimeAsync(600_000);
      expect(emulator.requests.length).toBe(before);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  test.each(['before it could begin', 'as its first request is taken'])(
    'a batch that is left %s sends nothing',
    async (when) => {
      const { kling, emulator } = setUp();
      let leave: () => void = () => undefined;
      function* source() {
        if (when.startsWith('as')) leave();
        yield* requests(300);
      }
      const batch = kling.runMany(source(), FREE);
      let leaving: Promise<unknown> | undefined;
      leave = () => {
        leaving ??= batch.return();
      };
      const next = batch.next();
      if (when.startsWith('before')) leave();
      await vi.advanceTimersByTimeAsync(10_000);
      await leaving;
      expect(await next).toEqual({ done: true, value: undefined });
      expect(emulator.requests).toEqual([]);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  test('a batch that its own source aborts submits nothing that comes after', async () => {
    const { kling, emulator } = setUp();
    const controller = new AbortController();
    function* source() {
      for (const [index, request] of requests(50).entries()) {
        if (index === 2) controller.abort('enough');
        yield request;
      }
    }
    const { error } = await collect(kling, source(), { ...FREE, signal: controller.signal });
    expect(error).toBe('enough');
    expect(emulator.requestCount({ operation: 'submit' })).toBeLessThanOrEqual(2);
  });

  test('a batch that is left while submits wait for a socket reports those that were sent, and sends no other', async () => {
    vi.useRealTimers();
    const emulator = await startEmulator({ balance: 10_000, queueMs: 60_000 });
    emulator.fail({ on: 'submit', kind: 'delay', ms: 3000, times: Infinity });
    const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
    const saved: string[] = [];
    const batch = kling.runMany(requests(150), { ...FREE, onSubmitted: ({ id }) => void saved.push(id) });
    const next = batch.next();
    // As many as there are sockets.
    await vi.waitUntil(() => emulator.requestCount({ operation: 'submit' }) === 128);
    await batch.return();
    await next;
    expect(saved).toHaveLength(128);
    await kling.close();
    expect(emulator.requestCount({ operation: 'submit' })).toBe(128);
    await emulator.close();
  });

  test('a repeated submit waits for its turn no longer than its time', async () => {
    const { kling, emulator } = setUp({}, { limits: { perMinute: 1 } });
    emulator.fail({ on: 'submit', kind: 'status', status: 429, headers: { 'retry-after': '1' } });
    const { results } = await collect(kling, requests(1), { concurrency: 1, timeoutMs: 5000 }, 5500);
    expect(results).toMatchObject([{ status: 'rejected', reason: { name: 'RequestTimeoutError' } }]);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
  });

  test('a batch that is left during a 429 ends at once and submits none again', async () => {
    const { kling, emulator } = setUp();
    const headers = { 'retry-after': '30' };
    emulator.fail({ on: 'submit', kind: 'status', status: 429, headers, times: Infinity });
    const batch = kling.runMany(requests(5), FREE);
    const next = batch.next();
    await vi.advanceTimersByTimeAsync(1000);
    const leaving = batch.return();
    await vi.advanceTimersByTimeAsync(0);
    await leaving;
    await next;
    const before = emulator.requests.length;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(emulator.requests.length).toBe(before);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('an error of a source that is closed early is ignored', async () => {
    const { kling } = setUp();
    function* failing() {
      try {
        yield* requests(50);
      } finally {
        // eslint-disable-next-line no-unsafe-finally
        throw new Error('the rows are gone');
      }
    }
    const batch = kling.runMany(failing(), { concurrency: 2, onSubmitted: () => {} });
    const next = batch.next();
    await vi.advanceTimersByTimeAsync(5000);
    expect(await next).toMatchObject({ value: { status: 'fulfilled' } });
    const leaving = batch.return();
    await vi.advanceTimersByTimeAsync(5000);
    // A rejection that nobody handles fails the whole run of tests.
    expect(await leaving).toEqual({ done: true, value: undefined });
  });

  test.each([1, 100])('%i requests of a batch survive 429s: each waits for its turn', async (count) => {
    const { kling, emulator } = setUp();
    // The service's window of a minute, without a word on when it ends.
    refuseFor(emulator, 60_000);
    vi.mocked(Math.random).mockReturnValue(0.5);
    const { results } = await collect(kling, requests(count), FREE);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(count);
    // All at once, then one at a time until one is taken.
    expect(emulator.requestCount({ operation: 'submit' })).toBeLessThanOrEqual(count + count + 20);
  });

  test('after a 429, submits begin again with one, then two, then four', async () => {
    const { kling, emulator } = setUp();
    const started = Date.now();
    refuseFor(emulator, 500, { 'retry-after': '1' });
    emulator.fail({ on: 'submit', kind: 'delay', ms: 1000, times: Infinity });
    await collect(kling, requests(20), FREE);
    const submits = emulator.requests.filter(({ operation }) => operation === 'submit');
    const seconds = submits.map(({ at }) => Math.round((at - started) / 1000));
    const at = (second: number) => seconds.filter((each) => each === second).length;
    expect([1, 2, 3, 4, 5].map(at)).toEqual([1, 2, 4, 8, 5]);
  });

  test('repeated submits count toward perMinute, and come before the others', async () => {
    const { kling, emulator } = setUp({}, { limits: { perMinute: 2 } });
    emulator.fail({ on: 'submit', kind: 'status', status: 429, headers: { 'retry-after': '1' }, times: 2 });
    const { results } = await collect(kling, requests(6), { concurrency: 6 });
    expect(results.every(({ status }) => status === 'fulfilled')).toBe(true);
    const submits = emulator.requests.filter(({ operation }) => operation === 'submit');
    expect(submits).toHaveLength(8);
    for (let index = 2; index < submits.length; index++) {
      expect((submits[index]?.at ?? 0) - (submits[index - 2]?.at ?? 0)).toBeGreaterThanOrEqual(60_000);
    }
    const prompts = submits.slice(0, 4).map(({ body }) => (body as { prompt: string }).prompt);
    expect(new Set(prompts)).toEqual(new Set(['Fox 0', 'Fox 1']));
  });

  test('an invalid request, or one over the budget, waits for no turn', async () => {
    const { kling, emulator } = setUp({}, { level: 'bronze' });
    const bad = { model: KLING_O1, input: { prompt: '' } } as const;
    const source = [bad, bad, bad, null as unknown as ManyRequest, ...requests(1)];
    const { results } = await collect(kling, source, {}, 5000);
    expect(results.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 4 }, () => 'rejected'),
      'fulfilled',
    ]);
    expect(results.slice(0, 4).every((result) => result.status === 'rejected')).toBe(true);
    for (const result of results.slice(0, 4)) {
      expect(result.status === 'rejected' && result.reason).toBeInstanceOf(InvalidInputError);
    }
    expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
  });

  test('a batch gives back the budget of a refused submit, and not of one that may have been accepted', async () => {
    const { kling, emulator } = setUp();
    emulator.fail({ on: 'submit', kind: 'status', status: 400 });
    emulator.fail({ on: 'submit', kind: 'status', status: 500 });
    function* some() {
      yield* requests(4);
    }
    const { results } = await collect(kling, some(), { concurrency: 1, maxCost: 0.84 });
    const inOrder = results.toSorted((one, other) => one.index - other.index);
    const names = inOrder.map((result) =>
      result.status === 'rejected' ? (result.reason as Error).name : result.status,
    );
    expect(names).toEqual(['ApiError', 'SubmissionUnknownError', 'fulfilled', 'BudgetExceededError']);
  });

  test('a budget counts only what is submitted: no key that has its task, and no refused request before the next', async () => {
    const [first, second, third] = requests(3).map((request, index) => ({
      ...request,
      idempotencyKey: `order-${index}`,
    })) as [ManyRequest, ManyRequest, ManyRequest];
    const { kling, emulator } = setUp();
    const earlier = await collect(kling, [first], {});
    expect(earlier.results.map(({ status }) => status)).toEqual(['fulfilled']);
    emulator.fail({ on: 'submit', kind: 'status', status: 400 });
    const source = [first, second, first, third, third];
    const { results } = await collect(kling, source, { concurrency: 1, maxCost: 0.42 });
    const inOrder = results.toSorted((one, other) => one.index - other.index);
    expect(inOrder.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    expect(emulator.account.tasks).toHaveLength(2);
  });

  test('maxCost does not hide the video of a key, which is paid for', async () => {
    const { kling, emulator } = setUp();
    const run = (maxCost?: number) =>
      kling.run(KLING_O3_STD, { prompt: 'A fox' }, { idempotencyKey: 'order', maxCost });
    const paid = run();
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await run(0.01)).id).toBe((await paid).id);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
  });

  test('runMany takes no more from an endless source than its results are read', async () => {
    const { kling } = setUp();
    let taken = 0;
    function* endless() {
      for (;;) {
        taken++;
        yield* requests(1);
      }
    }
    const batch = kling.runMany(endless(), { concurrency: 5, maxCost: 0.42, onSubmitted: () => {} });
    const first = await batch.next();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(first.value).toMatchObject({ status: 'rejected' });
    expect(taken).toBeLessThanOrEqual(10);
    await batch.return();
  });

  test.each([undefined, null, 5, 'abc', {}])('runMany rejects %j in place of requests', async (source) => {
    const { kling } = setUp();
    const error = await rejection(kling.runMany(source as unknown as ManyRequest[], FREE).next());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(String(error)).toMatch(/`requests`: got .+; expected an array of \{ model, input \}/);
  });

  test('an aborted batch yields the running requests with their tasks, then rejects with the reason', async () => {
    const { kling, emulator } = setUp();
    const controller = new AbortController();
    const running = collect(kling, requests(10), { concurrency: 3, signal: controller.signal }, 0);
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

  test('a batch with an aborted signal sends nothing', async () => {
    const { kling, emulator } = setUp();
    expect(await rejection(kling.runMany(requests(1), { signal: AbortSignal.abort('left') }).next())).toBe(
      'left',
    );
    expect(emulator.requests).toEqual([]);
  });

  test.each([{ level: 'silver' }, { concurrency: 0 }, { perMinute: 2 }, { concurency: 3 }])(
    'runMany rejects the options %j',
    async (options) => {
      const { kling } = setUp();
      expect(await rejection(kling.runMany([], options as RunManyOptions).next())).toBeInstanceOf(
        ConfigurationError,
      );
    },
  );

  test('a source that throws ends a batch, after the running requests', async () => {
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
