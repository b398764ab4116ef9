// How an input is read: each field once, whatever kind of object it is, and the same by every function.
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { estimateCost, KLING_O1, KLING_O3_STD, KLING_V4, parseInput as parseAtRoot } from 'wavespeed-kling';
import { InvalidInputError, parseInput } from 'wavespeed-kling/schemas';
import { clientOn, envelope, failure, task } from '../support/client.js';

const PICTURE = 'https://example.com/front.png';
const CLIP = 'https://example.com/clip.mp4';

class Order {
  prompt = 'A fox';
  #clips = [CLIP];
  get images() {
    return [PICTURE];
  }
  get duration() {
    return 10 as const;
  }
  get video() {
    return this.#clips[0];
  }
  describe() {
    return this.prompt;
  }
}

const shapes: [string, () => object][] = [
  ['a class with getters and private fields', () => new Order()],
  ['a subclass of it', () => new (class extends Order {})()],
  [
    'an object with defaults as its prototype',
    () =>
      Object.assign(Object.create({ images: [PICTURE], duration: 10, video: CLIP }) as object, {
        prompt: 'A fox',
      }),
  ],
  [
    'a prototype without a prototype',
    () =>
      Object.assign(
        Object.create(
          Object.assign(Object.create(null) as object, { images: [PICTURE], duration: 10, video: CLIP }),
        ) as object,
        { prompt: 'A fox' },
      ),
  ],
  [
    'non-enumerable fields',
    () =>
      Object.defineProperties(
        { prompt: 'A fox' },
        { images: { value: [PICTURE] }, duration: { value: 10 }, video: { value: CLIP } },
      ),
  ],
  ['a Proxy', () => new Proxy({ prompt: 'A fox', images: [PICTURE], duration: 10, video: CLIP }, {})],
  [
    'an object of another realm',
    () =>
      runInNewContext(
        `({ prompt: 'A fox', images: ['${PICTURE}'], duration: 10, video: '${CLIP}' })`,
      ) as object,
  ],
];

describe.each(shapes)('%s', (_, make) => {
  test('arrives whole, and costs what it is', async () => {
    const { kling, seen } = clientOn(() => envelope(task()));
    const input = make() as { prompt: string };
    expect(estimateCost(KLING_O3_STD, input)).toBe(1.26);
    await failure(kling.submit(KLING_O3_STD, input, { maxCost: 1.25 }), Error as never);
    expect(seen).toEqual([]);
    await kling.submit(KLING_O3_STD, input, { maxCost: 1.26 });
    expect(seen[0]?.body).toMatchObject({ prompt: 'A fox', images: [PICTURE], duration: 10, video: CLIP });
    expect(parseInput(KLING_O3_STD, input)).toEqual(seen[0]?.body);
  });
});

test('reads every getter once, so that the checked value is the one that is sent', async () => {
  const { kling, seen } = clientOn(() => envelope(task()));
  const reads: string[] = [];
  const values: Record<string, unknown[]> = {
    duration: [5, 15],
    images: [[PICTURE], Array(9).fill(PICTURE)],
  };
  const input = { prompt: 'A fox' };
  for (const [name, given] of Object.entries(values)) {
    Object.defineProperty(input, name, {
      enumerable: true,
      get: () => {
        reads.push(name);
        return given.shift();
      },
    });
  }
  await kling.submit(KLING_O3_STD, input, { maxCost: 0.42 });
  expect(seen[0]?.body).toMatchObject({ duration: 5, images: [PICTURE] });
  expect(reads.sort()).toEqual(['duration', 'images']);
});

test.each<[string, () => object]>([
  [
    'an inherited getter',
    () =>
      Object.assign(
        Object.create({
          get seconds() {
            return 10;
          },
        }) as object,
        { prompt: 'x' },
      ),
  ],
  ['a non-enumerable field', () => Object.defineProperty({ prompt: 'x' }, 'seconds', { value: 10 })],
  ['an inherited field', () => Object.assign(Object.create({ seconds: 10 }) as object, { prompt: 'x' })],
])('refuses an unknown field that is %s', (_, make) => {
  expect(() => parseInput(KLING_O1, make())).toThrow('seconds: not a field of');
  expect(() => estimateCost(KLING_O1, make())).toThrow('seconds: not a field of');
});

test.each([new Map([['prompt', 'x']]), new URLSearchParams({ prompt: 'x' }), new Date(), [], 'x'])(
  'refuses %o, which has no fields',
  (input) => {
    expect(() => parseInput(KLING_O1, input)).toThrow(InvalidInputError);
  },
);

test('fields that are undefined count as absent, unknown ones too', async () => {
  const { kling, seen } = clientOn(() => envelope(task({ model: KLING_O1 })));
  const input = { prompt: 'A fox', sound: undefined, negative_prompt: undefined, video: undefined };
  await kling.submit(KLING_O1, input);
  expect(Object.keys(seen[0]?.body as object)).not.toContain('sound');
  expect(parseAtRoot(KLING_O1, input)).toEqual(seen[0]?.body);
});

test('changes of the input after the call have no effect', async () => {
  const { kling, seen } = clientOn(() => envelope(task({ model: KLING_O1 })));
  const images = [PICTURE];
  const submitted = kling.submit(KLING_O1, { prompt: 'A fox', images });
  images.push(CLIP);
  await submitted;
  expect(seen[0]?.body).toMatchObject({ images: [PICTURE] });
});

test.each([
  ['a tab in the query', `${PICTURE}?a=\tb`, /the character U\+0009 at position 33 is not allowed in a URL/],
  ['a line end', `${PICTURE}?token=secret\n`, /the character U\+000A at position 43 is not allowed in a URL/],
  ['a space at the end', `${PICTURE}?token=secret `, /the character U\+0020 at position 43 is after the URL/],
  [
    'a brace in the host',
    'https://a{b}.example/',
    /the character "\{" \(U\+007B\) at position 10 is not allowed in the host/,
  ],
])('names the character of %s, and shows no query', (_, video, message) => {
  const read = () => parseInput(KLING_O1, { prompt: 'A fox', video });
  expect(read).toThrow(message);
  expect(read).not.toThrow('secret');
});

describe('the rules of V4', () => {
  const files = (count: number) => Array.from({ length: count }, () => PICTURE);
  const wrong = (input: object) => {
    try {
      parseInput(KLING_V4, { prompt: 'A fox', ...input });
      return [];
    } catch (error) {
      return (error as InvalidInputError).issues.map(({ message }) => message);
    }
  };

  test('at most 15 files together', () => {
    expect(wrong({ images: files(10), videos: files(5) })).toEqual([]);
    expect(wrong({ images: files(8), videos: files(5), audios: files(3) })).toEqual([
      'images: got 16 files in `images`, `videos`, `audios` together; expected at most 15',
    ]);
  });

  test.each([
    [{ prompt: '@Image3 runs', images: files(2) }, 'prompt: names "@Image3", but `images` has 2 files'],
    [{ prompt: '@Video2', videos: files(1) }, 'prompt: names "@Video2", but `videos` has one file'],
    [{ prompt: '@Audio1 sings' }, 'prompt: names "@Audio1", but `audios` has no file'],
    [{ prompt: '@Image0', images: files(2) }, 'prompt: names "@Image0", but `images` has 2 files'],
    [
      { keep_original_sound: true },
      'keep_original_sound: got true without `videos`: add that, or leave this field out',
    ],
    [
      { dynamic_range: 'hdr' },
      'dynamic_range: got "hdr" (a string) without `resolution` one of "1080p", "4k": add that, or leave this field out',
    ],
  ])('refuses %j', (input, message) => {
    expect(wrong(input)).toEqual([message]);
  });

  test.each([
    { prompt: '@Image2 and @Image1 at @images', images: files(2) },
    { keep_original_sound: false },
    { keep_original_sound: true, videos: files(1) },
    { dynamic_range: 'hdr', resolution: '4k' },
    { prompt: 'me@Images.example' },
  ])('takes %j', (input) => {
    expect(wrong(input)).toEqual([]);
  });
});
