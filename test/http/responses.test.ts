// What is read of a response: its size, its task, its codes, and what of it may reach an error.
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import zlib from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import {
  ApiError,
  ConnectionError,
  InsufficientCreditsError,
  InvalidResponseError,
  KLING_O3_STD,
  PermissionError,
  RateLimitError,
  ServerError,
  SubmissionUnknownError,
  WaitTimeoutError,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import { FetchTransport } from '../../src/http/fetch-transport.js';
import { findPredictionId } from '../../src/http/parse-response.js';
import { clientOn, done, envelope, failure, isSubmit, task } from '../support/client.js';
import { client, INPUT, KEY, respond, serve, serveTcp } from '../support/server.js';

describe('a submit is never repeated', () => {
  test.each([
    ['429', () => envelope(task({ id: 'paid' }), 429)],
    ['code 429 under HTTP 200', () => Response.json({ code: 429, message: 'slow', data: { id: 'paid' } })],
    ['400', () => envelope({ id: 'paid' }, 400)],
    ['503', () => envelope({ id: 'paid' }, 503)],
    ['a concurrency limit', () => envelope({ id: 'paid' }, 403, 'reached your concurrency limit')],
    ['a bare task under 429', () => Response.json(task({ id: 'paid' }), { status: 429 })],
  ])(
    'a submit is not repeated after %s that names a task, which the error names too',
    async (_what, answer) => {
      const { kling, posts } = clientOn(answer);
      expect((await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError)).predictionId).toBe(
        'paid',
      );
      expect(posts()).toBe(1);
    },
  );

  test.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])(
    'after %s of a custom fetch, which may be of another request',
    async (code) => {
      let submits = 0;
      const { kling } = clientOn((request) => {
        if (isSubmit(request)) submits++;
        throw new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
      });
      const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
      expect(error.cause).toBeInstanceOf(ConnectionError);
      expect(error.cause).toMatchObject({ requestSent: true, code });
      expect(submits).toBe(1);
    },
  );

  test.each([
    new ConnectionError('of another client', { requestSent: false }),
    new RateLimitError('of another client', { status: 429 }),
  ])('a submit is not repeated after the error of another client in a custom fetch: %s', async (thrown) => {
    const { kling, posts } = clientOn(() => Promise.reject(thrown));
    await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    expect(posts()).toBe(1);
  });
});

test('a refused connection proves that nothing was sent', async () => {
  const server = await serve();
  server.server.close();
  const error = await failure(client(server.url).submit(KLING_O3_STD, INPUT), ConnectionError);
  expect(error.requestSent).toBe(false);
});

test.each([
  [{ data: { id: 'a' } }, 'a'],
  [{ data: { id: 7 } }, '7'],
  [task({ id: 'a' }), 'a'],
  [{ id: 'request-1', error: 'no' }, undefined],
  [{ data: null }, undefined],
  [[], undefined],
  [undefined, undefined],
  ['{"code":200,"data":{"model":"m","id":"a","sta', 'a'],
  ['{"code":200,"data":{"id":"a', undefined],
  ['{"code":200,"data":{"outputs":[],"urls":{},"id":"a","sta', 'a'],
  ['{"error":{"id":"request-1"},"mess', undefined],
  ['{"message":"see /api/v3/predictions/a/result', 'a'],
  [{ data: [{ id: 'a' }] }, 'a'],
  [{ data: { prediction: { id: 'a' } } }, 'a'],
  [{ error: { id: 'request-1' } }, undefined],
  [{ links: { result: 'https://api.wavespeed.ai/api/v3/predictions/a/result' } }, 'a'],
  ['{"id":"a","model":"m', 'a'],
  ['<html>', undefined],
])('findPredictionId(%j) is %j', (body, id) => {
  expect(findPredictionId(body)).toBe(id);
});

describe('codes of the service', () => {
  test.each([
    [402, {}, InsufficientCreditsError],
    [403, { error_code: 1406 }, InsufficientCreditsError],
    [400, { code: '1407' }, InsufficientCreditsError],
    [403, { message: 'Insufficient credits, please top up' }, InsufficientCreditsError],
    [400, { error: 'Your account has not enough balance' }, InsufficientCreditsError],
    [200, { code: 1406 }, InsufficientCreditsError],
    [403, { message: 'Account suspended' }, PermissionError],
    [400, { message: 'You have reached your concurrency limit' }, RateLimitError],
    [403, { error: 'reached your concurrency limit' }, RateLimitError],
    [200, { code: 403, message: 'reached your concurrency limit' }, RateLimitError],
    [403, { message: 'You have run out of credits' }, InsufficientCreditsError],
    [403, { message: 'Credits exhausted' }, InsufficientCreditsError],
    [403, { message: 'You do not have enough credits' }, InsufficientCreditsError],
    [400, { message: "You don't have sufficient balance" }, InsufficientCreditsError],
    [400, { message: 'insufficientBalance' }, InsufficientCreditsError],
    [400, { code: 400, message: '', data: { error: 'lack of credits' } }, InsufficientCreditsError],
    [400, { message: 'Your balance is too low' }, InsufficientCreditsError],
    [403, { message: 'Please top up your account' }, InsufficientCreditsError],
    [
      422,
      { error: { code: 'insufficient_credits', message: 'insufficient_credits' } },
      InsufficientCreditsError,
    ],
    [403, { message: 'No credits left' }, InsufficientCreditsError],
    [403, { message: '账户余额不足' }, InsufficientCreditsError],
    [200, { error: { code: 1407, message: 'no' } }, InsufficientCreditsError],
    [200, { code: 200, error_code: 1406, data: null }, InsufficientCreditsError],
    [200, { error: 'Insufficient credits' }, InsufficientCreditsError],
    [200, { code: 1401, message: 'invalid parameter' }, ApiError],
    [200, { code: 5003, message: 'internal' }, ServerError],
    [400, { message: 'low resolution of images[0]' }, ApiError],
    [400, { message: 'not enough images' }, ApiError],
    [403, { message: 'role viewer may not spend credits' }, PermissionError],
    [500, { message: 'insufficient balance at our provider' }, ServerError],
    [400, { message: 'insufficient resolution of images[0]' }, ApiError],
  ])('HTTP %i with %j is its class', async (status, body, errorClass) => {
    const { kling } = clientOn(() => Response.json(body, { status }), { maxRetries: 0 });
    const error = await failure(kling.balance(), errorClass);
    expect(error.constructor).toBe(errorClass);
  });

  test('the service code is on the error, and a known one in its message', async () => {
    const body = { code: 400, error_code: '1200', message: 'Prompt rejected' };
    const { kling } = clientOn(() => Response.json(body, { status: 400 }));
    const error = await failure(kling.balance(), ApiError);
    expect(error.code).toBe(1200);
    expect(error.message).toBe(
      '[GET] /api/v3/balance: 400 Bad Request: Prompt rejected (content moderation, code 1200)',
    );
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['a list', { errors: ['too dark', 'too small'] }, 'too dark; too small'],
    ['an object', { error: { message: 'too dark', code: 1401 } }, 'too dark (invalid parameter, code 1401)'],
    ['`detail`', { detail: 'too dark' }, 'too dark'],
    [
      'a list in `detail`',
      { detail: [{ loc: ['body', 'images'], msg: 'too dark' }] },
      'body.images: too dark',
    ],
    ['`msg`', { msg: 'too dark' }, 'too dark'],
    ['fields by name', { errors: { images: ['too dark'] } }, 'images: too dark'],
    ['two fields', { message: 'Invalid request', detail: 'too dark' }, 'Invalid request; too dark'],
  ])('an error without a service code has its reason from %s', async (_what, body, words) => {
    const { kling } = clientOn(() => Response.json(body, { status: 400 }));
    const { message } = await failure(kling.balance(), ApiError);
    expect(message).toBe(`[GET] /api/v3/balance: 400 Bad Request: ${words}`);
  });

  test('the reason of an error may be plain text, but not a page', async () => {
    const bodies = ['no healthy upstream\n', '<html>bad gateway</html>'];
    const { kling } = clientOn(() => new Response(bodies.shift(), { status: 503 }), { maxRetries: 0 });
    expect((await failure(kling.balance(), ServerError)).message).toContain(
      '503 Service Unavailable: no healthy upstream',
    );
    expect((await failure(kling.balance(), ServerError)).message).not.toContain('html');
    const { kling: other } = clientOn(() => new Response('overloaded'), { maxRetries: 0 });
    expect((await failure(other.balance(), InvalidResponseError)).message).toContain('got "overloaded"');
  });

  test('a 403 that names roles says what to do', async () => {
    const { kling } = clientOn(() =>
      envelope(null, 403, 'requires role "owner", this key has role "viewer"'),
    );
    const { message } = await failure(kling.balance(), PermissionError);
    expect(message).toContain('role "owner"');
    expect(message).toContain('use a key with a role that the message names');
  });

  test('a bare { error } is the message of the error', async () => {
    const { kling } = clientOn(() => Response.json({ error: 'no such route' }, { status: 400 }));
    expect((await failure(kling.balance(), ApiError)).message).toContain('400 Bad Request: no such route');
  });

  test.each([408, 503])('Retry-After of a %i is on the error', async (status) => {
    const headers = { 'retry-after': '7' };
    const { kling } = clientOn(() => envelope(null, status, 'later', headers), { maxRetries: 0 });
    expect((await failure(kling.balance(), ApiError)).retryAfterMs).toBe(7000);
  });
});

describe('a response over its limit', () => {
  const endless = (status: number) =>
    serve((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      const piece = Buffer.alloc(64 * 1024, ' ');
      const write = () => {
        while (!response.destroyed && response.write(piece));
        if (!response.destroyed) response.once('drain', write);
      };
      write();
    });

  const transports: [string, WaveSpeedKlingOptions][] = [
    ['undici', {}],
    ['fetch', { fetch: (...call) => globalThis.fetch(...call) }],
  ];
  test.each(transports)(
    'is an InvalidResponseError, and the connection is closed: %s',
    async (_name, options) => {
      const server = await endless(200);
      const kling = client(server.url, { ...options, maxResponseBytes: 1_000_000 });
      const error = await failure(kling.balance(), InvalidResponseError);
      expect(error.message).toContain('maxResponseBytes (1000000 bytes)');
      expect(error.status).toBe(200);
      await vi.waitFor(() => expect(server.sockets[0]?.destroyed).toBe(true));
      expect(server.sockets[0]?.bytesWritten).toBeLessThan(20_000_000);
    },
  );

  test.each(transports)('an error response over its limit is cut to 64 KiB: %s', async (_name, options) => {
    const server = await endless(400);
    const error = await failure(client(server.url, options).balance(), ApiError);
    expect(error.status).toBe(400);
    expect((error.body as string).length).toBe(64 * 1024);
    await vi.waitFor(() => expect(server.sockets[0]?.destroyed).toBe(true));
  });

  test('a response over its limit leaves the outcome of a submit unknown, and names the task', async () => {
    const { kling, posts } = clientOn(
      () => new Response(`{"code":200,"data":{"id":"paid","input":"${'x'.repeat(2000)}"}}`),
      { maxResponseBytes: 1000 },
    );
    expect((await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError)).predictionId).toBe(
      'paid',
    );
    expect(posts()).toBe(1);
  });
});

describe('the key reaches no error', () => {
  const reveals = (error: unknown) => inspect(error, { depth: 20, showHidden: true }).includes(KEY);

  test('the key reaches no error through bytes that are not HTTP', async () => {
    const url = await serveTcp((socket) => {
      socket.once('data', (chunk) => socket.end(`garbage ${chunk.toString()}`));
    });
    const error = await failure(client(url).balance(), ConnectionError);
    expect(reveals(error)).toBe(false);
    expect(inspect(error.cause, { depth: 20 })).not.toContain('garbage');
    const withFetch = client(url, { fetch: (...call) => globalThis.fetch(...call) });
    expect(reveals(await failure(withFetch.balance(), ConnectionError))).toBe(false);
  });

  test('the raw bytes that undici’s parser keeps reach no error', async () => {
    const url = await serveTcp((socket) => {
      socket.once('data', () => socket.end('garbage'));
    });
    for (const options of [{}, { fetch: globalThis.fetch }]) {
      const error = await failure(client(url, options).balance(), ConnectionError);
      expect(inspect(error, { depth: 20 })).not.toMatch(/data:/);
    }
  });

  test('the key reaches no error through the body of a response that is not the API’s', async () => {
    const { kling } = clientOn(() => new Response(`<html>${KEY}</html>`), { maxRetries: 0 });
    const error = await failure(kling.balance(), InvalidResponseError);
    expect(error.body).toBe('<html>…</html>');
    const { kling: other } = clientOn(() => envelope({ nothing: KEY }), { maxRetries: 0 });
    expect(reveals(await failure(other.balance(), InvalidResponseError))).toBe(false);
  });

  test('the key reaches no error through the task that was last seen', async () => {
    const { kling } = clientOn(() => envelope(task({ note: KEY })));
    const error = await failure(
      kling.wait('task-1', { timeoutMs: 500, pollIntervalMs: 100 }),
      WaitTimeoutError,
    );
    expect(error.lastPrediction).toMatchObject({ note: '…' });
    expect(reveals(error)).toBe(false);
  });

  test('the key reaches no error through a custom fetch’s error that keeps its request', async () => {
    const { kling } = clientOn(
      (request) => {
        throw Object.assign(new Error(`cannot send ${KEY}`), {
          code: 'E_CUSTOM',
          config: { headers: Object.fromEntries(request.headers) },
        });
      },
      { maxRetries: 0 },
    );
    const error = await failure(kling.balance(), ConnectionError);
    expect(error.code).toBe('E_CUSTOM');
    expect(reveals(error)).toBe(false);
  });

  test('the key reaches no error through a body that is cut off', async () => {
    const url = await serveTcp((socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{"a":"${KEY}`));
    });
    const error = await failure(client(url).balance(), InvalidResponseError);
    expect(error.body).toBe('{"a":"…');
    expect(reveals(error)).toBe(false);
  });
});

describe('a body that a gateway compressed although the request asks for identity', () => {
  const deflateRaw = (text: string) => zlib.deflateRawSync(text);
  const encodings: [string, (text: string) => Buffer][] = [
    ['gzip', zlib.gzipSync],
    ['x-gzip', zlib.gzipSync],
    ['GZIP', zlib.gzipSync],
    ['', zlib.gzipSync],
    ['deflate', zlib.deflateSync],
    ['deflate', deflateRaw],
    ['br', zlib.brotliCompressSync],
    ['gzip, br', (text) => zlib.brotliCompressSync(zlib.gzipSync(text))],
  ];
  const serveCompressed = (encoding: string, body: Buffer, status = 200) =>
    serve((request, response) => {
      request.resume();
      response.writeHead(status, encoding === '' ? {} : { 'content-encoding': encoding });
      response.end(body);
    });

  test.each(encodings)('a compressed response is decompressed: %s', async (encoding, compress) => {
    const server = await serveCompressed(
      encoding,
      compress(JSON.stringify({ code: 200, data: task({ id: 'paid' }) })),
    );
    const transports = encoding === '' ? [{}] : [{}, { fetch: globalThis.fetch }];
    for (const options of transports) {
      expect((await client(server.url, options).submit(KLING_O3_STD, INPUT)).id).toBe('paid');
    }
    const refusal = await serveCompressed(encoding, compress(JSON.stringify({ message: 'too dark' })), 400);
    expect((await failure(client(refusal.url).balance(), ApiError)).message).toContain('too dark');
  });

  test.each(encodings)(
    'a compressed response names its task even if it was cut off: %s',
    async (encoding, compress) => {
      const { prompt } = { prompt: randomBytes(4000).toString('hex') };
      const whole = compress(JSON.stringify({ code: 200, data: { id: 'paid', prompt } }));
      const server = await serve((request, response) => {
        request.resume();
        request.once('end', () => {
          response.writeHead(200, {
            'content-length': whole.length,
            ...(encoding === '' ? {} : { 'content-encoding': encoding }),
          });
          response.write(whole.subarray(0, whole.length - 500), () => response.destroy());
        });
      });
      const error = await failure(client(server.url).submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
      expect(error.predictionId).toBe('paid');
    },
  );

  test('the error names a compression that cannot be undone', async () => {
    for (const encoding of ['zstd', 'gzip']) {
      const server = await serveCompressed(encoding, Buffer.from('not that'));
      const { message } = await failure(client(server.url).balance(), InvalidResponseError);
      expect(message).toContain(`compressed`);
      expect(message).toContain(encoding);
    }
    const headers = { 'content-encoding': 'br' };
    const { kling } = clientOn(() => new Response('\u0001\u0002', { headers }), { maxRetries: 0 });
    expect((await failure(kling.balance(), InvalidResponseError)).message).toContain('compressed (br)');
  });

  test('a compressed response may not become larger than maxResponseBytes', async () => {
    const server = await serveCompressed('gzip', zlib.gzipSync(Buffer.alloc(5_000_000)));
    const kling = client(server.url, { maxResponseBytes: 1_000_000 });
    expect((await failure(kling.balance(), InvalidResponseError)).message).toContain(
      'maxResponseBytes (1000000 bytes)',
    );
  });
});

test('a custom fetch is told not to cache', async () => {
  const fetch = vi.fn<typeof globalThis.fetch>(() => Promise.resolve(envelope(done())));
  await client('https://api.example.com', { fetch }).wait('task-1');
  expect(fetch).toHaveBeenCalledExactlyOnceWith(
    expect.anything(),
    expect.objectContaining({ cache: 'no-store' }),
  );
});

test('a body without its byte order mark is read', async () => {
  const server = await serve((request, response) => {
    if (request.method === 'GET') response.end('\uFEFF{"code":200,"data":{"balance":7}}');
    else respond(request, response);
  });
  expect(await client(server.url).balance()).toBe(7);
});

test('an upload through the fetch of Deno has its length: the body is no stream', async () => {
  vi.stubGlobal('Deno', {});
  const bodies: unknown[] = [];
  const fetch = vi.fn((_url: string, init: RequestInit) => {
    bodies.push(init.body);
    return Promise.resolve(new Response());
  });
  await new FetchTransport(fetch as never).stream({
    method: 'PUT',
    url: new URL('https://storage.example/1'),
    headers: { 'content-length': '4' },
    body: (async function* () {
      yield Buffer.from('ab');
      yield Buffer.from('cd');
    })(),
    signal: new AbortController().signal,
  });
  expect(await (bodies[0] as Blob).text()).toBe('abcd');
});
