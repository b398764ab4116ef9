// How a task is read, whatever its spelling and its shape: a paid video is never lost.
import { describe, expect, test } from 'vitest';
import { isTerminal, PredictionFailedError, type Prediction } from 'wavespeed-kling';
import { parseJson } from '../../src/core/parse-json.js';
import { normalizePrediction } from '../../src/core/prediction.js';

const VIDEO = 'https://cdn.example.com/v.mp4';
const OTHER = 'https://cdn.example.com/w.mp4';
const read = (fields: object) => normalizePrediction({ id: 't', ...fields }) as Prediction;

describe('the URL of a video is found', () => {
  test.each<[unknown, string[]]>([
    [[VIDEO], [VIDEO]],
    [VIDEO, [VIDEO]],
    [` ${VIDEO} `, [VIDEO]],
    [[{ url: VIDEO }], [VIDEO]],
    [{ url: VIDEO }, [VIDEO]],
    [{ video: VIDEO }, [VIDEO]],
    [{ video: { url: VIDEO } }, [VIDEO]],
    [[{ video_url: VIDEO }], [VIDEO]],
    [{ videos: [{ url: VIDEO, cover_image_url: 'https://cdn.example.com/c.jpg' }] }, [VIDEO]],
    [{ thumbnail: 'https://cdn.example.com/c.jpg', url: VIDEO }, [VIDEO]],
    [{ image: 'https://cdn.example.com/c.jpg', video: VIDEO }, [VIDEO]],
    [
      [
        { type: 'image', url: 'https://cdn.example.com/c.jpg?x=1' },
        { type: 'video', url: VIDEO },
      ],
      [VIDEO, 'https://cdn.example.com/c.jpg?x=1'],
    ],
    [{ 0: VIDEO, 1: OTHER }, [VIDEO, OTHER]],
    [
      [[VIDEO], [OTHER]],
      [VIDEO, OTHER],
    ],
    [JSON.stringify([VIDEO]), [VIDEO]],
    [JSON.stringify({ url: VIDEO }), [VIDEO]],
    [`${VIDEO}, ${OTHER}`, [VIDEO, OTHER]],
    [`Done: <${VIDEO}>`, [VIDEO]],
    [[VIDEO, VIDEO], [VIDEO]],
    [[{ a: { b: { href: VIDEO } } }], [VIDEO]],
    [null, []],
    [[null, ''], []],
    [{}, []],
  ])('in outputs %j', (outputs, urls) => {
    expect(read({ status: 'completed', outputs }).outputs).toEqual(urls);
  });

  test.each(['output', 'result', 'results', 'output_url', 'video_url'])('under `%s`', (field) => {
    expect(read({ status: 'completed', outputs: null, [field]: VIDEO }).outputs).toEqual([VIDEO]);
  });

  test('but neither a reference video nor the result URL counts as one', () => {
    const echoed = { video: OTHER, input: { video: OTHER }, urls: { get: OTHER } };
    const result = 'https://api.wavespeed.ai/api/v3/predictions/t/result';
    expect(read({ status: 'completed', outputs: [], result, ...echoed }).outputs).toEqual([]);
  });
});

test('outputs without a URL stay on the error, which speaks of no refund', () => {
  const error = new PredictionFailedError(read({ status: 'completed', outputs: { asset: 42 } }));
  expect(error.prediction.raw_outputs).toEqual({ asset: 42 });
  expect(error.message).toContain('{"asset":42}');
  expect(error.message).not.toMatch(/refund/i);
  expect(new PredictionFailedError(read({ status: 'completed', outputs: [] })).message).not.toMatch(
    /refund/i,
  );
  expect(new PredictionFailedError(read({ status: 'failed' })).message).toMatch(/refund/i);
});

test.each([
  ['COMPLETED', 'completed'],
  ['Processing', 'processing'],
  ['canceled', 'cancelled'],
  ['Canceled', 'cancelled'],
  ['succeeded', 'completed'],
  ['SUCCEEDED', 'completed'],
  ['error', 'failed'],
  ['FAILED', 'failed'],
  ['Timeout', 'timeout'],
  ['Reviewing', 'Reviewing'],
  [undefined, 'unknown'],
  [3, 'unknown'],
])('reads the status %s as %s', (status, expected) => {
  expect(read({ status }).status).toBe(expected);
  if (typeof status === 'string') expect(isTerminal(status)).toBe(isTerminal(expected));
});

test.each<[unknown, boolean[]]>([
  [
    ['false', 'true', 'False', '0', '', 'yes'],
    [false, true, false, false, false, true],
  ],
  [
    [0, 1, null, true],
    [false, true, false, true],
  ],
  ['false', [false]],
  [true, [true]],
  [null, []],
])('reads the flags %j', (flags, expected) => {
  expect(read({ has_nsfw_contents: flags }).has_nsfw_contents).toEqual(expected);
});

function canWrite(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}

describe('the reason of a failed task is in the message', () => {
  test.each<[object, string]>([
    [{ error: 'too dark' }, 'too dark'],
    [{ error: { message: 'too dark' } }, 'too dark'],
    [{ error: { msg: 'too dark' } }, 'too dark'],
    [{ error: ['too dark', 'too small'] }, 'too dark; too small'],
    [{ error: [{ message: 'too dark' }] }, 'too dark'],
    [{ error: { images: ['too dark'] } }, 'images: too dark'],
    [{ error: { errors: [{ field: 'images', message: 'too dark' }] } }, 'images: too dark'],
    [{ error: null, errors: ['too dark'] }, 'too dark'],
    [{ error: '', detail: 'too dark' }, 'too dark'],
    [{ error: '', detail: [{ loc: ['body', 'images'], msg: 'too dark' }] }, 'body.images: too dark'],
    [{ msg: 'too dark' }, 'too dark'],
    [{ message: 'too dark' }, 'too dark'],
    [{ error: { kind: 7 } }, '{"kind":7}'],
  ])('%j', (fields, words) => {
    expect(new PredictionFailedError(read({ status: 'failed', ...fields })).message).toContain(`: ${words}`);
  });

  test('with the code inside `error`', () => {
    const error = new PredictionFailedError(
      read({ status: 'failed', error: { code: 1402, message: 'no such image' } }),
    );
    expect(error.code).toBe(1402);
    expect(error.message).toContain('no such image [a media URL could not be fetched, code 1402]');
  });

  test('and a hostile one is cut', () => {
    let error: unknown = 'deep';
    for (let depth = 0; depth < 100_000; depth++) error = { error };
    // What the engine cannot write is not shown. Node 26 can write any depth.
    const [most, mostOfOutputs] = canWrite(error) ? [1300, 1300] : [300, 400];
    expect(new PredictionFailedError(read({ status: 'failed', error })).message.length).toBeLessThan(most);
    const outputs = read({ status: 'completed', outputs: [error] });
    expect(new PredictionFailedError(outputs).message.length).toBeLessThan(mostOfOutputs);
    const long = read({ status: 'failed', error: ['x'.repeat(1e6)] });
    expect(new PredictionFailedError(long).message.length).toBeLessThan(1300);
  });
});

test.each([
  ['{"id":9007199254740993}', '9007199254740993'],
  ['{"id" : 12345678901234567890 , "status":"created"}', '12345678901234567890'],
  ['{"id":42}', '42'],
  ['{"id":"a"}', 'a'],
  ['{"id":1e30}', undefined],
  ['{"id":1.5}', undefined],
])('keeps every digit of the id in %s', (text, id) => {
  expect(normalizePrediction(parseJson(text))?.id).toBe(id);
});

test('leaves text alone that looks like a large id', () => {
  const value = { prompt: '{"id":12345678901234567890}', x: 1, size: 12345678 };
  expect(parseJson(JSON.stringify(value))).toEqual(value);
});
