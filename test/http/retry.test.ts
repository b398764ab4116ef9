import { describe, expect, test, vi } from 'vitest';
import {
  ConfigurationError,
  ConnectionError,
  RateLimitError,
  ServerError,
} from '../../src/core/errors/index.js';
import { parseRetryAfter } from '../../src/http/retry-after.js';
import { isRetryableSubmit } from '../../src/http/proves-not-accepted.js';
import { getRetryDelay } from '../../src/http/retry.js';
import { clientOn, envelope, failure, isPoll } from '../support/client.js';

const limited = (retryAfterMs?: number) =>
  new RateLimitError('slow down', { status: 429, retryAfterMs, body: { code: 429 } });

describe('the delay before another attempt', () => {
  test('the backoff delay has full jitter, doubles each time, and has a floor and a cap', () => {
    const random = vi.spyOn(Math, 'random');
    for (const [drawn, expected] of [
      [0, [100, 100, 100, 100]],
      [0.5, [250, 500, 1000, 2000]],
      [1, [500, 1000, 2000, 4000]],
    ] as const) {
      random.mockReturnValue(drawn);
      expect([1, 2, 3, 4].map((attempt) => getRetryDelay(attempt, new Error()))).toEqual(expected);
    }
    random.mockReturnValue(1);
    expect(getRetryDelay(50, new Error())).toBe(30_000);
    expect(getRetryDelay(5000, new Error())).toBe(30_000);
    random.mockRestore();
  });

  test('the delay after Retry-After has no jitter, a floor of 100 ms and a cap of a minute', () => {
    expect(
      [0, 50, 7000, 60_000, 3_600_000, Infinity].map((asked) => getRetryDelay(1, limited(asked))),
    ).toEqual([100, 100, 7000, 60_000, 60_000, 60_000]);
  });

  test('the delay after an unreadable Retry-After is the backoff, never NaN', () => {
    for (const value of ['', ' ', 'soon', '-1', 'NaN', '1e99', '0x10', '12:00', 'Thu, 99 Foo 2026']) {
      const asked = parseRetryAfter(value, Date.now());
      expect(getRetryDelay(1, limited(asked))).toBeGreaterThanOrEqual(100);
      expect(getRetryDelay(1, limited(asked))).toBeLessThanOrEqual(60_000);
    }
    expect(getRetryDelay(1, new ServerError('x', { status: 503 }))).toBeGreaterThanOrEqual(100);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  test.each([
    ['120', 120_000],
    ['0', 0],
    ['1.5', 1500],
    [' 3 ', 3000],
    ['Thu, 01 Jan 2026 00:00:10 GMT', 10_000],
    ['Wed, 31 Dec 2025 23:59:50 GMT', 0],
    ['soon', undefined],
    ['-1', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('Retry-After %j is read as %j ms', (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
});

test.each([
  [limited(), true],
  [new RateLimitError('slow down', { status: 429, predictionId: 'paid', body: { code: 429 } }), false],
  [new RateLimitError('slow down', { status: 429, body: '<html>' }), false],
  [new ConnectionError('refused', { requestSent: false }), true],
  [new ConnectionError('reset'), false],
  [new ServerError('bad gateway', { status: 502 }), false],
])('a submit that failed with %s may be retried: %s', (error, expected) => {
  expect(isRetryableSubmit(error)).toBe(expected);
});

describe('reads', () => {
  test.each([408, 429, 500, 502, 503, 504])(
    'a read is repeated after %s, maxRetries times and no more',
    async (status) => {
      vi.useFakeTimers();
      const told: [number, string][] = [];
      const { kling, seen } = clientOn(() => envelope(null, status, 'later'), {
        maxRetries: 2,
        onRetry: ({ attempt, operation }) => void told.push([attempt, operation]),
      });
      const failed = kling.balance().catch((error: unknown) => error);
      await vi.runAllTimersAsync();
      expect(await failed).toMatchObject({ status });
      expect(seen).toHaveLength(3);
      expect(told).toEqual([
        [1, 'balance'],
        [2, 'balance'],
      ]);
      vi.useRealTimers();
    },
  );

  test.each([400, 401, 402, 403, 404, 409, 422])('a read is not repeated after %s', async (status) => {
    const { kling, seen } = clientOn(() => envelope(null, status, 'no'));
    await expect(kling.balance()).rejects.toMatchObject({ status });
    expect(seen).toHaveLength(1);
  });

  test('a read with maxRetries: 0 is one attempt', async () => {
    const { kling, seen } = clientOn(() => envelope(null, 503), { maxRetries: 0 });
    await expect(kling.get('id')).rejects.toMatchObject({ status: 503, predictionId: 'id' });
    expect(seen.filter(isPoll)).toHaveLength(1);
  });

  test('a read is not repeated after a key function that throws, and nothing is sent', async () => {
    const { kling, seen } = clientOn(() => envelope(null), {
      apiKey: () => {
        throw new Error('vault is sealed');
      },
    });
    const error = await failure(kling.balance(), ConfigurationError);
    expect(error.cause).toMatchObject({ message: 'vault is sealed' });
    expect(seen).toEqual([]);
  });
});
