// The errors themselves: their names, at run time and as types.
import { readFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
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

describe('error.retry', () => {
  const advice = (name: string, build?: () => library.WaveSpeedError) => {
    const ErrorClass = Object.fromEntries(classes)[name] as typeof WaveSpeedError;
    const error =
      build?.() ?? (Reflect.construct(ErrorClass, exampleArguments(name)) as library.WaveSpeedError);
    return error.retry;
  };

  test('docs/errors.md tells it for every class', async () => {
    const docs = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    const rows = docs.split('\n').flatMap((line) => {
      const [, name, , retry] = line.split('|').map((cell) => cell.trim());
      return /^`\w+Error`$/.test(name ?? '') ? [[name?.slice(1, -1), retry?.replaceAll('`', '')]] : [];
    });
    const told = Object.fromEntries(rows) as Record<string, string>;
    expect(Object.keys(told).toSorted()).toEqual(
      classes
        .map(([name]) => name)
        .filter((name) => name !== 'WaveSpeedError')
        .toSorted(),
    );
    for (const [name, retry] of Object.entries(told)) expect(retry.split(/[ ,]/)[0], name).toBe(advice(name));
  });

  test.each<[string, library.RetryAdvice, () => library.WaveSpeedError]>([
    ['408', 'later', () => new library.ApiError('m', { status: 408 })],
    ['422', 'never', () => new library.ApiError('m', { status: 422 })],
    [
      'a key function that failed',
      'later',
      () => new library.ConfigurationError('m', { code: 'api_key_unavailable' }),
    ],
    ['a redirect', 'never', () => new library.InvalidResponseError('m', { status: 302 })],
    ['an unreadable upload', 'never', () => new library.UploadError('unreadable', 'f', 'm')],
    [
      'an upload that storage refused with 503',
      'later',
      () => new library.UploadError('refused', 'f', 'm', { status: 503 }),
    ],
    [
      'an upload that storage refused with 403',
      'never',
      () => new library.UploadError('refused', 'f', 'm', { status: 403 }),
    ],
    ['an incomplete download', 'later', () => new library.DownloadError('incomplete', 'm', { path: 'p' })],
    [
      'an expired download',
      'never',
      () => new library.DownloadError('expired', 'm', { path: 'p', status: 404 }),
    ],
    [
      'a download refused with 503',
      'later',
      () => new library.DownloadError('refused', 'm', { path: 'p', status: 503 }),
    ],
    ['an unknown submit with a key', 'later', () => unknown({ idempotencyKey: 'k' })],
    [
      'an unknown submit with a key, and a task',
      'resume',
      () => unknown({ idempotencyKey: 'k', predictionId: 't' }),
    ],
    ['an unknown submit with a task', 'resume', () => unknown({ predictionId: 't' })],
  ])('after %s is %s', (_what, expected, build) => {
    expect(build().retry).toBe(expected);
  });

  test('is resume for an error that knows its task, unless the task has ended or does not exist', () => {
    const ended = [
      'PredictionFailedError',
      'NotFoundError',
      'DownloadError',
      'UploadError',
      'IdempotencyConflictError',
    ];
    for (const [name, ErrorClass] of classes) {
      const error = Reflect.construct(ErrorClass, exampleArguments(name)) as library.WaveSpeedError;
      error.predictionId = 't';
      expect(error.retry === 'resume', name).toBe(!ended.includes(name));
    }
  });

  function unknown(options: object): library.SubmissionUnknownError {
    const details = { model: 'm', input: {}, submittedAt: new Date(), candidates: async () => [] };
    return new library.SubmissionUnknownError('m', { ...details, ...options });
  }
});

test.each([
  [
    { cause: new library.ServerError('the poll failed: overloaded.', { status: 503 }) },
    'last poll failed: the poll failed: overloaded)',
  ],
  [
    { lastPrediction: normalizePrediction({ id: 't', status: 'odd', outputs: ['https://a.b/v.mp4'] }) },
    'odd, but it has outputs',
  ],
  [{}, '(last status: unknown)'],
])('a WaitTimeoutError says what is known: %#', (details, words) => {
  const error = new library.WaitTimeoutError({ predictionId: 't', elapsedMs: 5, ...details });
  expect(error.message).toContain(words);
});
