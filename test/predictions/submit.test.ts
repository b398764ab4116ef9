import { getEventListeners } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  ApiError,
  BudgetExceededError,
  ConnectionError,
  InvalidInputError,
  KLING_O1,
  KLING_O3_STD,
  type Prediction,
  RateLimitError,
  RequestTimeoutError,
  SubmissionUnknownError,
  WaveSpeedError,
  WaveSpeedKling,
} from 'wavespeed-kling';
import { startEmulator } from 'wavespeed-kling/testing';
import {
  clientOn,
  deferred,
  done,
  envelope,
  failure,
  isPoll,
  isSubmit,
  rejection,
  task,
} from '../support/client.js';

const INPUT = { prompt: 'A fox in the snow' } as const;

beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('the request', () => {
  test('a submit goes to the endpoint of the model, with the defaults of its page filled in', async () => {
    const { kling, seen } = clientOn(({ path }) => envelope(task({ model: path.replace('/api/v3/', '') })));
    await kling.submit(KLING_O3_STD, INPUT);
    await kling.submit(KLING_O1, {
      prompt: 'A fox',
      duration: 10,
      images: [new URL('https://cdn.example/a b.png')],
    });
    expect(seen.map(({ method, path, body }) => ({ method, path, body }))).toEqual([
      {
        method: 'POST',
        path: '/api/v3/kwaivgi/kling-video-o3-std/reference-to-video',
        body: {
          prompt: 'A fox in the snow',
          images: [],
          keep_original_sound: true,
          aspect_ratio: '16:9',
          duration: 5,
          sound: false,
        },
      },
      {
        method: 'POST',
        path: '/api/v3/kwaivgi/kling-video-o1/reference-to-video',
        body: {
          prompt: 'A fox',
          images: ['https://cdn.example/a%20b.png'],
          keep_original_sound: true,
          aspect_ratio: '16:9',
          duration: 10,
        },
      },
    ]);
  });

  test('a submit carries the key, the type and the client’s name', async () => {
    const { kling, seen } = clientOn(() => envelope(task()), { clientName: 'my-studio' });
    await kling.submit(KLING_O3_STD, INPUT);
    const headers = Object.fromEntries(seen[0]?.headers ?? []);
    expect(headers).toMatchObject({
      authorization: 'Bearer test-key-123456',
      'content-type': 'application/json',
      'x-client-name': 'my-studio',
      'x-client-version': expect.stringMatching(/^\d+\.\d+\.\d+/),
      'x-client-os': expect.stringMatching(/^[a-z]+$/),
    });
  });

  test('a submit carries the webhook as a query, encoded, and no error shows it', async () => {
    const { kling, seen } = clientOn(() => envelope(null, 400, 'no'));
    const webhook = 'https://app.example/hook?token=s3cret&x=1';
    const error = await failure(kling.submit(KLING_O3_STD, INPUT, { webhookUrl: webhook }), ApiError);
    expect(new URLSearchParams(seen[0]?.search).get('webhook')).toBe(webhook);
    expect(error.message).not.toContain('s3cret');
  });

  test('each attempt asks the key function again', async () => {
    const keys = ['first-key', 'second-key'];
    const { kling, seen } = clientOn(
      (request) =>
        request.headers.get('authorization') === 'Bearer first-key' ? envelope(null, 429) : envelope(task()),
      { apiKey: () => Promise.resolve(keys.shift() ?? '') },
    );
    await kling.submit(KLING_O3_STD, INPUT);
    expect(seen.map(({ headers }) => headers.get('authorization'))).toEqual([
      'Bearer first-key',
      'Bearer second-key',
    ]);
  });
});

describe('nothing is sent', () => {
  test.each([
    ['a bad input', { ...INPUT, duration: 2 }, {}, InvalidInputError],
    ['an unknown field', { ...INPUT, aspectRatio: '1:1' }, {}, InvalidInputError],
    ['a cost over the call’s maxCost', { ...INPUT, duration: 15 }, { maxCost: 1.25 }, BudgetExceededError],
    ['a webhook that is no https URL', INPUT, { webhookUrl: 'ftp://x' }, WaveSpeedError],
  ])('nothing is sent for %s', async (_what, input, options, errorClass) => {
    const { kling, seen } = clientOn(() => envelope(task()));
    await failure(kling.run(KLING_O3_STD, input as never, options), errorClass);
    expect(seen).toEqual([]);
  });

  test('nothing is sent over the client’s maxCost, which a call cannot raise', async () => {
    const { kling, seen } = clientOn(() => envelope(task()), { maxCost: 0.41 });
    const error = await failure(kling.submit(KLING_O3_STD, INPUT, { maxCost: 5 }), BudgetExceededError);
    expect({ cost: error.cost, maxCost: error.maxCost }).toEqual({ cost: 0.42, maxCost: 0.41 });
    expect(seen).toEqual([]);
  });

  test('a task of exactly maxCost is sent', async () => {
    const { kling, posts } = clientOn(() => envelope(task()), { maxCost: 0.42 });
    await kling.submit(KLING_O3_STD, INPUT);
    expect(posts()).toBe(1);
  });

  test('nothing is sent for an unknown model, and the error names the one that was meant', async () => {
    const { kling, seen } = clientOn(() => envelope(task()));
    const call = kling.submit('kwaivgi/kling-video-o3-st/reference-to-video' as never, INPUT as never);
    expect((await failure(call, InvalidInputError)).message).toContain(`did you mean "${KLING_O3_STD}"`);
    expect(seen).toEqual([]);
  });
});

describe('429', () => {
  test('a submit waits after a 429 as the service says, then is sent once more', async () => {
    vi.useFakeTimers();
    const { kling, seen } = clientOn(() =>
      seen.length === 1 ? envelope(null, 429, 'slow down', { 'retry-after': '7' }) : envelope(task()),
    );
    const submitted = kling.submit(KLING_O3_STD, INPUT);
    await vi.advanceTimersByTimeAsync(6999);
    expect(seen).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await submitted;
    expect(seen).toHaveLength(2);
    expect(seen[1]?.body).toEqual(seen[0]?.body);
  });

  test('429s end in a RateLimitError after maxRetries', async () => {
    vi.useFakeTimers();
    const { kling, seen } = clientOn(() => envelope(null, 429, 'slow down', { 'retry-after': '2' }), {
      maxRetries: 2,
    });
    const failed = failure(kling.submit(KLING_O3_STD, INPUT), RateLimitError);
    await vi.runAllTimersAsync();
    expect((await failed).retryAfterMs).toBe(2000);
    expect(seen).toHaveLength(3);
  });

  test('a run does not wait after a 429 past its deadline', async () => {
    const { kling, seen } = clientOn(() => envelope(null, 429, 'slow down', { 'retry-after': '30' }));
    await failure(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 5000 }), RateLimitError);
    expect(seen).toHaveLength(1);
  });
});

describe('through a caller’s fetch', () => {
  // It may make other requests as well: a refused connection need not be the submit's.
  test.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ECONNRESET', 'EPIPE', 'UND_ERR_CONNECT_TIMEOUT'])(
    'a failure with the code %s does not prove that nothing was sent',
    async (code) => {
      const { kling, seen } = clientOn(() => {
        const cause = Object.assign(new Error(`connect ${code}`), { code });
        throw Object.assign(new TypeError('fetch failed'), { cause });
      });
      const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
      expect(error.cause).toBeInstanceOf(ConnectionError);
      expect(error.cause).toMatchObject({ code, requestSent: true });
      expect(seen).toHaveLength(1);
    },
  );

  test('a fetch that fails without a code does not prove that nothing was sent', async () => {
    const { kling, seen } = clientOn(() => {
      throw new TypeError('fetch failed');
    });
    await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    expect(seen).toHaveLength(1);
  });
});

describe('an abort', () => {
  test('an abort in mid-submit settles after 5 real seconds if the clock of the test stands still', async () => {
    vi.useFakeTimers();
    const { kling, seen } = clientOn(() => new Promise<Response>(() => undefined));
    const controller = new AbortController();
    const submitting = rejection(kling.submit(KLING_O3_STD, INPUT, { signal: controller.signal }));
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    controller.abort('left');
    expect(await submitting).toMatchObject({ name: 'SubmissionUnknownError', cause: 'left' });
    vi.useRealTimers();
  });

  test('an abort before the call rejects with the reason as it is, and nothing is sent', async () => {
    const { kling, seen } = clientOn(() => envelope(task()));
    const reason = { any: 'thing' };
    expect(await rejection(kling.run(KLING_O3_STD, INPUT, { signal: AbortSignal.abort(reason) }))).toBe(
      reason,
    );
    expect(await rejection(kling.submit(KLING_O3_STD, INPUT, { signal: AbortSignal.abort('text') }))).toBe(
      'text',
    );
    expect(seen).toEqual([]);
  });

  test('an abort in mid-submit waits 5 seconds for the response, then rejects with the reason as cause', async () => {
    vi.useFakeTimers();
    const controller = new AbortController();
    const { kling, seen } = clientOn(() => new Promise(() => undefined));
    const running = failure(
      kling.run(KLING_O3_STD, INPUT, { signal: controller.signal }),
      SubmissionUnknownError,
    );
    await vi.advanceTimersByTimeAsync(10);
    const reason = new Error('the user left');
    controller.abort(reason);
    await vi.advanceTimersByTimeAsync(4999);
    expect(seen[0]?.signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    const error = await running;
    expect(error.cause).toBe(reason);
    expect(error.predictionId).toBeUndefined();
    expect(seen[0]?.signal?.aborted).toBe(true);
    expect(seen).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a response within 5 seconds after an abort in mid-submit reaches onSubmitted and the error', async () => {
    const emulator = await startEmulator();
    const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
    emulator.fail({ on: 'submit', kind: 'delay', ms: 120 });
    const saved: string[] = [];
    const controller = new AbortController();
    const running = kling.submit(KLING_O3_STD, INPUT, {
      signal: controller.signal,
      onSubmitted: (prediction) => void saved.push(prediction.id),
    });
    await vi.waitFor(() => expect(emulator.account.tasks).toHaveLength(1));
    controller.abort();
    const error = await failure(running, SubmissionUnknownError);
    expect(saved).toEqual([emulator.account.tasks[0]?.id]);
    expect(error.predictionId).toBe(saved[0]);
    expect((await error.candidates()).map(({ id }) => id)).toEqual(saved);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
    await kling.close();
    await emulator.close();
  });

  test.each(['submit', 'run'] as const)(
    'as the response arrives: %s rejects and names the task',
    async (method) => {
      const controller = new AbortController();
      const saved: string[] = [];
      const { kling, seen } = clientOn(() => {
        controller.abort('left');
        return envelope(task());
      });
      const options = {
        signal: controller.signal,
        onSubmitted: (prediction: Prediction) => void saved.push(prediction.id),
      };
      const error = await failure(kling[method](KLING_O3_STD, INPUT, options), SubmissionUnknownError);
      expect(error).toMatchObject({ predictionId: 'task-1', cause: 'left' });
      expect(error.message).toContain(`wait('task-1')`);
      expect(await error.candidates()).toMatchObject([{ id: 'task-1', exactMatch: true }]);
      expect(saved).toEqual(['task-1']);
      expect(seen).toHaveLength(1);
    },
  );

  test('an abort in the backoff rejects with the reason as it is', async () => {
    const controller = new AbortController();
    const { kling, seen } = clientOn(() => envelope(null, 429, 'slow', { 'retry-after': '60' }));
    const running = kling.submit(KLING_O3_STD, INPUT, { signal: controller.signal });
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort('enough');
    expect(await rejection(running)).toBe('enough');
    expect(seen).toHaveLength(1);
  });

  test('an abort while connecting rejects with the reason as it is, and the request never goes out', async () => {
    // A server that accepts connections but never speaks TLS: the connection is never made.
    const received: Buffer[] = [];
    const server: Server = createServer((socket) =>
      socket.on('data', (chunk) => received.push(chunk)).on('error', () => undefined),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const kling = new WaveSpeedKling({
      apiKey: 'k',
      baseUrl: `https://127.0.0.1:${port}`,
      connectTimeoutMs: 500,
    });
    const controller = new AbortController();
    const running = kling.submit(KLING_O3_STD, INPUT, { signal: controller.signal });
    await vi.waitFor(() => expect(received.length).toBeGreaterThan(0));
    controller.abort('left');
    expect(await rejection(running)).toBe('left');
    server.close();
  });

  test('an abort while the key is fetched rejects at once, and nothing is sent', async () => {
    const controller = new AbortController();
    const { kling, seen } = clientOn(() => envelope(task()), { apiKey: () => new Promise(() => undefined) });
    const running = kling.submit(KLING_O3_STD, INPUT, { signal: controller.signal });
    await Promise.resolve();
    controller.abort('left');
    expect(await rejection(running)).toBe('left');
    expect(seen).toEqual([]);
  });
});

describe('a deadline', () => {
  test('requestTimeoutMs ends an attempt at once, and the request with it', async () => {
    vi.useFakeTimers();
    const { kling, seen } = clientOn(() => new Promise(() => undefined), { requestTimeoutMs: 20 });
    const failed = failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    await vi.advanceTimersByTimeAsync(20);
    expect((await failed).cause).toMatchObject({ name: 'RequestTimeoutError' });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.signal?.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a run whose deadline passes in mid-submit rejects 5 seconds later at most', async () => {
    vi.useFakeTimers();
    const { kling, seen } = clientOn(() => new Promise(() => undefined));
    const failed = failure(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 500 }), SubmissionUnknownError);
    await vi.advanceTimersByTimeAsync(5500);
    expect((await failed).cause).toMatchObject({ name: 'RequestTimeoutError' });
    expect(seen).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a run whose deadline passes while the key is fetched sends nothing', async () => {
    vi.useFakeTimers();
    const { kling, seen } = clientOn(() => envelope(task()), {
      apiKey: () => new Promise((resolve) => setTimeout(() => resolve('test-key-123456'), 800)),
    });
    const failed = failure(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 500 }), RequestTimeoutError);
    await vi.advanceTimersByTimeAsync(500);
    await failed;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen).toEqual([]);
  });

  test('a run whose deadline passes while the connection is made sends nothing', async () => {
    const received: Buffer[] = [];
    const server: Server = createServer((socket) =>
      socket.on('data', (chunk) => received.push(chunk)).on('error', () => undefined),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    // A TLS handshake that stalls.
    const kling = new WaveSpeedKling({
      apiKey: 'k',
      baseUrl: `https://127.0.0.1:${port}`,
      connectTimeoutMs: 60_000,
    });
    await failure(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 100 }), RequestTimeoutError);
    await kling.close();
    // The client's hello, and no request.
    expect(Buffer.concat(received).toString('latin1')).not.toContain('POST');
    server.close();
  });

  test('the deadline of a run does not cut a submit short: its id is on the WaitTimeoutError', async () => {
    vi.useFakeTimers();
    const { kling, seen } = clientOn(async (request) => {
      if (isSubmit(request)) await new Promise((resolve) => setTimeout(resolve, 60));
      return envelope(task({ status: 'processing' }));
    });
    const failed = failure(
      kling.run(KLING_O3_STD, INPUT, { timeoutMs: 20, pollIntervalMs: 5 }),
      WaveSpeedError,
    );
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await failed).toMatchObject({ name: 'WaitTimeoutError', predictionId: 'task-1' });
    expect(seen.filter(isSubmit)).toHaveLength(1);
  });
});

describe('an answer without a task', () => {
  test.each([
    ['no data', { code: 200, message: 'success' }],
    ['null data', { code: 200, message: 'success', data: null }],
    ['no id', { code: 200, message: 'success', data: { status: 'created' } }],
    ['an empty id', { code: 200, message: 'success', data: { id: '' } }],
    ['an array', []],
    ['a number', 5],
  ])('the outcome of a submit is unknown after %s', async (_what, body) => {
    const { kling, posts } = clientOn(() => Response.json(body));
    await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    expect(posts()).toBe(1);
  });

  test('an id in the error response to a submit is kept', async () => {
    const { kling, posts } = clientOn(() =>
      Response.json({
        code: 5004,
        message: 'Sync mode timed out',
        data: { id: 'task-9', status: 'processing' },
      }),
    );
    const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    expect(error.predictionId).toBe('task-9');
    expect(error.message).toContain(`wait('task-9')`);
    expect(posts()).toBe(1);
  });
});

describe('onSubmitted', () => {
  test('onSubmitted is awaited before the first poll', async () => {
    const saved = deferred<void>();
    const { kling, seen } = clientOn((request) => envelope(isSubmit(request) ? task() : done()));
    const running = kling.run(KLING_O3_STD, INPUT, { pollIntervalMs: 1, onSubmitted: () => saved.promise });
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(seen.filter(isPoll)).toHaveLength(0);
    saved.resolve();
    await running;
    expect(seen.filter(isPoll)).toHaveLength(1);
  });

  test('an onSubmitted that throws rejects with the task’s id and the cause, and nothing else is sent', async () => {
    const cause = new Error('database is down');
    const { kling, seen } = clientOn(() => envelope(task()));
    const running = kling.run(KLING_O3_STD, INPUT, {
      pollIntervalMs: 1,
      onSubmitted: () => {
        throw cause;
      },
    });
    const error = await failure(running, WaveSpeedError);
    expect(error).toMatchObject({ predictionId: 'task-1', cause });
    expect(error.message).toContain('database is down');
    expect(error.message).toContain(`wait('task-1')`);
    expect(seen).toHaveLength(1);
  });
});

describe('candidates', () => {
  test('candidates are tasks of that model since then, newest first, without the client’s own, with exact matches marked', async () => {
    const emulator = await startEmulator();
    const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
    emulator.addTask({ model: KLING_O3_STD, created_at: new Date(Date.now() - 900_000).toISOString() });
    const own = await kling.submit(KLING_O3_STD, INPUT);
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: true });
    const error = await failure(
      kling.submit(KLING_O3_STD, { ...INPUT, duration: 8 }),
      SubmissionUnknownError,
    );
    expect(error.submittedAt.getTime()).toBeGreaterThan(Date.now() - 300_000);
    const lost = emulator.account.tasks.at(-1)?.id;
    // Started elsewhere, a moment later: on the other model, and on this one.
    await new Promise((resolve) => setTimeout(resolve, 5));
    emulator.addTask({ model: KLING_O1 });
    const other = emulator.addTask({ model: KLING_O3_STD }).id;
    const candidates = await error.candidates();
    expect(candidates.map(({ id }) => id)).toEqual([other, lost]);
    expect(candidates.map(({ exactMatch }) => exactMatch)).toEqual([false, true]);
    expect(candidates.map(({ id }) => id)).not.toContain(own.id);
    // It can be waited for like any other.
    expect((await kling.wait(lost ?? '', { pollIntervalMs: 20 })).outputs).toHaveLength(1);
    expect(emulator.account.charged).toBe(0.42 + 0.672);
    await kling.close();
    await emulator.close();
  });

  test('candidates are found by the service’s clock where this machine’s is wrong', async () => {
    const ahead = 3_600_000;
    const serverNow = () => new Date(Date.now() - ahead);
    const { kling, seen } = clientOn((request) => {
      const headers = { date: serverNow().toUTCString() };
      if (isSubmit(request)) throw new TypeError('fetch failed');
      const { created_after } = request.body as { created_after: string };
      const items = [task({ id: 'lost', created_at: serverNow().toISOString() })];
      const visible = items.filter((item) => Date.parse(item.created_at) > Date.parse(created_after));
      return envelope({ page: 1, items: visible }, 200, 'success', headers);
    });
    const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    expect((await error.candidates()).map(({ id }) => id)).toEqual(['lost']);
    expect(seen.filter(isSubmit)).toHaveLength(1);
  });

  test('candidates are found if the clock of this machine was set back after the submit', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
    const { kling } = clientOn((request) => {
      if (isSubmit(request)) {
        vi.setSystemTime(Date.now() - 3_600_000);
        throw new TypeError('fetch failed');
      }
      const { created_after } = request.body as { created_after: string };
      const lost = task({ id: 'lost' });
      return envelope({ items: lost.created_at > created_after ? [lost] : [] });
    });
    const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    expect((await error.candidates()).map(({ id }) => id)).toEqual(['lost']);
  });

  test.each([
    ['tells how many there are', 51],
    ['does not', undefined],
    ['does not, and refuses a page past the end', undefined],
  ])(
    'candidates are all found where a page has fewer tasks than were asked for, and the service %s',
    async (how, total) => {
      const tasks = Array.from({ length: 51 }, (_, index) => task({ id: `task-${index}` }));
      const { kling, seen } = clientOn((request) => {
        if (isSubmit(request)) return Response.json({}, { status: 502 });
        if (isPoll(request)) return envelope(task());
        const { page } = request.body as { page: number };
        if (page > 3 && how.endsWith('end')) return envelope(null, 400, 'no such page');
        return envelope({ page, total, items: tasks.slice((page - 1) * 20, page * 20) });
      });
      const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
      expect(await error.candidates()).toHaveLength(51);
      const pages = seen.filter(({ path }) => path === '/api/v3/predictions');
      expect(pages).toHaveLength(total === undefined ? 4 : 3);
    },
  );

  test('candidates have no exactMatch where the service does not show the input', async () => {
    const { kling } = clientOn((request) =>
      isSubmit(request)
        ? Response.json({}, { status: 502 })
        : envelope(isPoll(request) ? task() : { page: 1, items: [task()] }),
    );
    const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    const [candidate] = await error.candidates();
    expect(candidate?.id).toBe('task-1');
    expect(candidate?.exactMatch).toBeUndefined();
  });
});

test('a thousand submits leave no listener on a signal that lives on', async () => {
  const { signal } = new AbortController();
  const { kling, posts } = clientOn(() => envelope(task()));
  for (let count = 0; count < 1000; count++) await kling.submit(KLING_O3_STD, INPUT, { signal });
  expect(posts()).toBe(1000);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('errors never show the key, not even when the service gives it back', async () => {
  const key = 'test-key-123456';
  const { kling } = clientOn((request) =>
    envelope(null, 400, `bad header ${request.headers.get('authorization')}`),
  );
  const error = await failure(kling.submit(KLING_O3_STD, INPUT), ApiError);
  const { inspect } = await import('node:util');
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(key);
  expect(inspect(kling, { depth: 10, showHidden: true })).not.toContain(key);
  expect(JSON.stringify([error, kling])).not.toContain(key);
});

test('a key that occurs in a successful response leaves it unchanged', async () => {
  const { kling } = clientOn((request) => envelope(isSubmit(request) ? task() : done()), { apiKey: 'video' });
  const video = await kling.run(KLING_O3_STD, INPUT, { pollIntervalMs: 1 });
  expect(video.outputs).toEqual(['https://cdn.example/video.mp4']);
});
