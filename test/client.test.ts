import diagnostics from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { MockAgent } from 'undici';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  ApiError,
  AuthenticationError,
  ConfigurationError,
  InsufficientCreditsError,
  InvalidInputError,
  InvalidResponseError,
  KLING_O1,
  KLING_O3_STD,
  NotFoundError,
  PermissionError,
  type Prediction,
  RateLimitError,
  ServerError,
  SubmissionUnknownError,
  WaveSpeedKling,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import { startEmulator } from 'wavespeed-kling/testing';
import { clientOn, done, envelope, failure, isSubmit, task } from './support/client.js';

const INPUT = { prompt: 'A fox in the snow' } as const;

afterEach(() => {
  vi.restoreAllMocks();
});

describe('options', () => {
  test('without a key: names the option and the environment variable', () => {
    vi.stubEnv('WAVESPEED_API_KEY', undefined);
    expect(() => new WaveSpeedKling()).toThrow(ConfigurationError);
    expect(() => new WaveSpeedKling()).toThrow(/`apiKey`.*WAVESPEED_API_KEY/);
  });

  test('the key comes from WAVESPEED_API_KEY, the white space around it left off', async () => {
    vi.stubEnv('WAVESPEED_API_KEY', ' from-env\n');
    const seen: string[] = [];
    const fetch = ((_url: string, init: RequestInit) => {
      seen.push(new Headers(init.headers).get('authorization') ?? '');
      return Promise.resolve(envelope({ balance: 1 }));
    }) as typeof globalThis.fetch;
    await new WaveSpeedKling({ fetch }).balance();
    expect(seen).toEqual(['Bearer from-env']);
  });

  const bad: [string, unknown][] = [
    ['apiKey', ''],
    ['apiKey', 'two words'],
    ['apiKey', 'line\nbreak'],
    ['apiKey', 5],
    ['baseUrl', 'api.wavespeed.ai'],
    ['baseUrl', 'ftp://api.wavespeed.ai'],
    ['baseUrl', 'https://user:pass@api.wavespeed.ai'],
    ['baseUrl', 'https://api.wavespeed.ai/api/v3'],
    ['baseUrl', 'https://api.wavespeed.ai?x=1'],
    ['fetch', 'fetch'],
    ['dispatcher', {}],
    ['dispatcher', null],
    ['connectTimeoutMs', 0],
    ['connectTimeoutMs', NaN],
    ['requestTimeoutMs', '1000'],
    ['requestTimeoutMs', -1],
    ['maxRetries', 1.5],
    ['maxRetries', -1],
    ['maxRetries', Infinity],
    ['maxCost', '1'],
    ['maxCost', NaN],
    ['maxCost', -1],
    ['onRetry', {}],
    ['clientName', ''],
    ['clientName', 'a\r\nb: c'],
  ];
  test.each(bad)('%s: refuses %j', (name, value) => {
    expect(() => new WaveSpeedKling({ apiKey: 'k', [name]: value })).toThrow(ConfigurationError);
    expect(() => new WaveSpeedKling({ apiKey: 'k', [name]: value })).toThrow(`\`${name}\``);
  });

  const SECRET = 'sk-secret-0123456789';
  const secrets: [string, unknown, string][] = [
    [
      'the key in place of the options',
      SECRET,
      '`options`: got a string; expected an object such as { apiKey }',
    ],
    ['the key as baseUrl', { apiKey: 'k', baseUrl: SECRET }, '`baseUrl`: got a string; expected the http(s)'],
    ['a baseUrl with it', { apiKey: 'k', baseUrl: `https://u:${SECRET}@a.b` }, '`baseUrl`: has credentials'],
    [
      'a baseUrl of another scheme',
      { apiKey: 'k', baseUrl: `ftp://u:${SECRET}@a.b` },
      '`baseUrl`: got a string',
    ],
    ["a proxy's URL as dispatcher", { apiKey: 'k', dispatcher: `http://u:${SECRET}@a.b` }, 'got a string'],
    ['an object that tells it', { apiKey: 'k', dispatcher: { toString: () => SECRET } }, 'got an object'],
    ['a list of keys', { apiKey: 'k', dispatcher: [SECRET] }, '`dispatcher`: got an array'],
    ['a URL as fetch', { apiKey: 'k', fetch: `http://u:${SECRET}@a.b` }, '`fetch`: got a string'],
    ['the key as a number of milliseconds', { apiKey: 'k', requestTimeoutMs: SECRET }, 'got a string'],
    ['the key as a name for statistics', { apiKey: 'k', clientName: `${SECRET}é` }, 'got a string'],
  ];
  test.each(secrets)('a refusal shows no secret: %s', (_, options, message) => {
    const create = () => new WaveSpeedKling(options as WaveSpeedKlingOptions);
    expect(create).toThrow(ConfigurationError);
    expect(create).toThrow(message);
    expect(create).not.toThrow(SECRET);
  });

  test('a baseUrl with the path of the API is shown as it was given', () => {
    expect(() => new WaveSpeedKling({ apiKey: 'k', baseUrl: 'https://api.wavespeed.ai/api/v3/' })).toThrow(
      '`baseUrl`: got "https://api.wavespeed.ai/api/v3"; expected',
    );
  });

  test('a refusal of a call’s option shows no secret', async () => {
    const { kling, seen } = clientOn(() => envelope(task()));
    const error = await failure(
      kling.wait('id', { webhookReceiver: `https://a.b/?${SECRET}` } as never),
      ConfigurationError,
    );
    expect(error.message).toContain('`webhookReceiver`: got a string; expected a webhook receiver');
    expect(inspect(error)).not.toContain(SECRET);
    expect(seen).toEqual([]);
  });

  test('refuses a name it does not know, with the one that was meant', () => {
    const create = (options: object) => () => new WaveSpeedKling({ apiKey: 'k', ...options });
    expect(create({ maxcost: 1 })).toThrow('did you mean `maxCost`?');
    expect(create({ retries: 1 })).toThrow('did you mean `maxRetries`?');
    expect(create({ foo: 1 })).toThrow('the options are apiKey, baseUrl');
    expect(() => new WaveSpeedKling(null as never)).toThrow('expected an object');
  });

  test('refuses both fetch and dispatcher', () => {
    const options: WaveSpeedKlingOptions = {
      apiKey: 'k',
      fetch: globalThis.fetch,
      dispatcher: new MockAgent(),
    };
    expect(() => new WaveSpeedKling(options)).toThrow('expected at most one');
  });

  test('a call refuses a name it does not know: a misspelt maxCost would be no limit', async () => {
    const { kling, seen } = clientOn(() => envelope(task()));
    await expect(kling.run(KLING_O3_STD, INPUT, { maxcost: 1 } as never)).rejects.toThrow(
      'did you mean `maxCost`?',
    );
    await expect(kling.wait('id', { timeout: 1 } as never)).rejects.toThrow('did you mean `timeoutMs`?');
    await expect(kling.wait('id', { signal: {} as never })).rejects.toThrow('expected an AbortSignal');
    await expect(kling.wait('id', { onUpdate: 5 as never })).rejects.toThrow('expected a function');
    expect(seen).toEqual([]);
  });

  test('baseUrl may have a path, and a slash at its end', async () => {
    const { kling, seen } = clientOn(() => envelope({ balance: 1 }), {
      baseUrl: 'https://proxy.example/wavespeed/',
    });
    await kling.balance();
    expect(seen[0]?.path).toBe('/wavespeed/api/v3/balance');
  });
});

describe('fetch', () => {
  test('the global one is looked up at each call, so that a later patch is seen', async () => {
    const kling = new WaveSpeedKling({ apiKey: 'k', fetch: globalThis.fetch });
    const patched = vi.fn(() => Promise.resolve(envelope({ balance: 2 })));
    vi.stubGlobal('fetch', patched);
    expect(await kling.balance()).toBe(2);
    expect(patched).toHaveBeenCalledTimes(1);
    vi.unstubAllGlobals();
  });

  test('follows no redirect: the key would go along', async () => {
    const emulator = await startEmulator();
    const elsewhere = await startEmulator();
    for (const options of [{}, { fetch: globalThis.fetch }]) {
      const kling = new WaveSpeedKling({ apiKey: 'k', baseUrl: emulator.url, maxRetries: 0, ...options });
      emulator.fail({
        on: 'balance',
        kind: 'redirect',
        location: `${elsewhere.url}/api/v3/balance`,
        status: 302,
      });
      const error = await failure(kling.balance(), InvalidResponseError);
      expect(error.message).toContain('redirected');
      await kling.close();
    }
    expect(elsewhere.requests).toEqual([]);
    await Promise.all([emulator.close(), elsewhere.close()]);
  });
});

describe('dispatcher', () => {
  test('a MockAgent answers in the service’s place', async () => {
    const dispatcher = new MockAgent();
    dispatcher.disableNetConnect();
    dispatcher
      .get('https://api.wavespeed.ai')
      .intercept({ path: '/api/v3/balance', headers: { authorization: 'Bearer k' } })
      .reply(200, { code: 200, message: 'success', data: { balance: 3 } });
    const kling = new WaveSpeedKling({ apiKey: 'k', dispatcher });
    expect(await kling.balance()).toBe(3);
    dispatcher.assertNoPendingInterceptors();
    await kling.close();
  });

  test('a reset that a MockAgent feigns proves nothing, a refused connection does', async () => {
    const failing = (code: string) => {
      const dispatcher = new MockAgent();
      dispatcher.disableNetConnect();
      const pool = dispatcher.get('https://api.wavespeed.ai');
      const path = `/api/v3/${KLING_O3_STD}`;
      pool.intercept({ path, method: 'POST' }).replyWithError(Object.assign(new Error(code), { code }));
      pool.intercept({ path, method: 'POST' }).reply(200, { code: 200, message: 'success', data: task() });
      return { dispatcher, kling: new WaveSpeedKling({ apiKey: 'k', dispatcher }) };
    };
    const reset = failing('ECONNRESET');
    await failure(reset.kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    expect(reset.dispatcher.pendingInterceptors()).toHaveLength(1);
    const refused = failing('ECONNREFUSED');
    expect((await refused.kling.submit(KLING_O3_STD, INPUT)).id).toBe('task-1');
    refused.dispatcher.assertNoPendingInterceptors();
  });
});

describe('error answers', () => {
  test.each([
    [400, ApiError],
    [401, AuthenticationError],
    [402, InsufficientCreditsError],
    [403, PermissionError],
    [404, NotFoundError],
    [418, ApiError],
    [429, RateLimitError],
    [500, ServerError],
    [503, ServerError],
  ])('%s is its own class, with everything the service said', async (status, errorClass) => {
    const { kling } = clientOn(
      () =>
        Response.json(
          { code: status, message: 'because', error_code: 'E_42', data: null },
          { status, statusText: 'Status Text', headers: { 'x-request-id': 'req-1' } },
        ),
      { maxRetries: 0 },
    );
    const error = await failure(kling.balance(), errorClass);
    expect(error.constructor).toBe(errorClass);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status, code: 'E_42', requestId: 'req-1', body: { message: 'because' } });
    expect(error.message).toContain(
      `[GET] /api/v3/balance: ${status} Status Text: because (request id req-1)`,
    );
  });

  test('a page of HTML, or nothing, is told by its status', async () => {
    for (const body of ['<html>secret internals</html>', '']) {
      const { kling } = clientOn(() => new Response(body, { status: 502 }), { maxRetries: 0 });
      const error = await failure(kling.balance(), ServerError);
      expect(error.message).toBe('[GET] /api/v3/balance: 502 Bad Gateway');
      expect(error.body).toBe(body);
    }
  });

  test('a signed URL in the service’s message loses its query', async () => {
    const { kling } = clientOn(() =>
      envelope(null, 400, 'cannot fetch https://b.example/a.png?X-Signature=s3cret&x=1!'),
    );
    const error = await failure(kling.balance(), ApiError);
    expect(error.message).toContain('https://b.example/a.png?…');
    expect(error.message).not.toContain('s3cret');
  });

  test('an error code under HTTP 200 is an error', async () => {
    const { kling } = clientOn(() =>
      Response.json({ code: 402, message: 'no credit', data: { balance: 5 } }),
    );
    const error = await failure(kling.balance(), InsufficientCreditsError);
    expect(error.status).toBe(402);
    expect(error.message).toContain('402 (under HTTP 200): no credit');
  });
});

describe('the account', () => {
  test('balance, quote, webhookSecret, get and delete speak their endpoints', async () => {
    const emulator = await startEmulator({ balance: 12.5 });
    const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
    expect(await kling.balance()).toBe(12.5);
    expect(await kling.webhookSecret()).toBe(emulator.webhookSecret);
    const quote = await kling.quote(KLING_O1, {
      prompt: 'A fox',
      duration: 10,
      video: 'https://x.example/v.mp4',
    });
    expect(quote).toMatchObject({ model_id: KLING_O1, price: 1.68 });
    expect(emulator.requests.at(-1)?.body).toMatchObject({ model_id: KLING_O1, inputs: { duration: 10 } });
    const { id } = await kling.submit(KLING_O3_STD, INPUT);
    expect((await kling.get(id)).id).toBe(id);
    await kling.delete(id);
    await kling.delete([id]);
    expect(
      emulator.requests.filter(({ operation }) => operation === 'delete').map(({ body }) => body),
    ).toEqual([{ ids: [id] }, { ids: [id] }]);
    await kling.close();
    await emulator.close();
  });

  test('quote checks the input first, and sends one request', async () => {
    const { kling, seen } = clientOn(() => envelope({ price: 1, discounted_price: 0.9 }));
    await failure(kling.quote(KLING_O1, { prompt: '' }), InvalidInputError);
    expect(seen).toEqual([]);
    await kling.quote(KLING_O1, { prompt: 'A fox', images: ['https://example.com/a.png'] });
    expect(seen.map(({ path }) => path)).toEqual(['/api/v3/model/price']);
  });

  test('delete refuses no ids at all', async () => {
    const { kling, seen } = clientOn(() => envelope(null));
    await failure(kling.delete([]), InvalidInputError);
    await failure(kling.delete(['a', '']), InvalidInputError);
    expect(seen).toEqual([]);
  });

  test.each([
    ['balance', {}],
    ['webhookSecret', { secret: '' }],
  ] as const)('%s without its field is an InvalidResponseError', async (method, data) => {
    const { kling } = clientOn(() => envelope(data), { maxRetries: 0 });
    await failure(kling[method](), InvalidResponseError);
  });
});

describe('list', () => {
  const pages = (sizes: number[], total?: number) => {
    let next = 0;
    return clientOn((request) => {
      const { page } = request.body as { page: number };
      const items = Array.from({ length: sizes[page - 1] ?? 0 }, () => task({ id: `t${next++}` }));
      return envelope({ page, items, ...(total === undefined ? {} : { total }) });
    });
  };
  const all = async (listing: AsyncIterable<Prediction>) => {
    const ids: string[] = [];
    for await (const { id } of listing) ids.push(id);
    return ids;
  };

  test('goes through the pages, each fetched when it is needed', async () => {
    const { kling, seen } = pages([100, 100, 30]);
    const listing = kling.list({ model: KLING_O1, status: 'failed', created_after: new Date(0) });
    for (let count = 0; count < 100; count++) await listing.next();
    expect(seen.map(({ body }) => body)).toEqual([
      {
        model: KLING_O1,
        status: 'failed',
        created_after: '1970-01-01T00:00:00.000Z',
        page: 1,
        page_size: 100,
      },
    ]);
    expect(await all(listing)).toHaveLength(130);
    expect(seen.map(({ body }) => (body as { page: number }).page)).toEqual([1, 2, 3]);
  });

  test('goes by `total` where the service gives pages shorter than asked for', async () => {
    const { kling, seen } = pages([20, 20, 5], 45);
    expect(await all(kling.list({ page_size: 20 }))).toHaveLength(45);
    expect(seen).toHaveLength(3);
  });

  test('ends when a page has nothing new, and gives a task that moved to the next page once', async () => {
    const { kling, seen } = clientOn((request) => {
      const { page } = request.body as { page: number };
      const ids = page === 1 ? ['c', 'b'] : ['b', 'a'];
      return envelope({ page, items: ids.map((id) => task({ id })) });
    });
    expect(await all(kling.list({ page_size: 2 }))).toEqual(['c', 'b', 'a']);
    expect(seen).toHaveLength(3);
  });

  test('an item without an id, or null in place of the list, breaks nothing', async () => {
    const { kling } = clientOn(() => envelope({ items: [null, {}, task({ outputs: null })] }));
    expect(await all(kling.list())).toEqual(['task-1']);
    const { kling: other } = clientOn(() => envelope({ items: null }));
    expect(await all(other.list())).toEqual([]);
  });

  test.each([
    { page: 0 },
    { page: 1.5 },
    { page_size: 101 },
    { page_size: 0 },
    { created_after: 'soon' },
    { created_before: new Date(NaN) },
  ])('refuses %j', async (query) => {
    const { kling, seen } = pages([1]);
    await failure(kling.list(query).next(), InvalidInputError);
    expect(seen).toEqual([]);
  });

  test.each<[unknown, string]>([
    [{ statuss: 'failed' }, '`statuss`: not an option; did you mean `status`?'],
    [{ pageSize: 1 }, 'did you mean `page_size`?'],
    [null, '`query`: got null; expected an object such as'],
    ['failed', '`query`: got a string'],
  ])('refuses the query %j: the service would list everything', async (query, message) => {
    const { kling, seen } = clientOn(() => envelope({ items: [] }));
    const error = await failure(kling.list(query as never).next(), ConfigurationError);
    expect(error.message).toContain(message);
    expect(seen).toEqual([]);
  });
});

describe('close', () => {
  test('ends the sockets; what comes after is refused, and a wait that goes on names its task', async () => {
    const emulator = await startEmulator();
    const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
    const { id } = await kling.submit(KLING_O3_STD, INPUT);
    emulator.task(id).set({ status: 'processing' });
    const waiting = failure(kling.wait(id, { pollIntervalMs: 40 }), ConfigurationError);
    await vi.waitFor(() => expect(emulator.requestCount({ operation: 'result' })).toBeGreaterThan(0));
    await kling.close();
    expect((await waiting).predictionId).toBe(id);
    await vi.waitFor(() => expect(emulator.connections.open).toBe(0));
    await expect(kling.balance()).rejects.toThrow('closed');
    await kling.close();
    await emulator.close();
  });

  test('is what `await using` does', async () => {
    const emulator = await startEmulator();
    const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
    await kling.balance();
    await kling[Symbol.asyncDispose]();
    await expect(kling.balance()).rejects.toThrow('closed');
    await emulator.close();
  });

  test('leaves a caller’s dispatcher open', async () => {
    const dispatcher = new MockAgent();
    const close = vi.spyOn(dispatcher, 'close');
    const kling = new WaveSpeedKling({ apiKey: 'k', dispatcher });
    await kling.close();
    expect(close).not.toHaveBeenCalled();
  });
});

describe('observability', () => {
  test('diagnostics channels tell of submit, poll, retry and settle, without key, prompt or URL', async () => {
    const heard: [string, unknown][] = [];
    const names = ['start', 'submit', 'poll', 'retry', 'done'].map((name) => `wavespeed-kling:${name}`);
    const listen = (message: unknown, name: string | symbol) => void heard.push([String(name), message]);
    for (const name of names) diagnostics.subscribe(name, listen);
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const answers = [envelope(task()), envelope(null, 503), envelope(done())];
    const { kling } = clientOn(() => answers.shift() ?? envelope(done()));
    await kling.run(KLING_O3_STD, { prompt: 'A secret fox' }, { pollIntervalMs: 1 });
    for (const name of names) diagnostics.unsubscribe(name, listen);
    const [[, started] = []] = heard;
    const { callId } = started as { callId: string };
    expect(callId).toMatch(/^[0-9a-f-]{36}$/);
    const trace = { callId, model: KLING_O3_STD, cost: 0.42 };
    const id = { predictionId: 'task-1' };
    const durationMs: unknown = expect.any(Number);
    const failed = { operation: 'poll', attempt: 1, delayMs: 100, error: 'ServerError' };
    expect(heard).toEqual([
      ['wavespeed-kling:start', { ...trace, operation: 'run' }],
      ['wavespeed-kling:submit', { ...trace, ...id, status: 'created', durationMs }],
      ['wavespeed-kling:poll', { ...trace, ...id, error: 'ServerError', durationMs }],
      ['wavespeed-kling:retry', { ...trace, ...id, ...failed }],
      ['wavespeed-kling:poll', { ...trace, ...id, status: 'completed', durationMs }],
      ['wavespeed-kling:done', { ...trace, ...id, status: 'completed', elapsedMs: durationMs }],
    ]);
    expect(inspect(heard, { depth: 9 })).not.toMatch(/test-key|secret fox|https?:/);
  });

  test('nothing is printed, whatever fails', async () => {
    const prints = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) =>
      vi.spyOn(console, name),
    );
    const warnings = vi.spyOn(process, 'emitWarning');
    const { kling } = clientOn((request) => (isSubmit(request) ? envelope(task()) : envelope(null, 401)));
    await kling.run(KLING_O3_STD, INPUT, { pollIntervalMs: 1 }).catch(() => undefined);
    for (const print of [...prints, warnings]) expect(print).not.toHaveBeenCalled();
  });

  test('onRetry that throws does not cost the id of a task', async () => {
    const { kling } = clientOn(() => envelope(null, 503), {
      onRetry: () => {
        throw new Error('broken logger');
      },
    });
    await expect(kling.wait('task-1')).rejects.toMatchObject({
      predictionId: 'task-1',
      cause: { message: 'broken logger' },
    });
  });
});

test('a prediction survives JSON and a restart', async () => {
  const emulator = await startEmulator({ queueMs: 10, processingMs: 10 });
  const first = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
  const stored = JSON.stringify(await first.submit(KLING_O3_STD, INPUT));
  await first.close();
  const second = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
  const { id } = JSON.parse(stored) as Prediction;
  expect((await second.wait(id, { pollIntervalMs: 10 })).outputs).toHaveLength(1);
  await second.close();
  await emulator.close();
});
