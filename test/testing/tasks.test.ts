/** Checks a task from its submit to its end: validation, statuses over time, and the request log. */
import { describe, expect, test } from 'vitest';
import { createEmulator, ManualClock, startEmulator } from '../../src/testing/index.js';
import { call, O1, O3, result, started, submit } from './support.js';

const HOURS = 60 * 60 * 1000;

test('a submit responds with the prediction in an envelope, and a request id', async () => {
  const emulator = await started();
  const reply = await call(emulator, O3, { body: { prompt: 'A paper boat' } });
  expect(reply.status).toBe(200);
  expect(reply.headers['x-request-id']).toMatch(/.{8}/);
  expect(reply.json).toEqual({
    code: 200,
    message: 'success',
    data: {
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      model: O3,
      outputs: [],
      urls: { get: `${emulator.url}/api/v3/predictions/${reply.json.data.id}/result` },
      has_nsfw_contents: [],
      status: 'created',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/),
      error: '',
      timings: { inference: 0 },
      input: {
        prompt: 'A paper boat',
        images: [],
        keep_original_sound: true,
        sound: false,
        aspect_ratio: '16:9',
        duration: 5,
      },
    },
  });
});

test('a task changes its status when the clock says so', async () => {
  const clock = new ManualClock();
  const emulator = await started({ clock, queueMs: 1000, processingMs: 60_000 });
  const { id } = await submit(emulator);
  const look = async () => (await result(emulator, id)).status;
  expect(await look()).toBe('created');
  clock.advance(999);
  expect(await look()).toBe('created');
  clock.advance(1);
  expect(await look()).toBe('processing');
  clock.advance(59_999);
  expect(await look()).toBe('processing');
  clock.advance(1);
  expect(await look()).toBe('completed');
});

test('a completed task has an output, one flag for it, and the time it took', async () => {
  const emulator = await started({ queueMs: 0, processingMs: 0, nsfw: true });
  const { id } = await submit(emulator);
  const done = await result(emulator, id);
  expect(done).toMatchObject({
    status: 'completed',
    outputs: [`${emulator.url}/outputs/${id}/1.mp4`],
    has_nsfw_contents: [true],
    error: '',
  });
});

test('GET predictions/{id} responds like its result', async () => {
  const emulator = await started({ clock: new ManualClock() });
  const { id } = await submit(emulator);
  expect((await call(emulator, `predictions/${id}`)).json.data).toEqual(await result(emulator, id));
  expect(emulator.requestCount({ operation: 'result' })).toBe(2);
  expect((await call(emulator, 'predictions/nobody')).status).toBe(404);
});

test.each(['/', '/other', '/result/more'])('a task id followed by %j responds 404', async (rest) => {
  const emulator = await started();
  const { id } = await submit(emulator);
  const reply = await call(emulator, `predictions/${id}${rest}`);
  expect([reply.status, reply.json.code]).toEqual([404, 404]);
  expect(emulator.requestCount({ operation: 'result' })).toBe(0);
});

test('the real clock can be advanced', async () => {
  const emulator = await started({ processingMs: 5 * 60_000 });
  const { id } = await submit(emulator);
  emulator.clock.advance(6 * 60_000);
  expect((await result(emulator, id)).status).toBe('completed');
});

test('failShare spreads the failures evenly', async () => {
  const emulator = await started({ queueMs: 0, processingMs: 0, failWith: 'refused', failShare: 0.29 });
  for (let index = 0; index < 100; index += 1) await submit(emulator);
  const failed = emulator.account.tasks.flatMap(({ status }, index) => (status === 'failed' ? [index] : []));
  expect(failed).toHaveLength(29);
  expect(failed.slice(0, 3)).toEqual([3, 6, 10]);
});

test('failWith fails every task with that message and without outputs', async () => {
  const emulator = await started({ queueMs: 0, processingMs: 0, failWith: 'content refused' });
  const { id } = await submit(emulator);
  expect(await result(emulator, id)).toMatchObject({
    status: 'failed',
    error: 'content refused',
    outputs: [],
  });
});

describe('the controls of a task', () => {
  test('complete() completes it at once', async () => {
    const emulator = await started({ clock: new ManualClock() });
    const { id } = await submit(emulator);
    emulator.task(id).complete();
    expect(await result(emulator, id)).toMatchObject({ status: 'completed', error: '' });
  });

  test('fail(message) fails it at once', async () => {
    const emulator = await started({ clock: new ManualClock() });
    const { id } = await submit(emulator);
    emulator.task(id).fail('no such face');
    expect(await result(emulator, id)).toMatchObject({
      status: 'failed',
      error: 'no such face',
      outputs: [],
    });
    emulator.task(id).fail();
    expect((await result(emulator, id)).error).not.toBe('');
  });

  test('fail(message, code) sets the service code, and set() overrides it', async () => {
    const emulator = await started({ clock: new ManualClock(), failCode: 5004 });
    const { id } = await submit(emulator);
    expect(await result(emulator, id)).not.toHaveProperty('code');
    emulator.task(id).fail();
    expect((await result(emulator, id)).code).toBe(5004);
    emulator.task(id).fail('content refused', 1200);
    expect(await result(emulator, id)).toMatchObject({ code: 1200, error: 'content refused' });
    emulator.task(id).set({ code: undefined });
    expect(await result(emulator, id)).not.toHaveProperty('code');
  });

  test('set({ status }) keeps the status whatever the clock says, until complete()', async () => {
    const clock = new ManualClock();
    const emulator = await started({ clock });
    const { id } = await submit(emulator);
    emulator.task(id).set({ status: 'queued' });
    clock.advance(HOURS);
    expect((await result(emulator, id)).status).toBe('queued');
    emulator.task(id).complete();
    expect((await result(emulator, id)).status).toBe('completed');
  });

  test('set() adds fields and nulls, and removes fields', async () => {
    const emulator = await started();
    const { id } = await submit(emulator);
    emulator.task(id).set({ outputs: null, brandNew: 1, urls: undefined });
    const shown = await result(emulator, id);
    expect(shown).toMatchObject({ outputs: null, brandNew: 1 });
    expect(shown).not.toHaveProperty('urls');
  });

  test.each(['cancelled', 'timeout', 'deleted'])('set({ status }) accepts %s', async (status) => {
    const emulator = await started();
    const { id } = await submit(emulator);
    emulator.task(id).set({ status });
    expect(await result(emulator, id)).toMatchObject({ status, outputs: [] });
  });

  test('task() throws for an unknown id and names it', async () => {
    const emulator = await started();
    expect(() => emulator.task('nobody')).toThrow(/nobody/);
  });
});

describe('a submit is rejected, and nothing is charged', () => {
  const images = (count: number) =>
    Array.from({ length: count }, (_, index) => `https://example.com/${index}.png`);
  test.each([
    ['no prompt', O3, {}, /prompt/],
    ['a blank prompt', O3, { prompt: '  ' }, /prompt/],
    ['a prompt that is no string', O3, { prompt: 5 }, /prompt/],
    ['too short', O3, { prompt: 'x', duration: 2 }, /duration/],
    ['too long for O1', O1, { prompt: 'x', duration: 11 }, /duration/],
    ['too long for O3', O3, { prompt: 'x', duration: 16 }, /duration/],
    ['a fraction of a second', O3, { prompt: 'x', duration: 5.5 }, /duration/],
    ['a duration as a string', O3, { prompt: 'x', duration: '5' }, /duration/],
    ['an unknown ratio', O3, { prompt: 'x', aspect_ratio: '4:3' }, /aspect_ratio/],
    ['8 images', O3, { prompt: 'x', images: images(8) }, /images.*7/],
    [
      '5 images with a video',
      O3,
      { prompt: 'x', images: images(5), video: 'https://example.com/a.mp4' },
      /images.*4/,
    ],
    [
      '5 images with a video, O1',
      O1,
      { prompt: 'x', images: images(5), video: 'https://example.com/a.mp4' },
      /images.*4/,
    ],
    ['images that are no list', O3, { prompt: 'x', images: 'https://example.com/a.png' }, /images/],
    ['an image that is no URL', O3, { prompt: 'x', images: ['a.png'] }, /images\[0\]/],
    ['an image of another scheme', O3, { prompt: 'x', images: ['file:///a.png'] }, /images\[0\]/],
    ['a video that is no URL', O3, { prompt: 'x', video: 'a.mp4' }, /video/],
    ['a flag as a string', O3, { prompt: 'x', sound: 'yes' }, /sound/],
    ['another flag as a number', O1, { prompt: 'x', keep_original_sound: 1 }, /keep_original_sound/],
    ['a list for a body', O3, [], /object/],
    ['no JSON', O3, '{"prompt":', /JSON/],
  ])('%s', async (_what, model, body, message) => {
    const emulator = await started();
    const reply = await call(emulator, model, { body });
    expect(reply.status).toBe(400);
    expect(reply.json).toMatchObject({ code: 400, message: expect.stringMatching(message), data: null });
    expect(emulator.account).toMatchObject({ charged: 0, balance: 100, tasks: [] });
  });

  test.each([null, '', 'wrong'])('a submit is rejected with the key %j', async (key) => {
    const emulator = await started({ apiKey: 'right' });
    const reply = await call(emulator, O3, { body: { prompt: 'x' }, key });
    expect(reply.status).toBe(401);
    expect(reply.json.code).toBe(401);
    expect(emulator.account.tasks).toHaveLength(0);
  });

  test('a submit is rejected for an unknown model', async () => {
    const emulator = await started();
    const reply = await call(emulator, 'kwaivgi/kling-video-o9/reference-to-video', {
      body: { prompt: 'x' },
    });
    expect([reply.status, reply.json.code]).toEqual([404, 404]);
  });

  test.each(['ftp://127.0.0.1/', 'http://example.com/hook', 'nonsense'])(
    'the webhook %s',
    async (webhook) => {
      const emulator = await started();
      const reply = await call(emulator, `${O3}?webhook=${encodeURIComponent(webhook)}`, {
        body: { prompt: 'x' },
      });
      expect([reply.status, emulator.account.charged]).toEqual([400, 0]);
    },
  );
});

describe('a submit is accepted', () => {
  test('a submit is accepted with any key if none is set, and with the emulator’s own', async () => {
    const emulator = await started();
    expect((await call(emulator, O3, { body: { prompt: 'x' }, key: 'anything' })).status).toBe(200);
    expect((await call(emulator, O3, { body: { prompt: 'x' }, key: emulator.apiKey })).status).toBe(200);
  });

  test('a submit is accepted with unknown fields, which are ignored, as `sound` on O1', async () => {
    const emulator = await started();
    const { input } = await submit(emulator, { durration: 10, sound: true }, O1);
    expect(input).toEqual({
      prompt: 'A paper boat',
      images: [],
      keep_original_sound: true,
      aspect_ratio: '16:9',
      duration: 5,
    });
  });

  test('a submit is accepted with nulls and empty strings, which count as absent', async () => {
    const emulator = await started();
    const { input } = await submit(emulator, { video: '', images: null, duration: null });
    expect(input).toMatchObject({ images: [], duration: 5 });
    expect(input).not.toHaveProperty('video');
  });

  test('a submit is accepted with 7 images, 4 with a video, and images as data URLs', async () => {
    const emulator = await started();
    const image = 'data:image/png;base64,AAAA';
    await submit(emulator, { images: Array(7).fill(image) });
    await submit(emulator, { images: Array(4).fill(image), video: 'http://example.com/a.mp4' });
    expect(emulator.account.tasks).toHaveLength(2);
  });
});

test('returnInput: false omits the input', async () => {
  const emulator = await started({ returnInput: false });
  expect(await submit(emulator)).not.toHaveProperty('input');
});

test('a result responds 404 for resultLagMs', async () => {
  const clock = new ManualClock();
  const emulator = await started({ clock, resultLagMs: 2000 });
  const { id } = await submit(emulator);
  expect((await call(emulator, `predictions/${id}/result`)).status).toBe(404);
  clock.advance(2000);
  expect((await call(emulator, `predictions/${id}/result`)).status).toBe(200);
});

test('a result responds 404 after 7 days, and for an unknown id', async () => {
  const clock = new ManualClock();
  const emulator = await started({ clock });
  const { id } = await submit(emulator);
  clock.advance(7 * 24 * HOURS);
  expect((await call(emulator, `predictions/${id}/result`)).status).toBe(200);
  clock.advance(1);
  expect((await call(emulator, `predictions/${id}/result`)).status).toBe(404);
  expect((await call(emulator, 'predictions/nobody/result')).json).toMatchObject({ code: 404, data: null });
});

test('created_at increases within one millisecond', async () => {
  const emulator = await started({ clock: new ManualClock(Date.UTC(2026, 0, 2)) });
  const first = await submit(emulator);
  const second = await submit(emulator);
  expect(first.created_at).toBe('2026-01-02T00:00:00.000000001Z');
  expect(second.created_at).toBe('2026-01-02T00:00:00.000000002Z');
});

test('the log has the method, path, query, headers, body, size and time of every request', async () => {
  const clock = new ManualClock(1_000_000);
  const emulator = await started({ clock });
  const body = JSON.stringify({ prompt: 'é' });
  await call(emulator, `${O3}?webhook=https://example.com/hook`, {
    body,
    headers: { 'X-Client-Name': 'test' },
  });
  await call(emulator, O3, { body: 'not json' });
  expect(emulator.requests).toHaveLength(2);
  expect(emulator.requests[0]).toMatchObject({
    operation: 'submit',
    method: 'POST',
    path: `/api/v3/${O3}`,
    query: { webhook: 'https://example.com/hook' },
    headers: { 'x-client-name': 'test' },
    body: { prompt: 'é' },
    bodyBytes: 15,
    at: 1_000_000,
    connection: 1,
    status: 200,
  });
  expect(emulator.requests[1]).toMatchObject({ body: 'not json', status: 400 });
  expect(emulator.requestCount()).toBe(2);
  expect(emulator.requestCount({ operation: 'submit', method: 'POST', path: `/api/v3/${O3}` })).toBe(2);
  expect(emulator.requestCount({ operation: 'result' })).toBe(0);
});

test.each(['api/v3/nothing', 'api/v2/balance', '', 'api/v3/webhook/other'])(
  '/%s responds 404',
  async (path) => {
    const emulator = await started();
    const reply = await call(emulator, `${emulator.url}/${path}`);
    expect([reply.status, reply.json.code]).toEqual([404, 404]);
  },
);

test.each([
  [{}, 1400, 'prompt'],
  [{ prompt: null }, 1400, 'prompt'],
  [{ prompt: 5 }, 1401, 'prompt'],
  [{ prompt: 'x', duration: 99 }, 1401, 'duration'],
  ['not json', 1401, 'JSON'],
])('rejects the submit %j with the code %d', async (body, code, field) => {
  const emulator = await started();
  expect(await call(emulator, O3, { body })).toMatchObject({
    status: 400,
    json: { code: 400, error_code: code, message: expect.stringContaining(field) },
  });
});

test('clearRequests() empties the log and the key leaks, and nothing else', async () => {
  const emulator = await started();
  const { id } = await submit(emulator);
  emulator.task(id).complete();
  await call(emulator, `${emulator.url}/outputs/${id}/1.mp4`);
  expect([emulator.requests.length, emulator.keyLeaks.length]).toEqual([2, 1]);
  emulator.clearRequests();
  expect([emulator.requests, emulator.keyLeaks, emulator.requestCount()]).toEqual([[], [], 0]);
  expect(emulator.account.tasks).toHaveLength(1);
  await result(emulator, id);
  expect(emulator.requestCount({ operation: 'result' })).toBe(1);
});

test.each([
  { balance: -1 },
  { queueMs: Number.NaN },
  { perMinute: -5 },
  { apiKey: ' ' },
  { listInputs: 'always' as never },
  { overConcurrency: 'wait' as never },
  { insufficientCreditsStatus: 500 as never },
  { failWith: 1200 as never },
])('%j is rejected and named', (options) => {
  expect(() => createEmulator(options)).toThrow(Object.keys(options)[0]);
});

test('an unknown option is rejected with a hint', async () => {
  expect(() => createEmulator({ proccessingMs: 5 } as object)).toThrow(
    'the options: `proccessingMs` is unknown; did you mean `processingMs`?',
  );
  expect(() => createEmulator({ speed: 5 } as object)).toThrow(
    '`speed` is unknown; expected one of apiKey, balance,',
  );
  expect(() => createEmulator({ port: 0 } as object)).toThrow('`port` is unknown');
  await expect(startEmulator({ prot: 5 } as object)).rejects.toThrow(
    '`prot` is unknown; did you mean `port`?',
  );
  const emulator = await started({ port: 0, keepAliveTimeoutMs: 1000 });
  expect((await call(emulator, 'balance')).status).toBe(200);
});

test('a clock rejects invalid times', () => {
  expect(() => new ManualClock().advance(-1)).toThrow(/advance/);
  expect(() => new ManualClock(Number.NaN)).toThrow(/ManualClock/);
});

test('startEmulator() rejects at once for a port in use', async () => {
  const emulator = await started();
  await expect(startEmulator({ port: Number(new URL(emulator.url).port) })).rejects.toThrow(/EADDRINUSE/);
});
