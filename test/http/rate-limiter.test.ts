// How the submits of one client go on after the service said "too many".
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiError, KLING_O3_STD, RateLimitError } from 'wavespeed-kling';
import { clientOn, deferred, envelope, rejection, task } from '../support/client.js';

const INPUT = { prompt: 'A fox in the snow' } as const;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const tooMany = (headers: Record<string, string> = {}) => envelope(null, 429, 'too many', headers);

test('those refused together count as one refusal: the wait is that of a first', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  const gate = deferred<undefined>();
  const { kling, posts } = clientOn(async () => {
    if (posts() > 20) return envelope(task());
    await gate.promise;
    return tooMany();
  });
  const submits = Array.from({ length: 20 }, () => kling.submit(KLING_O3_STD, INPUT));
  await vi.advanceTimersByTimeAsync(10);
  expect(posts()).toBe(20);
  gate.resolve(undefined);
  await vi.advanceTimersByTimeAsync(490);
  expect(posts()).toBe(20);
  await vi.advanceTimersByTimeAsync(20);
  await Promise.all(submits);
  expect(posts()).toBe(40);
});

test('refusals in a row make the wait longer, whichever submit meets them', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  const { kling, seen } = clientOn(() => (seen.length <= 3 ? tooMany() : envelope(task())), {
    maxRetries: 0,
  });
  const submits: Promise<unknown>[] = [];
  for (let count = 0; count < 4; count++) {
    submits.push(kling.submit(KLING_O3_STD, INPUT).catch((error: unknown) => error));
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(10_000);
  expect((await Promise.all(submits)).filter((result) => result instanceof RateLimitError)).toHaveLength(3);
  const [first = 0, ...later] = seen.map(({ at }) => at);
  expect(later.map((at) => at - first)).toEqual([500, 1500, 3500]);
});

test('an answer that is no refusal for the rate lets more through, also where it refuses the request', async () => {
  const { kling, seen } = clientOn(({ body }) => {
    if (seen.length === 1) return tooMany({ 'retry-after': '1' });
    const { prompt } = body as { prompt: string };
    return prompt === 'bad' ? envelope(null, 400, 'refused') : new Promise<Response>(() => undefined);
  });
  const first = kling.submit(KLING_O3_STD, { prompt: 'bad' });
  const rejected = rejection(first);
  await vi.advanceTimersByTimeAsync(500);
  const { signal } = new AbortController();
  for (let count = 0; count < 5; count++)
    void kling.submit(KLING_O3_STD, INPUT, { signal }).catch(() => undefined);
  await vi.advanceTimersByTimeAsync(600);
  expect(await rejected).toBeInstanceOf(ApiError);
  // The bad one, then two of the five that hang.
  expect(seen).toHaveLength(2 + 2);
});

test.each([5000, 62_000])(
  'a wait for another submit ends at the deadline of %i ms, with what stood in the way',
  async (timeoutMs) => {
    const { kling, posts } = clientOn(
      () => (posts() === 1 ? tooMany({ 'retry-after': '1' }) : new Promise<Response>(() => undefined)),
      { requestTimeoutMs: 100_000 },
    );
    const hanging = kling.submit(KLING_O3_STD, INPUT).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(500);
    const second = rejection(kling.run(KLING_O3_STD, INPUT, { timeoutMs }));
    await vi.advanceTimersByTimeAsync(timeoutMs);
    expect(await second).toBeInstanceOf(RateLimitError);
    expect(posts()).toBe(2);
    await vi.advanceTimersByTimeAsync(120_000);
    await hanging;
  },
);
