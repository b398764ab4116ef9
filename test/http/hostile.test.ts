// What other people's dispatchers, fetches, callbacks, proxies and gateways do to a client, and must not get away with.
import { createServer as createTcpServer } from 'node:net';
import { Agent, type Dispatcher } from 'undici';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  ApiError,
  InvalidResponseError,
  KLING_O3_STD,
  RequestTimeoutError,
  SubmissionUnknownError,
  WaitAbortedError,
  WaitTimeoutError,
  WaveSpeedKling,
} from 'wavespeed-kling';
import { startEmulator } from 'wavespeed-kling/testing';
import { clientOn, done, envelope, failure, isPoll, isSubmit, task } from '../support/client.js';

const INPUT = { prompt: 'A fox in the snow' } as const;

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('timeouts', () => {
  test.each([Infinity, 2 ** 31])('requestTimeoutMs of %d does not fire at once', async (requestTimeoutMs) => {
    const warn = vi.spyOn(process, 'emitWarning');
    const { kling } = clientOn(
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        return envelope({ balance: 1 });
      },
      { requestTimeoutMs },
    );
    expect(await kling.balance()).toBe(1);
    expect(warn).not.toHaveBeenCalled();
  });

  test('timeouts apply to a dispatcher that never begins', async () => {
    const dispatcher = { dispatch: () => true };
    const kling = new WaveSpeedKling({ apiKey: 'k', dispatcher, requestTimeoutMs: 30, maxRetries: 0 });
    await failure(kling.get('id'), RequestTimeoutError);
    // Whether it sent the request is not known to us.
    await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
  });

  test('timeouts apply to a key function and callbacks that never return', async () => {
    const { kling, seen } = clientOn(() => envelope(task()), {
      apiKey: () => new Promise(() => undefined),
      requestTimeoutMs: 30,
      maxRetries: 0,
    });
    await expect(kling.submit(KLING_O3_STD, INPUT)).rejects.toThrow('`apiKey`');
    expect(seen).toEqual([]);
    const { kling: other } = clientOn(() => envelope(task()));
    for (const name of ['onSubmitted', 'onUpdate']) {
      const options = { timeoutMs: 1000, [name]: () => new Promise(() => undefined) };
      const error = await failure(other.run(KLING_O3_STD, INPUT, options), WaitTimeoutError);
      expect(error.predictionId).toBe('task-1');
    }
  });
});

test('a dispatcher that tells of nothing until the end: an abort after sending is still an open outcome', async () => {
  const emulator = await startEmulator();
  emulator.fail({ on: 'submit', kind: 'delay', ms: 300 });
  const agent = new Agent();
  /** Keeps every event back until the last. */
  const secretive = {
    dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
      const events: (() => void)[] = [];
      const keep =
        <Name extends keyof Dispatcher.DispatchHandler>(name: Name) =>
        (...values: unknown[]) => {
          events.push(() => (handler[name] as (...given: unknown[]) => void)(...values));
          if (name === 'onResponseEnd' || name === 'onResponseError') for (const event of events) event();
        };
      return agent.dispatch(options, {
        onRequestStart: keep('onRequestStart'),
        onResponseStart: keep('onResponseStart'),
        onResponseData: keep('onResponseData'),
        onResponseEnd: keep('onResponseEnd'),
        onResponseError: keep('onResponseError'),
      } as Dispatcher.DispatchHandler);
    },
  };
  const kling = new WaveSpeedKling({ apiKey: 'k', baseUrl: emulator.url, dispatcher: secretive });
  const controller = new AbortController();
  const running = kling.submit(KLING_O3_STD, INPUT, { signal: controller.signal });
  await vi.waitFor(() => expect(emulator.account.tasks).toHaveLength(1));
  controller.abort('left');
  const error = await failure(running, SubmissionUnknownError);
  expect(error.cause).toBe('left');
  expect((await error.candidates()).map(({ id }) => id)).toEqual([emulator.account.tasks[0]?.id]);
  await agent.close();
  await emulator.close();
});

describe('callbacks', () => {
  test('one failure of the key function does not end a wait', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    let calls = 0;
    const { kling, seen } = clientOn((request) => envelope(isSubmit(request) ? task() : done()), {
      apiKey: () => {
        if (++calls === 2) throw new Error('vault is sealed');
        return 'key';
      },
    });
    expect((await kling.run(KLING_O3_STD, INPUT, { pollIntervalMs: 1 })).status).toBe('completed');
    expect(seen.filter(isPoll)).toHaveLength(1);
  });

  test('an async onRetry that rejects harms nothing', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const answers = [envelope(null, 503)];
    const { kling } = clientOn(() => answers.shift() ?? envelope(done()), {
      onRetry: () => Promise.reject(new Error('log is down')) as unknown as void,
    });
    await kling.wait('task-1', { pollIntervalMs: 1 });
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('an abort while onSubmitted saves the id does not lose it', async () => {
    const controller = new AbortController();
    const { kling } = clientOn(() => envelope(task()));
    const options = {
      signal: controller.signal,
      onSubmitted: () => {
        controller.abort('left');
        return new Promise<void>(() => undefined);
      },
    };
    const error = await failure(kling.run(KLING_O3_STD, INPUT, options), WaitAbortedError);
    expect(error).toMatchObject({ predictionId: 'task-1', cause: 'left' });
  });
});

test.each([
  Object.create(null),
  {
    toString: () => {
      throw new Error('no');
    },
  },
])('an abort reason that no text can be made of is still the cause', async (reason: unknown) => {
  vi.useFakeTimers();
  const controller = new AbortController();
  const { kling, seen } = clientOn(() => new Promise(() => undefined));
  const running = kling.submit(KLING_O3_STD, INPUT, { signal: controller.signal });
  running.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(0);
  expect(seen).toHaveLength(1);
  controller.abort(reason);
  await vi.advanceTimersByTimeAsync(5000);
  expect((await failure(running, SubmissionUnknownError)).cause).toBe(reason);
});

describe('lists', () => {
  test.each([
    {},
    { data: null },
    { data: 'x' },
    { data: { page: 1, total: 3 } },
    { data: { items: null, total: 3 } },
  ])(
    'one that is no list (%j) is not taken for an empty one: candidates() would say "not accepted"',
    async (body) => {
      vi.useFakeTimers();
      const { kling } = clientOn((request) =>
        isSubmit(request)
          ? Response.json({}, { status: 502 })
          : Response.json({ code: 200, message: 'success', ...body }),
      );
      const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
      const failing = failure(error.candidates(), InvalidResponseError);
      await vi.runAllTimersAsync();
      await failing;
    },
  );

  test('an entry that is no task does not end the paging', async () => {
    const { kling, seen } = clientOn((request) => {
      const { page } = request.body as { page: number };
      const items = Array.from({ length: page === 1 ? 100 : 50 }, (_, index) =>
        task({ id: `${page}-${index}` }),
      );
      if (page === 1) items[3] = task({ id: null }) as never;
      return envelope({ page, items });
    });
    const ids: string[] = [];
    for await (const { id } of kling.list()) ids.push(id);
    expect(ids).toHaveLength(149);
    expect(seen).toHaveLength(2);
  });

  test('a `Date` that runs ahead of the tasks does not hide the lost one', async () => {
    const date = new Date(Date.now() + 60_000).toUTCString();
    const { kling } = clientOn((request) => {
      if (isSubmit(request)) throw new TypeError('fetch failed');
      return envelope(
        request.method === 'GET' ? { balance: 1 } : { items: [task({ id: 'lost' })] },
        200,
        'success',
        { date },
      );
    });
    await kling.balance();
    const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    expect((await error.candidates()).map(({ id }) => id)).toEqual(['lost']);
  });
});

test('an answer that breaks off after the id still gives the id', async () => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.end(
        'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"code":200,"message":"success","data":{"id":"task-7","mod',
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const kling = new WaveSpeedKling({ apiKey: 'k', baseUrl: `http://127.0.0.1:${port}` });
  const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
  expect(error.predictionId).toBe('task-7');
  await kling.close();
  server.close();
});

describe('messages', () => {
  test.each([
    ['a path with a query', 'Cannot POST /api/v3/x?webhook=https%3A%2F%2Fh.example%2F%3Ftoken%3DS3CRET'],
    ['an apostrophe in a URL', "cannot fetch https://b.example/it's.png?X-Signature=S3CRET"],
    ['another scheme', 'cannot fetch gs://b/x.png?sig=S3CRET'],
  ])('messages show no query: %s', async (_what, message) => {
    const { kling } = clientOn(() => envelope(null, 400, message));
    expect((await failure(kling.balance(), ApiError)).message).not.toContain('S3CRET');
  });

  test('messages show no key, not even of a header or a status text', async () => {
    const { kling } = clientOn(
      () =>
        new Response('{"code":400,"message":"bad test-key-123456"}', {
          status: 400,
          statusText: 'test-key-123456',
          headers: { 'x-request-id': 'test-key-123456' },
        }),
    );
    const error = await failure(kling.balance(), ApiError);
    expect(JSON.stringify([error.message, error.body, error.requestId])).not.toContain('test-key-123456');
  });
});

test('a single 404 before a poll that hangs is no proof that the task is not there', async () => {
  vi.useFakeTimers();
  let polls = 0;
  const { kling } = clientOn(() =>
    polls++ === 0 ? envelope(null, 404) : new Promise<Response>(() => undefined),
  );
  const failing = failure(kling.wait('task-1', { timeoutMs: 3000 }), WaitTimeoutError);
  await vi.advanceTimersByTimeAsync(3000);
  await failing;
});

test('watch can be left while it waits: nothing more is sent', async () => {
  vi.useFakeTimers();
  const { kling, seen } = clientOn(() => envelope(task()));
  const watching = kling.watch('task-1', { pollIntervalMs: 10 });
  await watching.next();
  const pending = watching.next();
  await vi.advanceTimersByTimeAsync(25);
  expect(await watching.return()).toEqual({ done: true, value: undefined });
  expect(await pending).toEqual({ done: true, value: undefined });
  const before = seen.length;
  await vi.advanceTimersByTimeAsync(1000);
  expect(seen).toHaveLength(before);
  expect(vi.getTimerCount()).toBe(0);
});
