import { getEventListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  KLING_O1,
  KLING_O3_STD,
  type Prediction,
  PredictionFailedError,
  type RunOptions,
  WaitTimeoutError,
  WaveSpeedKling,
} from 'wavespeed-kling';
import { createEmulator, type EmulatorCore, type EmulatorOptions } from 'wavespeed-kling/testing';
import { failure, rejection } from '../support.js';

const INPUT = { prompt: 'A fox in the snow' } as const;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp(options: EmulatorOptions = {}) {
  const emulator = createEmulator({ balance: 10_000, queueMs: 2000, processingMs: 6000, ...options });
  const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, fetch: emulator.fetch });
  return { emulator, kling };
}

const counts = (emulator: EmulatorCore) => ({
  list: emulator.requestCount({ operation: 'list' }),
  result: emulator.requestCount({ operation: 'result' }),
});

/** A client whose list is not what the service says: each task in it is changed. */
function withList(emulator: EmulatorCore, change: (task: Record<string, unknown>) => object): WaveSpeedKling {
  const fetch: typeof globalThis.fetch = async (url, init) => {
    const response = await emulator.fetch(url, init);
    if (!String(url instanceof Request ? url.url : url).endsWith('/predictions')) return response;
    const body = (await response.json()) as { data: { items: Record<string, unknown>[] } };
    return Response.json({ ...body, data: { ...body.data, items: body.data.items.map(change) } });
  };
  return new WaveSpeedKling({ apiKey: emulator.apiKey, fetch });
}

/** Runs so many tasks and gives when each ended, in milliseconds. */
async function runTimed(kling: WaveSpeedKling, count: number, options: RunOptions = {}) {
  const started = Date.now();
  const running = Array.from({ length: count }, () =>
    kling.run(KLING_O3_STD, INPUT, options).then(() => Date.now() - started),
  );
  const ends = Promise.all(running);
  await vi.advanceTimersByTimeAsync(60_000);
  return ends;
}

/** Runs so many tasks and gives how they went, time having passed as they need. */
async function runAll(kling: WaveSpeedKling, count: number, pass = 30_000) {
  const updates: string[][] = [];
  const ends: number[] = [];
  const started = Date.now();
  const running = Array.from({ length: count }, (_, index) => {
    const seen: string[] = [];
    updates.push(seen);
    const run = kling.run(index % 2 === 0 ? KLING_O3_STD : KLING_O1, INPUT, {
      timeoutMs: pass,
      onUpdate: ({ status }) => void seen.push(status),
    });
    return run.finally(() => ends.push(Date.now() - started));
  });
  const settled = Promise.allSettled(running);
  await vi.advanceTimersByTimeAsync(pass);
  return { updates, ends, results: await settled };
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
    // One look each at first, and one a second that checks the list.
    expect(counts(emulator).result).toBeGreaterThanOrEqual(40);
    expect(counts(emulator).result).toBeLessThanOrEqual(40 + 8);
    expect(counts(emulator).list).toBeLessThanOrEqual(10);
  });

  test('confirm an end without a video on the result URL', async () => {
    const { emulator, kling } = setUp();
    const running = Promise.allSettled(Array.from({ length: 20 }, () => kling.run(KLING_O3_STD, INPUT)));
    await vi.advanceTimersByTimeAsync(3000);
    const before = emulator.requests.length;
    const ids = emulator.account.tasks.slice(0, 5).map(({ id }) => id);
    for (const id of ids) emulator.task(id).fail('content refused');
    await vi.advanceTimersByTimeAsync(20_000);
    const failed = (await running).filter((result) => result.status === 'rejected');
    expect(failed).toHaveLength(5);
    for (const { reason } of failed) expect(reason).toBeInstanceOf(PredictionFailedError);
    const looks = emulator.requests.slice(before).filter(({ path }) => ids.some((id) => path.includes(id)));
    expect(looks).toHaveLength(5);
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
    const { results, ends } = await runAll(kling, 20);
    expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'fulfilled'));
    expect(Math.max(...ends)).toBeLessThanOrEqual(9000);
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

  test.each([
    ['goes on saying "processing"', () => ({ status: 'processing', outputs: [] })],
    ['says nothing of the status', () => ({ status: undefined, outputs: [] })],
    ['says "failed" of them all', () => ({ status: 'failed', outputs: [] })],
    ['has them completed without a video', () => ({ status: 'completed', outputs: null })],
  ])('go by their result URLs where the list %s', async (_how, change) => {
    const { emulator } = setUp({ queueMs: 0, processingMs: 20_000 });
    const kling = withList(emulator, (task) => ({ ...task, ...change() }));
    const ends = await runTimed(kling, 40, { pollIntervalMs: 1000 });
    // Two looks later than by polling each: one that finds the list out, and one more.
    expect(Math.max(...ends)).toBeLessThanOrEqual(20_000 + 3000);
    expect(counts(emulator).result).toBeLessThanOrEqual(40 * 22);
    expect(counts(emulator).list).toBeLessThanOrEqual(23);
  });

  test('are found one by one where the list is wrong about a few', async () => {
    const { emulator } = setUp({ queueMs: 0, processingMs: 5000 });
    const wrong = new Set<unknown>();
    const kling = withList(emulator, (task) => {
      if (wrong.size < 8) wrong.add(task.id);
      return wrong.has(task.id) ? { ...task, status: 'processing', outputs: [] } : task;
    });
    const ends = await runTimed(kling, 40);
    expect(Math.max(...ends)).toBeLessThanOrEqual(5000 + 9000);
    expect(ends.filter((end) => end <= 6000).length).toBeGreaterThanOrEqual(32);
  });

  test('are not held up by a list that hangs: neither their ends nor their deadlines', async () => {
    const { emulator, kling } = setUp({ queueMs: 0, processingMs: 2000 });
    emulator.fail({ on: 'list', kind: 'hang', when: 'headers', times: Infinity });
    const ends = await runTimed(kling, 20, { timeoutMs: 4000 });
    expect(Math.max(...ends)).toBeLessThanOrEqual(3000);
  });

  test('are not held up by result URLs that hang for others', async () => {
    const { emulator, kling } = setUp({ queueMs: 0, processingMs: 4000 });
    emulator.fail({ on: 'list', kind: 'status', status: 404, times: Infinity });
    emulator.fail({ on: 'result', kind: 'hang', when: 'headers', times: 60 });
    const started = Date.now();
    const ends: number[] = [];
    const running = Array.from({ length: 200 }, () =>
      kling.run(KLING_O3_STD, INPUT).then(() => void ends.push(Date.now() - started)),
    );
    await vi.advanceTimersByTimeAsync(8000);
    expect(ends).toHaveLength(140);
    await vi.advanceTimersByTimeAsync(90_000);
    await Promise.all(running);
  });

  test('that are to wait for longer than a timer can count send nothing', async () => {
    // A faked timer does not overflow.
    vi.useRealTimers();
    const warnings = vi.spyOn(process, 'emitWarning');
    const { emulator, kling } = setUp();
    const controller = new AbortController();
    const { signal } = controller;
    const options = { pollIntervalMs: 2 ** 31, timeoutMs: 2 ** 33, signal };
    const running = Array.from({ length: 10 }, () => rejection(kling.run(KLING_O3_STD, INPUT, options)));
    await vi.waitUntil(() => emulator.requestCount({ operation: 'submit' }) === 10);
    await setTimeout(50);
    expect(counts(emulator)).toEqual({ list: 0, result: 0 });
    expect(warnings).not.toHaveBeenCalled();
    warnings.mockRestore();
    controller.abort('left');
    expect(new Set(await Promise.all(running))).toEqual(new Set(['left']));
  });

  test('do not ask again and again about an end that the result URL denies, nor tell of no status', async () => {
    const { emulator } = setUp({ queueMs: 0, processingMs: 15_000 });
    const kling = withList(emulator, (task) => ({
      ...task,
      status: String(task.id).charCodeAt(0) % 2 === 0 ? 'failed' : undefined,
    }));
    const updates = new Set<string>();
    const onUpdate = ({ status }: { status: string }) => void updates.add(status);
    const impatient = kling.run(KLING_O3_STD, INPUT, { pollIntervalMs: 500, onUpdate });
    const ends = await runTimed(kling, 30, { pollIntervalMs: 5000, onUpdate });
    await impatient;
    expect(Math.max(...ends)).toBeLessThanOrEqual(16_000);
    // As by polling each, and once more for each that the list says has ended.
    expect(counts(emulator).result).toBeLessThanOrEqual(30 * 3 + 30 + 31);
    expect(updates).toEqual(new Set(['processing', 'completed']));
  });

  test('outlive a clock that was put back', async () => {
    const { kling } = setUp();
    await runAll(kling, 20);
    await vi.advanceTimersByTimeAsync(3_600_000);
    await runAll(kling, 20);
    vi.useRealTimers();
    vi.useFakeTimers();
    const { results } = await runAll(kling, 20);
    expect(results.every(({ status }) => status === 'fulfilled')).toBe(true);
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

  test('has a webhook’s end without a video confirmed, also when it comes in mid-look', async () => {
    const { emulator } = setUp({ queueMs: 0, processingMs: 60_000 });
    let slow = '';
    const kling = new WaveSpeedKling({
      apiKey: emulator.apiKey,
      fetch: async (url, init) => {
        const isSlow = slow !== '' && String(url instanceof Request ? url.url : url).includes(slow);
        if (!isSlow) return emulator.fetch(url, init);
        // Given up by its wait, it comes to nothing, though late.
        return new Promise<Response>((_, reject) => {
          init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
        });
      },
    });
    const tasks = await Promise.all(Array.from({ length: 8 }, () => kling.submit(KLING_O3_STD, INPUT)));
    const [first, ...rest] = tasks.map(({ id }) => id);
    const others = Promise.all(rest.map((id) => kling.wait(id)));
    slow = first ?? '';
    let tell: (prediction: Prediction) => void = () => undefined;
    const webhooks = {
      subscribe: (_id: string, listener: typeof tell) => {
        tell = listener;
        return () => undefined;
      },
    };
    const waiting = kling.wait(slow, { webhookReceiver: webhooks });
    await vi.advanceTimersByTimeAsync(500);
    const event = { ...(await kling.get(rest[0] ?? '')), id: slow, status: 'failed' };
    emulator.task(slow).complete();
    slow = '';
    tell(event);
    await vi.advanceTimersByTimeAsync(5000);
    expect((await waiting).outputs).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(90_000);
    await others;
  });

  test('that the list cannot show is looked at in its time beside others that ask often', async () => {
    const { emulator, kling } = setUp({ queueMs: 0, processingMs: 60_000 });
    const tasks = await Promise.all(Array.from({ length: 7 }, () => kling.submit(KLING_O3_STD, INPUT)));
    const [first, ...rest] = tasks.map(({ id }) => id);
    const others = Promise.all(rest.map((id) => kling.wait(id, { pollIntervalMs: 50 })));
    await vi.advanceTimersByTimeAsync(2000);
    emulator.task(first ?? '').complete();
    let ended = false;
    const waiting = kling.wait(first ?? '').then(() => {
      ended = true;
    });
    await vi.advanceTimersByTimeAsync(500);
    expect(ended).toBe(true);
    await vi.advanceTimersByTimeAsync(90_000);
    await Promise.all([others, waiting]);
  });

  test('leaves no page on its way where another of the same sweep fails', async () => {
    const { emulator } = setUp({ queueMs: 0, processingMs: 3000 });
    const hanging: (AbortSignal | undefined)[] = [];
    const kling = new WaveSpeedKling({
      apiKey: emulator.apiKey,
      fetch: async (url, init) => {
        const isList = String(url instanceof Request ? url.url : url).endsWith('/predictions');
        const { page } = (isList ? JSON.parse(init?.body as string) : {}) as { page?: number };
        if (page === 2) return Response.json({ code: 500 }, { status: 500 });
        if (page !== 3) return emulator.fetch(url, init);
        hanging.push(init?.signal ?? undefined);
        return new Promise<Response>(() => undefined);
      },
    });
    const { results } = await runAll(kling, 250);
    expect(results.every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(hanging.length).toBeGreaterThanOrEqual(1);
    for (const signal of hanging) expect(signal?.aborted).toBe(true);
  });

  test('knows at its deadline how far its task was', async () => {
    const { kling } = setUp({ queueMs: 2000, processingMs: 60_000 });
    const waits = Array.from({ length: 20 }, () =>
      failure(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 5500 }), WaitTimeoutError),
    );
    await vi.advanceTimersByTimeAsync(10_000);
    for (const { lastPrediction } of await Promise.all(waits)) {
      expect(lastPrediction?.status).toBe('processing');
    }
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
