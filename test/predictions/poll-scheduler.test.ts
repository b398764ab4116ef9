// The polls of many waits of one client: how many a second, in which order, and what slows them.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KLING_O3_STD, type Prediction } from 'wavespeed-kling';
import { clientOn, done, envelope, isPoll, rejection, task } from '../support/client.js';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const idOf = ({ path }: { path: string }) => path.split('/')[4] ?? '';

/** Starts waits, and returns the polls of each second. */
async function watchPolls(count: number, seconds: number, maxPollsPerSecond?: number) {
  const { kling, seen } = clientOn((request) => envelope(task({ id: idOf(request) })), { maxPollsPerSecond });
  const controller = new AbortController();
  const { signal } = controller;
  const waits = Array.from({ length: count }, (_, index) =>
    rejection(kling.wait(`task-${index}`, { signal })),
  );
  const start = Date.now();
  await vi.advanceTimersByTimeAsync(seconds * 1000);
  controller.abort();
  await Promise.all(waits);
  expect(vi.getTimerCount()).toBe(0);
  return seen.map((request) => ({ at: request.at - start, id: idOf(request), isPoll: isPoll(request) }));
}

test('1,000 waits keep to maxPollsPerSecond within 5 %, in any second', async () => {
  const polls = await watchPolls(1000, 10);
  expect(polls.every((poll) => poll.isPoll)).toBe(true);
  for (let from = 0; from <= 9000; from += 100) {
    const within = polls.filter(({ at }) => at >= from && at < from + 1000).length;
    expect(within).toBeGreaterThanOrEqual(190);
    expect(within).toBeLessThanOrEqual(210);
  }
});

test('1,000 waits are each polled in turn, and none starves', async () => {
  const polls = await watchPolls(1000, 16);
  const times = new Map<string, number[]>();
  for (const { id, at } of polls) times.set(id, [...(times.get(id) ?? []), at]);
  expect(times.size).toBe(1000);
  for (const each of times.values()) {
    expect(each.length).toBeGreaterThanOrEqual(3);
    for (const [index, at] of each.entries()) {
      // 1,000 waits at 200 a second: each every 5 seconds.
      if (index > 0) expect(at - (each[index - 1] ?? 0)).toBeLessThanOrEqual(5300);
    }
  }
});

test('few waits are not slowed down', async () => {
  const polls = await watchPolls(10, 4.9);
  expect(polls).toHaveLength(10 * 5);
});

/** Starts waits some milliseconds apart, and returns when each polled. */
async function pollsOfStaggered(
  count: number,
  apartMs: number,
  seconds: number,
  options: { maxPollsPerSecond?: number; pollIntervalMs?: number } = {},
) {
  const { kling, seen } = clientOn((request) => envelope(task({ id: idOf(request) })), options);
  const controller = new AbortController();
  // A client that is not new may send several at once.
  await vi.advanceTimersByTimeAsync(1000);
  const start = Date.now();
  const waits: Promise<unknown>[] = [];
  for (let index = 0; index < count; index++) {
    waits.push(rejection(kling.wait(`task-${index}`, { signal: controller.signal })));
    await vi.advanceTimersByTimeAsync(apartMs);
  }
  await vi.advanceTimersByTimeAsync(seconds * 1000 - count * apartMs);
  controller.abort();
  await Promise.all(waits);
  expect(vi.getTimerCount()).toBe(0);
  const times = new Map<string, number[]>();
  for (const request of seen)
    times.set(idOf(request), [...(times.get(idOf(request)) ?? []), request.at - start]);
  return [...times.values()];
}

test('polls that fall due within 25 ms are sent together when the last of them is due, and stay together', async () => {
  const times = await pollsOfStaggered(6, 5, 3.5);
  expect(times).toEqual([0, 5, 10, 15, 20, 25].map((first) => [first, 1025, 2025, 3025]));
});

test('a poll that is due alone is on time', async () => {
  const times = await pollsOfStaggered(3, 60, 2.5);
  expect(times).toEqual([0, 60, 120].map((first) => [first, first + 1000, first + 2000]));
});

test('polls at a short interval are at most 5 % of it late', async () => {
  const times = await pollsOfStaggered(3, 4, 0.25, { pollIntervalMs: 100 });
  expect(times).toEqual([
    [0, 104, 208],
    [4, 104, 208],
    [8, 108, 208],
  ]);
});

test('a poll at a short interval does not wait for one at a long interval', async () => {
  const { kling, seen } = clientOn((request) => envelope(task({ id: idOf(request) })));
  const controller = new AbortController();
  const { signal } = controller;
  await vi.advanceTimersByTimeAsync(1000);
  const start = Date.now();
  const waits = [
    rejection(kling.wait('long', { signal })),
    rejection(kling.wait('short', { signal, pollIntervalMs: 100 })),
  ];
  await vi.advanceTimersByTimeAsync(915);
  waits.push(rejection(kling.wait('later', { signal, pollIntervalMs: 100 })));
  await vi.advanceTimersByTimeAsync(300);
  controller.abort();
  await Promise.all(waits);
  const times = seen.filter((request) => idOf(request) === 'short').map(({ at }) => at - start);
  expect(times).toEqual(Array.from({ length: 13 }, (_, index) => index * 100));
});

test('no more polls are sent together than maxPollsPerSecond lets go at once', async () => {
  // Four: 5 % of 80.
  const times = await pollsOfStaggered(5, 6, 1.5, { maxPollsPerSecond: 80 });
  expect(times.map((each) => each[1])).toEqual([1018, 1018, 1018, 1018, 1031]);
});

test('a wait that ends leaves those that would have polled with it', async () => {
  const { kling, seen } = clientOn((request) => envelope(task({ id: idOf(request) })));
  const [left, stays] = [new AbortController(), new AbortController()];
  const waits = [
    rejection(kling.wait('left', { signal: left.signal })),
    rejection(kling.wait('stays', { signal: stays.signal })),
  ];
  await vi.advanceTimersByTimeAsync(500);
  left.abort();
  await vi.advanceTimersByTimeAsync(1000);
  stays.abort();
  await Promise.all(waits);
  expect(seen.map(idOf)).toEqual(['left', 'stays', 'stays']);
  expect(vi.getTimerCount()).toBe(0);
});

test('maxPollsPerSecond may be less than one', async () => {
  const polls = await watchPolls(3, 11, 0.5);
  expect(polls.map(({ at }) => at)).toEqual([0, 2000, 4000, 6000, 8000, 10_000]);
});

test('a wait goes on in a test that moves timers alone, and not performance.now()', async () => {
  vi.useRealTimers();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { kling, seen } = clientOn(() => envelope(task()));
  const controller = new AbortController();
  const waiting = rejection(kling.wait('task-1', { signal: controller.signal }));
  await vi.advanceTimersByTimeAsync(3000);
  expect(seen).toHaveLength(4);
  controller.abort();
  await waiting;
});

test('a wait that a webhook event woke goes first', async () => {
  const { kling, seen } = clientOn((request) => envelope(task({ id: idOf(request) })), {
    maxPollsPerSecond: 10,
  });
  let wake: (prediction: Prediction) => void = () => undefined;
  const webhookReceiver = {
    subscribe: (_id: string, listener: (prediction: Prediction) => void) => {
      wake = listener;
      return () => undefined;
    },
  };
  const controller = new AbortController();
  const { signal } = controller;
  const waits = [
    rejection(kling.wait('woken', { signal, webhookReceiver })),
    ...Array.from({ length: 100 }, (_, index) => rejection(kling.wait(`other-${index}`, { signal }))),
  ];
  await vi.advanceTimersByTimeAsync(5000);
  const before = seen.length;
  wake(task({ id: 'woken', status: 'processing' }) as unknown as Prediction);
  await vi.advanceTimersByTimeAsync(200);
  expect(seen.slice(before).map(idOf).slice(0, 1)).toEqual(['woken']);
  controller.abort();
  await Promise.all(waits);
});

test.each([429, 503])('a %i with Retry-After on one poll slows all of them', async (status) => {
  let polls = 0;
  const { kling, seen } = clientOn((request) => {
    polls++;
    if (polls === 20) return envelope(null, status, 'slow down', { 'retry-after': '10' });
    return envelope(polls > 60 ? done({ id: idOf(request) }) : task({ id: idOf(request) }));
  });
  const start = Date.now();
  const waits = Array.from({ length: 10 }, (_, index) => kling.wait(`task-${index}`));
  await vi.advanceTimersByTimeAsync(60_000);
  await Promise.all(waits);
  const paused = seen.filter(({ at }) => at - start > 1100 && at - start < 11_000);
  expect(paused).toEqual([]);
});

test('no wait ever asks the list, with or without a webhook receiver, through failures and to its end', async () => {
  let polls = 0;
  const { kling, seen } = clientOn((request) => {
    if (!isPoll(request)) return envelope(task({ id: 'new' }));
    polls++;
    if (polls % 7 === 0) return new Response('bad gateway', { status: 502 });
    return envelope((polls > 600 ? done : task)({ id: idOf(request) }));
  });
  const webhookReceiver = { subscribe: () => () => undefined };
  const waits = [
    ...Array.from({ length: 50 }, (_, index) => kling.wait(`task-${index}`)),
    kling.wait('with-receiver', { webhookReceiver }),
    kling.run(KLING_O3_STD, { prompt: 'A fox' }),
  ];
  await vi.advanceTimersByTimeAsync(120_000);
  await Promise.all(waits);
  expect(seen.filter(({ path }) => path === '/api/v3/predictions')).toEqual([]);
});
