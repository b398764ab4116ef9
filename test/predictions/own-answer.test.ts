// What proves that a submit was refused, and which answer is the answer to it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  ApiError,
  InsufficientCreditsError,
  KLING_O1,
  KLING_O3_STD,
  NotFoundError,
  SubmissionUnknownError,
  WaveSpeedKling,
} from 'wavespeed-kling';
import { clientOn, envelope, failure, isSubmit, task } from '../support/client.js';

const INPUT = { prompt: 'A fox in the  snow', images: ['https://a.example/1.png?x=1'], duration: 5 } as const;

const PAGE = '<html><h1>gateway</h1></html>';
const STATUSES = Array.from({ length: 100 }, (_, index) => 400 + index);

describe('only an answer of the API proves that a submit was refused', () => {
  test.each<[string, () => string]>([
    ['a page', () => PAGE],
    ['nothing', () => ''],
    ['plain text', () => 'try again'],
    ['a list', () => '["no"]'],
    ['other JSON', () => '{"status":"no","request":7}'],
    ['JSON that breaks off', () => '{"code":400,"mess'],
    ['empty fields', () => '{"message":null,"error":null}'],
  ])('%s under any 4xx leaves its outcome unknown, and it is sent once', async (_what, body) => {
    for (const status of STATUSES) {
      const { kling, posts } = clientOn(() => new Response(body(), { status }));
      await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
      expect(posts(), String(status)).toBe(1);
    }
  });

  test.each(['code', 'error_code', 'message', 'error', 'detail'])(
    'one with `%s` is refused',
    async (field) => {
      for (const status of STATUSES.filter((each) => each !== 408 && each !== 429)) {
        const { kling, posts } = clientOn(() =>
          Response.json({ [field]: field === 'code' ? status : 'no' }, { status }),
        );
        await failure(kling.submit(KLING_O3_STD, INPUT), ApiError);
        expect(posts()).toBe(1);
      }
    },
  );

  test('408 and 5xx leave it unknown, whoever answers', async () => {
    for (const status of [408, 500, 502, 503, 504, 524]) {
      const { kling, posts } = clientOn(() => Response.json({ code: 1401, message: 'no' }, { status }));
      await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
      expect(posts()).toBe(1);
    }
  });

  test('a 429 of the API is sent again, a page is not', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const answers = [envelope(null, 429, 'slow down'), envelope(task())];
    const { kling } = clientOn(() => answers.shift() ?? envelope(task()));
    expect((await kling.submit(KLING_O3_STD, INPUT)).id).toBe('task-1');
    vi.restoreAllMocks();
  });
});

describe('a refusal under HTTP 200', () => {
  test.each<[object, new (...args: never[]) => Error]>([
    [{ code: 1200, message: 'moderated' }, ApiError],
    [{ code: 1400, message: 'missing' }, ApiError],
    [{ code: '1401', message: 'invalid' }, ApiError],
    [{ code: 1402, message: 'not fetched', data: null }, ApiError],
    [{ code: 1406, message: 'no credit' }, InsufficientCreditsError],
    [{ code: 1407, message: 'no credit' }, InsufficientCreditsError],
    [{ code: 200, error_code: 1406, message: 'no credit', data: null }, InsufficientCreditsError],
    [{ error_code: '1402', message: 'not fetched' }, ApiError],
    [{ error: { code: 1401, message: 'invalid' } }, ApiError],
    [{ code: 200, data: {}, error: { error_code: 1406 } }, InsufficientCreditsError],
    [{ code: 404, message: 'no such model' }, NotFoundError],
    [{ code: 200, message: 'success', data: { code: 1401, message: 'invalid' } }, ApiError],
    [{ code: 200, data: { error_code: '1406' } }, InsufficientCreditsError],
    [{ code: 200, data: { error: { code: 1200, message: 'moderated' } } }, ApiError],
    [{ code: 200, errors: [{ code: 1401, message: 'invalid' }] }, ApiError],
    [{ detail: { code: 1401, message: 'invalid' } }, ApiError],
  ])('%j is its error, and the key is free', async (body, errorClass) => {
    const answers: unknown[] = [body];
    const { kling, posts } = clientOn(() => Response.json(answers.shift() ?? { code: 0, data: task() }));
    const options = { idempotencyKey: 'k' };
    await failure(kling.submit(KLING_O3_STD, INPUT, options), errorClass);
    expect((await kling.submit(KLING_O3_STD, INPUT, options)).id).toBe('task-1');
    expect(posts()).toBe(2);
  });

  test.each([
    { error: 'Insufficient credits' },
    { code: 200, message: 'Insufficient credits', data: null },
    { detail: [{ msg: 'Insufficient credits' }] },
    { errors: { account: ['Insufficient credits'] } },
    { code: 1403, message: 'Insufficient credits' },
  ])(
    'without a code that says so, %j leaves the outcome open, and the words are in the message',
    async (body) => {
      const { kling, posts } = clientOn(() => Response.json(body));
      const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
      expect(error.message).toContain('Insufficient credits');
      expect(posts()).toBe(1);
    },
  );

  test('of each poll is in the message of the wait', async () => {
    for (const body of [
      { error: 'Insufficient credits' },
      { code: 200, message: 'Insufficient credits', data: null },
    ]) {
      const { kling } = clientOn(() => Response.json(body));
      const wait = kling.wait('task-1', { timeoutMs: 500, pollIntervalMs: 100 });
      await expect(wait).rejects.toThrow('Insufficient credits');
    }
  });
});

test.each([0, '0', 200, '200', 201, 'success', null, undefined])(
  'a task in an envelope of code %j is a task',
  async (code) => {
    const { kling } = clientOn(() => Response.json({ code, message: 'ok', data: task() }));
    expect((await kling.submit(KLING_O3_STD, INPUT)).id).toBe('task-1');
  },
);

describe('the answer to a submit', () => {
  const answerTo = async (fields: object) => {
    const { kling, posts } = clientOn((request) =>
      isSubmit(request) ? envelope(task({ id: 'ghost', ...fields })) : envelope({ items: [] }),
    );
    const outcome = await kling.submit(KLING_O3_STD, INPUT).catch((error: unknown) => error);
    expect(posts()).toBe(1);
    return outcome;
  };

  test.each([
    { model: KLING_O1 },
    { input: { prompt: 'Another prompt' } },
    { inputs: { prompt: 'Another prompt' } },
    { input: { prompt: INPUT.prompt, duration: 10 } },
    { input: { images: ['https://b.example/1.png', 'https://b.example/2.png'] } },
    { input: { keep_original_sound: false } },
  ])('is not one that shows %j: its id is nobody’s', async (fields) => {
    const error = await answerTo(fields);
    expect(error).toBeInstanceOf(SubmissionUnknownError);
    expect(error).not.toHaveProperty('predictionId');
    expect((error as Error).message).toContain('about another request');
    expect((error as Error).message).not.toContain('ghost');
  });

  test.each([
    {},
    { model: '' },
    { model: 'kling-video-o3-std/reference-to-video' },
    { model: KLING_O3_STD.toUpperCase() },
    { input: { prompt: ' A fox in the snow ', duration: '5', images: ['https://cdn.wavespeed.ai/x.png'] } },
    { input: { prompt: 'A fox in…', keep_original_sound: null, seed: 7 } },
    { input: 'A fox' },
  ])('may show %j', async (fields) => {
    expect(await answerTo(fields)).toMatchObject({ id: 'ghost' });
  });
});

describe('the global fetch', () => {
  test('sends a submit once, and with its length, when a gateway answers 421 to it', async () => {
    const received: { length: string | undefined; body: string }[] = [];
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        received.push({ length: request.headers['content-length'], body });
        response.writeHead(421, { 'content-type': 'text/html' }).end(PAGE);
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const kling = new WaveSpeedKling({
      apiKey: 'key',
      baseUrl: `http://127.0.0.1:${port}`,
      fetch: globalThis.fetch,
    });
    await failure(kling.submit(KLING_O1, { prompt: 'Ein Füchslein' }), SubmissionUnknownError);
    expect(received).toHaveLength(1);
    expect(received[0]?.length).toBe(String(Buffer.byteLength(received[0]?.body ?? '')));
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({ prompt: 'Ein Füchslein' });
    server.closeAllConnections();
  });
});
