// The errors themselves: their names, at run time and as types.
import { expect, test, vi } from 'vitest';
import { normalizePrediction } from '../../src/core/prediction.js';
import * as library from 'wavespeed-kling';

const { WaveSpeedError } = library;

const classes = Object.entries(library).filter(
  ([, value]) => typeof value === 'function' && value.prototype instanceof Error,
) as [string, typeof WaveSpeedError][];

test('every class has a name of its own, which a minifier does not change', () => {
  expect(classes.length).toBeGreaterThan(20);
  const names = new Set<string>();
  for (const [name, ErrorClass] of classes) {
    const error = Reflect.construct(ErrorClass, exampleArguments(name)) as Error;
    expect(error.name).toBe(name === 'WaitAbortedError' ? 'AbortError' : name);
    names.add(error.name);
  }
  expect(names.size).toBe(classes.length);
});

test('isInstance recognizes a class and its parents, also from another copy of the library', async () => {
  vi.resetModules();
  const copy = (await import('wavespeed-kling')) as typeof library;
  expect(copy.RateLimitError).not.toBe(library.RateLimitError);
  const error = new copy.RateLimitError('slow down', { status: 429 });
  expect(error instanceof library.RateLimitError).toBe(false);
  const matching = classes.filter(([, ErrorClass]) => ErrorClass.isInstance(error)).map(([name]) => name);
  expect(matching.toSorted()).toEqual(['ApiError', 'RateLimitError', 'WaveSpeedError']);
  for (const other of [undefined, null, 'text', {}, new Error('x'), { name: 'RateLimitError' }]) {
    expect(library.WaveSpeedError.isInstance(other)).toBe(false);
  }
});

test('isInstance of a class that an application derived is true for its own errors alone', () => {
  class TooSlowError extends library.RateLimitError {}
  expect(TooSlowError.isInstance(new TooSlowError('slow', { status: 429 }))).toBe(true);
  expect(TooSlowError.isInstance(new library.RateLimitError('slow', { status: 429 }))).toBe(false);
  expect(library.RateLimitError.isInstance(new TooSlowError('slow', { status: 429 }))).toBe(true);
});

test('a comparison of the name narrows the union of all errors', () => {
  const describe = (error: library.WaveSpeedErrors): unknown => {
    if (error.name === 'InvalidInputError') return error.issues;
    if (error.name === 'BudgetExceededError') return error.cost;
    if (error.name === 'RateLimitError') return error.retryAfterMs;
    return error.name === 'AbortError' ? error.predictionId : error.message;
  };
  expect(describe(new library.BudgetExceededError({ cost: 2, maxCost: 1 }))).toBe(2);
  expect(describe(new library.WaitAbortedError('task-1', 'left'))).toBe('task-1');
});

test.each([
  [1200, 'content moderation, code 1200'],
  ['1402', 'a media URL could not be fetched, code 1402'],
  [9999, 'code 9999'],
])('a failed task names the service’s code %s', (code, shown) => {
  const prediction = normalizePrediction({ id: 't', status: 'failed', error: 'No.', code });
  const error = new library.PredictionFailedError(prediction as library.Prediction);
  expect(error.code).toBe(Number(code));
  expect(error.message).toContain(`No [${shown}].`);
});

function exampleArguments(name: string): unknown[] {
  const prediction = { id: 't', status: 'failed', error: '', outputs: [] };
  const byName: Record<string, unknown[]> = {
    BudgetExceededError: [{ cost: 2, maxCost: 1 }],
    InvalidInputError: ['a model', []],
    PredictionFailedError: [prediction],
    WaitTimeoutError: [{ predictionId: 't', elapsedMs: 1 }],
    WaitAbortedError: ['t', 'left'],
    SubmissionUnknownError: [
      'unknown',
      { model: 'm', input: {}, submittedAt: new Date(), candidates: async () => [] },
    ],
    UploadError: ['changed', 'a.png', 'it changed'],
    DownloadError: ['exists', 'it exists', { path: 'a.mp4' }],
    WebhookVerificationError: ['missing_header', 'no header'],
    IdempotencyConflictError: ['key', 'another input'],
  };
  return byName[name] ?? ['message', { status: 400 }];
}

test.each([
  ['a signed URL', 'GET https://cdn.example/y.mp4?sig=SECRET&x: 500', 'GET https://cdn.example/y.mp4?…'],
  [
    'a query without a value',
    'redirected to https://cdn.example/y.mp4?SECRET',
    'https://cdn.example/y.mp4?…',
  ],
  ['in quotes', 'got "s3://bucket/y.mp4?SECRET", no', 'got "s3://bucket/y.mp4?…", no'],
  ['a path', '[POST] /upload?SECRET: 403', '[POST] /upload?…'],
  ['a query alone', 'the query ?key=SECRET is wrong', 'the query ?… is wrong'],
  ['of two URLs', 'https://a.b/?SECRET http://c.d/e?SECRET', 'https://a.b/?… http://c.d/e?…'],
])('no message shows the query of a URL: %s', (_, message, shown) => {
  const error = new WaveSpeedError(message);
  expect(error.message).toContain(shown);
  expect(error.message).not.toContain('SECRET');
});

test.each(['did you mean `maxCost`?', 'did you mean "a/b"? Or c?', 'Really?! (Yes/no?) What?Now'])(
  'a question stays whole: %s',
  (message) => {
    expect(new WaveSpeedError(message).message).toBe(message);
  },
);

test('a hostile message takes no time', () => {
  const before = process.cpuUsage();
  for (const part of ['?', '/', '/?', '"?']) void new WaveSpeedError(part.repeat(500_000));
  // Time of the processor, in microseconds: other programs do not count.
  expect(process.cpuUsage(before).user).toBeLessThan(5_000_000);
});
