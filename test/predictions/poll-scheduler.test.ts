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

test('maxPollsPerSecond may be less than one', async () => {
  const polls = await watchPolls(3, 11, 0.5);
  expect(polls.map(({ at }) => at)).toEqual([0, 2000, 4000, 6000, 8000, 10_000]);
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
