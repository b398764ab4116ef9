/** Responses that contradict themselves or the request: a submit's no that names a task, an answer about another task. */
import { describe, expect, test } from 'vitest';
import {
  InvalidResponseError,
  KLING_O3_STD,
  SubmissionUnknownError,
  WaitTimeoutError,
} from 'wavespeed-kling';
import { clientOn, done, envelope, failure, isSubmit, task } from '../support/client.js';

const INPUT = { prompt: 'A fox in the snow' } as const;

const json = (status: number, body: unknown) =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', 'retry-after': '0' },
  });

const bare = { id: 'task-9', status: 'created', urls: {}, created_at: '2026-01-01T00:00:00Z' };
const responses: [string, number, unknown][] = [
  ['code 429 under HTTP 200', 200, { code: 429, message: 'slow down', data: { id: 'task-9' } }],
  ['code 500 under HTTP 201', 201, { code: 500, message: 'oops', data: { id: 'task-9' } }],
  ['code 400 under HTTP 200', 200, { code: 400, message: 'bad', data: { id: 'task-9' } }],
  ['a code that is text under HTTP 200', 200, { code: '429', message: 'slow', data: { id: 'task-9' } }],
  ['code 200 under HTTP 429', 429, { code: 200, message: 'success', data: { id: 'task-9' } }],
  ['a bare task under HTTP 429', 429, bare],
  ['a numeric id under HTTP 429', 429, { code: 429, data: { id: 9 } }],
  ['a list of one task under HTTP 429', 429, { code: 429, data: [{ id: 'task-9' }] }],
  ['a task one level deeper under HTTP 429', 429, { code: 429, data: { prediction: { id: 'task-9' } } }],
  [
    'a result URL in HTTP 429',
    429,
    { code: 429, data: { urls: { get: 'https://api.wavespeed.ai/api/v3/predictions/task-9/result' } } },
  ],
  ['JSON that is cut short under HTTP 429', 429, '{"code":429,"data":{"id":"task-9","status":"cre'],
  [
    'JSON that is cut short after a list, under HTTP 429',
    429,
    '{"code":429,"data":{"outputs":[],"urls":{},"id":"task-9","sta',
  ],
  ['HTTP 400', 400, { code: 400, message: 'bad', data: { id: 'task-9' } }],
  ['HTTP 401', 401, { code: 401, message: 'no', data: { id: 'task-9' } }],
  ['HTTP 402', 402, { code: 402, message: 'no', data: { id: 'task-9' } }],
  ['HTTP 403 for concurrency', 403, { code: 403, message: 'concurrency limit', data: { id: 'task-9' } }],
  ['HTTP 404', 404, { code: 404, message: 'no', data: { id: 'task-9' } }],
  ['HTTP 500', 500, { code: 500, message: 'no', data: { id: 'task-9' } }],
  ['HTTP 302', 302, { code: 302, data: { id: 'task-9' } }],
  ['code 200 and a list of one task', 200, { code: 200, data: [{ id: 'task-9' }] }],
  ['code 200 and a task one level deeper', 200, { code: 200, data: { prediction: { id: 'task-9' } } }],
];

describe.each(['submit', 'run', 'runMany'] as const)('%s with a contradictory response', (method) => {
  test.each(responses)(
    'a contradictory response is not retried, and its error names the task: %s',
    async (_what, status, body) => {
      const { kling, posts } = clientOn((request) =>
        isSubmit(request) ? json(status, body) : envelope(task({ id: 'task-9' })),
      );
      const call = async () => {
        if (method !== 'runMany') return kling[method](KLING_O3_STD, INPUT, { maxRetries: 2 });
        const batch = kling.runMany([{ model: KLING_O3_STD, input: INPUT }], { timeoutMs: 1000 });
        const { value } = await batch.next();
        expect(await batch.next()).toEqual({ done: true, value: undefined });
        throw (value as { reason?: unknown }).reason;
      };
      const error = await failure(call(), SubmissionUnknownError);
      expect(error.predictionId).toMatch(/^(?:task-)?9$/);
      expect(error.message).toContain(`wait('${error.predictionId}')`);
      expect(posts()).toBe(1);
    },
  );
});

describe('an answer about another task', () => {
  test('get does not return another task than the one asked for', async () => {
    const { kling, seen } = clientOn(() => envelope(done({ id: 'task-2' })), { maxRetries: 0 });
    const error = await failure(kling.get('task-1'), InvalidResponseError);
    expect(error).toMatchObject({ predictionId: 'task-1' });
    expect(error.message).toContain('is about another task (task-2)');
    expect(seen).toHaveLength(1);
  });

  test('a wait polls on after an answer about another task', async () => {
    const answers = [
      done({ id: 'task-2' }),
      done({ id: 'task-1', outputs: ['https://cdn.example/own.mp4'] }),
    ];
    const { kling, seen } = clientOn(() => envelope(answers.shift()), { pollIntervalMs: 1 });
    const video = await kling.wait('task-1');
    expect(video.outputs).toEqual(['https://cdn.example/own.mp4']);
    expect(seen).toHaveLength(2);
  });

  test('a WaitTimeoutError says that every answer was about another task', async () => {
    const { kling } = clientOn(() => envelope(done({ id: 'task-2' })), { pollIntervalMs: 1 });
    const error = await failure(kling.wait('task-1', { timeoutMs: 1000 }), WaitTimeoutError);
    expect(error.predictionId).toBe('task-1');
    expect(error.lastPrediction).toBeUndefined();
    expect(error.cause).toMatchObject({ name: 'InvalidResponseError' });
  });
});
