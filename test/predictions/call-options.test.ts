/** Options that a call does not accept, and those that reach every request. */
import { describe, expect, test, vi } from 'vitest';
import { ConfigurationError, KLING_O3_STD, SubmissionUnknownError, WaveSpeedKling } from 'wavespeed-kling';
import { clientOn, done, envelope, failure, isPoll, rejection, task } from '../support/client.js';

const INPUT = { prompt: 'A fox in the snow' } as const;
type Kling = WaveSpeedKling;

const calls = {
  submit: (kling: Kling, options: object) => kling.submit(KLING_O3_STD, INPUT, options),
  run: (kling: Kling, options: object) => kling.run(KLING_O3_STD, INPUT, options),
  wait: (kling: Kling, options: object) => kling.wait('task-1', options),
  watch: (kling: Kling, options: object) => kling.watch('task-1', options).next(),
  runMany: (kling: Kling, options: object) => kling.runMany([], options).next(),
  get: (kling: Kling, options: object) => kling.get('task-1', options),
  list: (kling: Kling, options: object) => kling.list({}, options).next(),
  delete: (kling: Kling, options: object) => kling.delete('task-1', options),
  balance: (kling: Kling, options: object) => kling.balance(options),
  quote: (kling: Kling, options: object) => kling.quote(KLING_O3_STD, INPUT, options),
  webhookSecret: (kling: Kling, options: object) => kling.webhookSecret(options),
};

const values: Record<string, unknown> = {
  timeoutMs: 1000,
  pollIntervalMs: 100,
  onUpdate: () => undefined,
  onSubmitted: () => undefined,
  webhookReceiver: { subscribe: () => () => undefined },
  webhookUrl: 'https://example.com/hook',
  maxCost: 1,
  idempotencyKey: 'key',
  whenAbsent: 'throw',
  concurrency: 2,
  onUnknown: () => undefined,
};
const unused: Record<keyof typeof calls, string[]> = {
  submit: ['pollIntervalMs', 'onUpdate', 'webhookReceiver', 'concurrency', 'onUnknown'],
  run: ['concurrency', 'onUnknown'],
  wait: ['onSubmitted', 'webhookUrl', 'maxCost', 'idempotencyKey', 'whenAbsent', 'concurrency'],
  watch: ['onUpdate', 'onSubmitted', 'webhookUrl', 'maxCost', 'idempotencyKey', 'whenAbsent', 'concurrency'],
  runMany: ['idempotencyKey'],
  get: Object.keys(values),
  list: Object.keys(values),
  delete: Object.keys(values),
  balance: Object.keys(values),
  quote: Object.keys(values),
  webhookSecret: Object.keys(values),
};
const cases = Object.entries(unused).flatMap(([call, names]) =>
  names.map((name) => [call as keyof typeof calls, name] as const),
);

test.each(cases)('%s rejects %s, which it does not use', async (call, name) => {
  const { kling, seen } = clientOn(() => envelope(done()));
  const error = await failure(calls[call](kling, { [name]: values[name] }), ConfigurationError);
  expect(error.message).toContain(`\`${name}\``);
  expect(seen).toEqual([]);
});

test.each(['run', 'runMany'] as const)('%s rejects a webhookReceiver without webhookUrl', async (call) => {
  const { kling, seen } = clientOn(() => envelope(done()));
  const error = await failure(
    calls[call](kling, { webhookReceiver: values.webhookReceiver }),
    ConfigurationError,
  );
  expect(error.message).toContain('webhookUrl');
  expect(seen).toEqual([]);
});

test.each([{ timeoutMS: 5 }, { timeoutMs: 0 }, { timeoutMs: '5' }, { signal: {} }, 5, null])(
  'candidates() rejects %j',
  async (options) => {
    const { kling, seen } = clientOn(() => Response.error());
    const lost = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    const before = seen.length;
    await failure(lost.candidates(options as never), ConfigurationError);
    expect(seen).toHaveLength(before);
  },
);

describe('options with a prototype', () => {
  class Defaults {
    get maxCost() {
      return 0.01;
    }
  }

  test('an inherited maxCost is a limit', async () => {
    const { kling, seen } = clientOn(() => envelope(done()));
    expect(await rejection(calls.run(kling, new Defaults()))).toMatchObject({ name: 'BudgetExceededError' });
    expect(await rejection(calls.submit(kling, new Defaults()))).toMatchObject({
      name: 'BudgetExceededError',
    });
    const batch = kling.runMany([{ model: KLING_O3_STD, input: INPUT }], new Defaults());
    expect(await batch.next()).toMatchObject({ value: { reason: { name: 'BudgetExceededError' } } });
    expect(seen).toEqual([]);
  });

  test('a misspelt inherited option is rejected, as an own one is, and a method is not an option', async () => {
    const { kling, seen } = clientOn(() => envelope(done()));
    class Misspelt {
      get maxcost() {
        return 0.01;
      }
    }
    for (const options of [new Misspelt(), Object.create({ maxcost: 0.01 }) as object]) {
      expect(await rejection(calls.run(kling, options))).toMatchObject({ name: 'ConfigurationError' });
    }
    expect(seen).toEqual([]);
    class Helpful {
      help() {
        return 'text';
      }
    }
    expect(await calls.run(kling, new Helpful())).toMatchObject({ status: 'completed' });
  });

  test('an inherited signal aborts', async () => {
    const { kling, seen } = clientOn(() => envelope(done()));
    const options = Object.create({ signal: AbortSignal.abort('left') }) as object;
    expect(await rejection(calls.run(kling, options))).toBe('left');
    expect(await rejection(calls.wait(kling, options))).toMatchObject({ cause: 'left' });
    expect(await rejection(calls.watch(kling, options))).toMatchObject({ cause: 'left' });
    expect(seen).toEqual([]);
  });

  test('an option on Object.prototype does not count', async () => {
    const { kling, posts } = clientOn(() => envelope(done()));
    Object.defineProperty(Object.prototype, 'maxCost', { value: 0.01, configurable: true });
    try {
      await kling.run(KLING_O3_STD, INPUT, {});
    } finally {
      delete (Object.prototype as { maxCost?: number }).maxCost;
    }
    expect(posts()).toBe(1);
  });

  test('a misspelt option that is not enumerable is rejected as well', async () => {
    const { kling, seen } = clientOn(() => envelope(done()));
    const options = Object.defineProperty({}, 'maxcost', { value: 0.01 });
    const error = await failure(kling.run(KLING_O3_STD, INPUT, options), ConfigurationError);
    expect(error.message).toContain('did you mean `maxCost`?');
    expect(seen).toEqual([]);
  });

  test('each option is read once, so that what was checked is what is used', async () => {
    const { kling, seen } = clientOn(() => envelope(done()));
    let reads = 0;
    const options = {
      get maxCost() {
        return reads++ === 0 ? 0.01 : 100;
      },
    };
    expect(await rejection(kling.run(KLING_O3_STD, INPUT, options))).toMatchObject({
      name: 'BudgetExceededError',
    });
    expect(seen).toEqual([]);
  });
});

describe('defaults of the client', () => {
  test('WAVESPEED_BASE_URL is the origin, unless `baseUrl` is given; an empty one counts as not set', async () => {
    const seen: string[] = [];
    const fetch = (async (url: string) => {
      seen.push(url);
      return envelope({ balance: 1 });
    }) as typeof globalThis.fetch;
    vi.stubEnv('WAVESPEED_BASE_URL', 'http://127.0.0.1:9/proxy/');
    await new WaveSpeedKling({ apiKey: 'k', fetch }).balance();
    await new WaveSpeedKling({ apiKey: 'k', fetch, baseUrl: 'https://other.example' }).balance();
    vi.stubEnv('WAVESPEED_BASE_URL', '');
    await new WaveSpeedKling({ apiKey: 'k', fetch }).balance();
    expect(seen).toEqual([
      'http://127.0.0.1:9/proxy/api/v3/balance',
      'https://other.example/api/v3/balance',
      'https://api.wavespeed.ai/api/v3/balance',
    ]);
    vi.stubEnv('WAVESPEED_BASE_URL', 'ftp://x');
    expect(() => new WaveSpeedKling({ apiKey: 'k', fetch })).toThrow(ConfigurationError);
  });

  test.each([
    ['a call’s maxRetries of 0 overrides the client’s', 5, 0, 1],
    ['a call’s maxRetries of 2 overrides the client’s', 0, 2, 3],
    ['the client’s maxRetries holds where the call has none', 1, undefined, 2],
  ])('maxRetries: %s', async (_what, clientRetries, maxRetries, expected) => {
    vi.useFakeTimers();
    for (const call of [
      'submit',
      'run',
      'get',
      'balance',
      'quote',
      'webhookSecret',
      'delete',
      'list',
    ] as const) {
      const { kling, seen } = clientOn(() => envelope(null, 429, 'slow'), { maxRetries: clientRetries });
      const rejected = rejection(calls[call](kling, maxRetries === undefined ? {} : { maxRetries }));
      await vi.advanceTimersByTimeAsync(600_000);
      expect(await rejected).toMatchObject({ name: 'RateLimitError' });
      expect([call, seen.length]).toEqual([call, expected]);
    }
    vi.useRealTimers();
  });

  test.each(['run', 'wait', 'watch', 'runMany'] as const)(
    'timeoutMs and pollIntervalMs of the client hold for %s, and a call overrides them',
    async (call) => {
      vi.useFakeTimers();
      const polls = async (options: object) => {
        const { kling, seen } = clientOn(() => envelope(task({ status: 'processing' })), {
          timeoutMs: 10_000,
          pollIntervalMs: 2000,
        });
        const settle = async () => {
          if (call === 'watch') for await (const _ of kling.watch('task-1', options)) continue;
          if (call !== 'runMany') return calls[call](kling, options);
          const { value } = await kling.runMany([{ model: KLING_O3_STD, input: INPUT }], options).next();
          throw (value as { reason: unknown }).reason;
        };
        const startedAt = Date.now();
        const rejected = rejection(settle()).then((error) => ({ error, ms: Date.now() - startedAt }));
        await vi.advanceTimersByTimeAsync(60_000);
        const { error, ms } = await rejected;
        expect(error).toMatchObject({ name: 'WaitTimeoutError' });
        return { ms, polls: seen.filter(isPoll).length };
      };
      const first = call === 'wait' || call === 'watch' ? 1 : 0;
      expect(await polls({})).toEqual({ ms: 10_000, polls: 4 + first });
      expect(await polls({ timeoutMs: 3500, pollIntervalMs: 500 })).toEqual({ ms: 3500, polls: 6 + first });
      vi.useRealTimers();
    },
  );
});
