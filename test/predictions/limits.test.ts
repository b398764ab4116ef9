/** Limits of a client: counted at the POST, by the monotonic clock, and for as long as a task or its wait lasts. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { KLING_O3_STD, WaveSpeedKling, type WaveSpeedKlingOptions } from 'wavespeed-kling';
import { createEmulator, type EmulatorOptions } from 'wavespeed-kling/testing';
import { clientOn, deferred, done, envelope, isSubmit, rejection, task } from '../support/client.js';
import { picture } from '../media/support.js';

const INPUT = { prompt: 'A fox in the snow' } as const;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp(clientOptions: WaveSpeedKlingOptions, options: EmulatorOptions = {}) {
  const emulator = createEmulator({ balance: 10_000, ...options });
  const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, fetch: emulator.fetch, ...clientOptions });
  return { emulator, kling };
}

/** Lets real I/O go on until the condition holds. */
async function settle(isReached: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5000 && !isReached(); turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(0);
  }
}

/** The most submits that began within any minute, by the given times. */
function mostInAMinute(times: readonly number[]): number {
  return Math.max(
    0,
    ...times.map((start) => times.filter((at) => at >= start && at < start + 60_000).length),
  );
}

describe('perMinute', () => {
  test('perMinute counts POSTs, not turns: uploads that take long and end together do not add up', async () => {
    const emulator = createEmulator({ balance: 10_000 });
    const times: number[] = [];
    const gate = deferred<void>();
    let uploads = 0;
    const fetch = (async (url: string, init: RequestInit) => {
      if (url.endsWith(KLING_O3_STD)) times.push(performance.now());
      else if (url.includes('/media/')) {
        uploads++;
        await gate.promise;
      }
      return emulator.fetch(url, init);
    }) as typeof globalThis.fetch;
    const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, fetch, limits: { perMinute: 3 } });
    const running = Promise.all(
      Array.from({ length: 9 }, (_, index) =>
        kling.submit(KLING_O3_STD, {
          ...INPUT,
          images: [new Blob([new Uint8Array(picture()), String(index)])],
        }),
      ),
    );
    await settle(() => uploads === 9);
    // The turns of the first three would have come long ago.
    await vi.advanceTimersByTimeAsync(59_000);
    expect(times).toEqual([]);
    gate.resolve();
    await settle(() => times.length >= 3);
    for (let minute = 0; minute < 3; minute++) {
      await settle(() => times.length >= 3 * (minute + 1));
      await vi.advanceTimersByTimeAsync(60_000);
    }
    await running;
    expect(times).toHaveLength(9);
    expect(mostInAMinute(times)).toBe(3);
  });

  test('perMinute counts POSTs, not turns: slow keys do not add up', async () => {
    const times: number[] = [];
    const gates = Array.from({ length: 6 }, () => deferred<string>());
    let asked = 0;
    const { kling } = clientOn(
      () => {
        times.push(performance.now());
        return envelope(task());
      },
      {
        limits: { perMinute: 3 },
        requestTimeoutMs: 600_000,
        apiKey: () => gates[asked++]?.promise ?? 'test-key-123456',
      },
    );
    const running = Promise.all(gates.map(() => kling.submit(KLING_O3_STD, INPUT)));
    await vi.advanceTimersByTimeAsync(59_000);
    for (const gate of gates) gate.resolve('test-key-123456');
    await vi.advanceTimersByTimeAsync(300_000);
    await running;
    expect(mostInAMinute(times)).toBe(3);
  });

  test.each([
    ['an hour back', -3_600_000],
    ['70 s ahead', 70_000],
  ])('perMinute is not changed by a machine clock that is set %s', async (_what, shiftMs) => {
    const times: number[] = [];
    const { kling } = clientOn(
      () => {
        times.push(performance.now());
        return envelope(task());
      },
      { limits: { perMinute: 5 } },
    );
    const submit = (count: number) => Array.from({ length: count }, () => kling.submit(KLING_O3_STD, INPUT));
    const before = submit(10);
    await vi.advanceTimersByTimeAsync(1000);
    expect(times).toHaveLength(5);
    vi.setSystemTime(Date.now() + shiftMs);
    // A new submit makes the client look at its clock.
    const after = submit(5);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(times).toHaveLength(5);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(times).toHaveLength(10);
    await vi.advanceTimersByTimeAsync(60_000);
    await Promise.all([...before, ...after]);
    expect(mostInAMinute(times)).toBe(5);
  });

  test('a submit that was never sent takes no place', async () => {
    let down = true;
    const { kling, seen } = clientOn(() => envelope(task()), {
      limits: { perMinute: 1 },
      maxRetries: 0,
      apiKey: () => {
        if (down) throw new Error('no key');
        return 'test-key-123456';
      },
    });
    for (let count = 0; count < 5; count++) await rejection(kling.submit(KLING_O3_STD, INPUT));
    down = false;
    await kling.submit(KLING_O3_STD, INPUT);
    expect(seen).toHaveLength(1);
  });
});

test.each([
  ['an hour back', -3_600_000],
  ['70 s ahead', 70_000],
])('time limits are not changed by a machine clock that is set %s', async (_what, shiftMs) => {
  const { kling } = clientOn(() => envelope(task({ status: 'processing' })));
  let settled = false;
  const running = rejection(
    kling.run(KLING_O3_STD, INPUT, { timeoutMs: 10_000 }).finally(() => (settled = true)),
  );
  await vi.advanceTimersByTimeAsync(2000);
  vi.setSystemTime(Date.now() + shiftMs);
  await vi.advanceTimersByTimeAsync(7900);
  expect(settled).toBe(false);
  await vi.advanceTimersByTimeAsync(200);
  expect(settled).toBe(true);
  expect(await running).toMatchObject({ name: 'WaitTimeoutError' });
});

test.each([-3_600_000, 0, 70_000])(
  'a Retry-After date is read by the service’s clock (this machine’s is off by %i ms)',
  async (offsetMs) => {
    let isFirst = true;
    const { kling, seen } = clientOn(() => {
      if (!isFirst) return envelope(task());
      isFirst = false;
      const now = Date.now() - offsetMs;
      const headers = {
        date: new Date(now).toUTCString(),
        'retry-after': new Date(now + 20_000).toUTCString(),
      };
      return envelope(null, 429, 'slow', headers);
    });
    const running = kling.submit(KLING_O3_STD, INPUT);
    await vi.advanceTimersByTimeAsync(120_000);
    await running;
    expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBe(20_000);
  },
);

describe('concurrency', () => {
  const limits = { concurrency: 2 };

  test('concurrency counts a task until it has ended', async () => {
    const { kling, emulator } = setUp({ limits }, { queueMs: 0, processingMs: 20_000 });
    const most: number[] = [];
    const running = Promise.all(
      Array.from({ length: 6 }, () => kling.run(KLING_O3_STD, INPUT, { pollIntervalMs: 100 })),
    );
    for (let step = 0; step < 800; step++) {
      await vi.advanceTimersByTimeAsync(100);
      most.push(emulator.account.tasks.filter(({ status }) => status !== 'completed').length);
    }
    await running;
    expect(Math.max(...most)).toBe(2);
  });

  test.each(['wait', 'watch'] as const)('concurrency counts tasks that are resumed by %s', async (how) => {
    const { kling, emulator } = setUp({ limits }, { queueMs: 0, processingMs: 20_000 });
    const old = [emulator.addTask(), emulator.addTask()];
    const resumed = old.map(async ({ id }) => {
      if (how === 'wait') return kling.wait(id);
      for await (const _ of kling.watch(id)) continue;
      return undefined;
    });
    await vi.advanceTimersByTimeAsync(10);
    const running = kling.run(KLING_O3_STD, INPUT);
    await vi.advanceTimersByTimeAsync(19_000);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    await Promise.all([...resumed, running]);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
  });

  const endings: [string, (controller: AbortController) => object, string][] = [
    ['timed out', () => ({ timeoutMs: 5000 }), 'WaitTimeoutError'],
    ['was aborted', ({ signal }) => ({ signal }), 'AbortError'],
    [
      'had an onUpdate that throws',
      () => ({
        onUpdate: ({ status }: { status: string }) => {
          if (status === 'processing') throw new Error('full');
        },
      }),
      'WaveSpeedError',
    ],
    [
      'had an onSubmitted that throws',
      () => ({ onSubmitted: () => Promise.reject(new Error('full')) }),
      'WaveSpeedError',
    ],
  ];
  test.each(endings)('a place is free again when the wait %s', async (_how, optionsOf, name) => {
    const controller = new AbortController();
    const { kling, emulator } = setUp(
      { limits: { concurrency: 1 } },
      { queueMs: 500, processingMs: 3_600_000 },
    );
    const first = rejection(kling.run(KLING_O3_STD, INPUT, optionsOf(controller)));
    const second = rejection(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 60_000 }));
    await vi.advanceTimersByTimeAsync(5000);
    controller.abort();
    expect(await first).toMatchObject({ name });
    await vi.advanceTimersByTimeAsync(1000);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(2);
    await vi.advanceTimersByTimeAsync(60_000);
    await second;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a place is free again after each way in which a submit is refused', async () => {
    let fail: (() => Response | Promise<Response>) | undefined;
    const { kling, posts } = clientOn((request) => (isSubmit(request) && fail ? fail() : envelope(done())), {
      limits: { concurrency: 1 },
      maxRetries: 0,
      requestTimeoutMs: 1000,
    });
    const failures = [
      () => envelope(null, 400, 'bad'),
      () => envelope(null, 429, 'slow', { 'retry-after': '0' }),
    ];
    for (const [index, failing] of failures.entries()) {
      fail = failing;
      const failed = rejection(kling.run(KLING_O3_STD, INPUT));
      await vi.advanceTimersByTimeAsync(2000);
      await failed;
      fail = undefined;
      const next = kling.run(KLING_O3_STD, INPUT);
      await vi.advanceTimersByTimeAsync(2000);
      await next;
      expect(posts()).toBe(2 * (index + 1));
    }
  });
});

describe('a submit with an unknown outcome', () => {
  /** A service that answers the first submits with a gateway's 502. */
  function losing(times: number, concurrency = 2) {
    let submits = 0;
    return clientOn(
      (request) => {
        const id = /predictions\/([^/]+)\/result$/.exec(request.path)?.[1];
        if (!isSubmit(request)) return envelope(id === undefined ? [] : task({ id }));
        submits++;
        return submits <= times
          ? envelope(null, 502, 'bad gateway')
          : envelope(task({ id: `task-${submits}` }));
      },
      { limits: { concurrency } },
    );
  }

  test('a submit with an unknown outcome keeps its place for 30 minutes, as long as a task may run', async () => {
    const { kling, posts } = losing(2);
    const lost = [1, 2].map(() => rejection(kling.submit(KLING_O3_STD, INPUT)));
    for (const error of await Promise.all(lost))
      expect(error).toMatchObject({ name: 'SubmissionUnknownError' });
    const next = kling.submit(KLING_O3_STD, INPUT);
    await vi.advanceTimersByTimeAsync(30 * 60_000 - 1000);
    expect(posts()).toBe(2);
    await vi.advanceTimersByTimeAsync(2000);
    expect(posts()).toBe(3);
    await next;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a submit that already waits as another one is lost gets its place after 30 minutes', async () => {
    const { kling, posts } = losing(1, 1);
    const lost = rejection(kling.submit(KLING_O3_STD, INPUT));
    const next = kling.submit(KLING_O3_STD, INPUT);
    await lost;
    await vi.advanceTimersByTimeAsync(30 * 60_000 + 1000);
    expect(posts()).toBe(2);
    await next;
  });

  test.each([
    ['a 500', () => envelope(null, 500, 'oops')],
    ['a reset', () => Promise.reject(new TypeError('reset'))],
    ['a response that never comes', () => new Promise<Response>(() => undefined)],
  ])('a submit keeps its place after %s', async (_, fail: () => Response | Promise<Response>) => {
    let isFirst = true;
    const answer = () => {
      const answered = isFirst ? fail() : envelope(done());
      isFirst = false;
      return answered;
    };
    const { kling, posts } = clientOn(answer, { limits: { concurrency: 1 }, requestTimeoutMs: 1000 });
    const lost = rejection(kling.submit(KLING_O3_STD, INPUT));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await lost).toMatchObject({ name: 'SubmissionUnknownError' });
    const next = kling.submit(KLING_O3_STD, INPUT);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(posts()).toBe(1);
    await vi.advanceTimersByTimeAsync(30 * 60_000);
    await next;
    expect(posts()).toBe(2);
  });

  test('a lost submit holds no timer while nobody waits for its place', async () => {
    const { kling } = losing(1);
    await rejection(kling.submit(KLING_O3_STD, INPUT));
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a lost submit leaves its place to the wait for the task that its answer named', async () => {
    let submits = 0;
    const { kling, posts } = clientOn(
      (request) => {
        if (!isSubmit(request)) return envelope(done());
        return ++submits === 1 ? envelope({ id: 'task-1' }, 502, 'bad gateway') : envelope(done());
      },
      { limits: { concurrency: 1 } },
    );
    const error = await rejection(kling.submit(KLING_O3_STD, INPUT));
    expect(error).toMatchObject({ name: 'SubmissionUnknownError', predictionId: 'task-1' });
    await kling.wait('task-1');
    await kling.submit(KLING_O3_STD, INPUT);
    expect(posts()).toBe(2);
  });

  test('a lost submit frees its place when the history proves that there is no task', async () => {
    let submits = 0;
    const { kling } = clientOn(
      (request) => {
        if (request.path.endsWith('/predictions')) return envelope([]);
        if (!isSubmit(request)) return envelope(done());
        return ++submits === 1 ? envelope(null, 502, 'bad gateway') : envelope(done());
      },
      { limits: { concurrency: 1 } },
    );
    const settings = { idempotencyKey: 'order-1', whenAbsent: 'resubmit' } as const;
    const submitting = kling.submit(KLING_O3_STD, INPUT, settings);
    for (let minute = 0; minute < 5; minute++) await vi.advanceTimersByTimeAsync(60_000);
    expect((await submitting).id).toBe('task-1');
    expect(submits).toBe(2);
  });

  test('a lost submit frees its place when its key is resolved by hand', async () => {
    const { kling, posts } = losing(1);
    const settings = { idempotencyKey: 'order-1', timeoutMs: 1000 };
    const lost = rejection(kling.submit(KLING_O3_STD, INPUT, settings));
    await settle(() => posts() === 1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await lost).toMatchObject({ name: 'SubmissionUnknownError' });
    await kling.resolve('order-1', 'task-9');
    await Promise.all([1, 2].map(() => kling.submit(KLING_O3_STD, INPUT)));
    expect(posts()).toBe(3);
  });
});
