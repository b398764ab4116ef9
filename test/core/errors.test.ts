// The errors themselves: their names, at run time and as types.
import { expect, test } from 'vitest';
import * as library from 'wavespeed-kling';

const { WaveSpeedError } = library;

test('every class has its own name, on its prototype alone', () => {
  const classes = Object.entries(library).filter(
    ([, value]) => typeof value === 'function' && value.prototype instanceof Error,
  );
  expect(classes.length).toBeGreaterThan(18);
  for (const [name, errorClass] of classes) {
    const { prototype } = errorClass as typeof WaveSpeedError;
    expect(prototype.name).toBe(name);
  }
  expect(Object.keys(new library.ConfigurationError('No key.'))).toEqual([]);
});

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
  const startedAt = performance.now();
  for (const part of ['?', '/', '/?', '"?']) void new WaveSpeedError(part.repeat(500_000));
  expect(performance.now() - startedAt).toBeLessThan(1000);
});

test.each([
  ['503 Service Unavailable', '503 Service Unavailable. Task t is not lost'],
  ['The answer was cut.', 'The answer was cut. Task t is not lost'],
  ['https://a.b/c?d=e', 'https://a.b/c?… Task t is not lost'],
])('what is said of the task begins a new sentence: %s', (message, expected) => {
  expect(new WaveSpeedError(message, { predictionId: 't' }).message).toContain(expected);
  expect(new WaveSpeedError('503 Service Unavailable').message).toBe('503 Service Unavailable');
});
