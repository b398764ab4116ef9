// estimateCost: exact for every model, duration and reference.
import { describe, expect, test } from 'vitest';
import { estimateCost, InvalidInputError, KLING_O1, KLING_O3_STD, models } from 'wavespeed-kling/schemas';
import { referenceModel } from './support.js';

// Thousandths of a dollar a second, from the models' pages: written out here, not read from the code under test.
const PAGES = [
  { id: KLING_O1, images: 112, video: 168, longest: 10 },
  { id: KLING_O3_STD, images: 84, video: 126, longest: 15 },
] as const;

/** Writes thousandths as dollars and reads them back: the number that the decimal notation means. */
const dollars = (thousandths: number) =>
  Number(`${Math.floor(thousandths / 1000)}.${String(thousandths % 1000).padStart(3, '0')}`);

describe.each(PAGES)('$id', ({ id, images, video, longest }) => {
  test('every duration costs exactly what the page says', () => {
    for (let seconds = 3; seconds <= longest; seconds++) {
      const duration = seconds as 3;
      expect(estimateCost(id, { duration })).toBe(dollars(duration * images));
      expect(estimateCost(id, { duration, video: 'https://example.com/clip.mp4' })).toBe(
        dollars(duration * video),
      );
      expect(estimateCost(models[id], { duration })).toBe(dollars(duration * images));
    }
  });

  test('the cost of an input without a duration is that of 5 seconds', () => {
    expect(estimateCost(id, {})).toBe(dollars(5 * images));
    expect(estimateCost(id, { duration: undefined, video: undefined })).toBe(dollars(5 * images));
    expect(estimateCost(id, { video: new Blob([]) })).toBe(dollars(5 * video));
  });

  test('accepts a complete input, or none', () => {
    expect(estimateCost(id, { prompt: 'A fox', images: [new Blob([])], duration: 6 })).toBe(
      dollars(6 * images),
    );
    expect(estimateCost(id)).toBe(dollars(5 * images));
  });

  test('treats null, which forms have, as left out', () => {
    expect(estimateCost(id, { duration: null, video: null } as never)).toBe(dollars(5 * images));
  });

  test.each([null, 'text', 5, true])('rejects %j in place of the input', (input) => {
    expect(() => estimateCost(id, input as never)).toThrow(
      expect.objectContaining({
        name: 'InvalidInputError',
        message: expect.stringMatching(/got .*; expected an object such as \{ duration: 5 \}/),
      }),
    );
  });

  test.each([2, longest + 1, 3.5, Number.NaN, Infinity, '5', 0, -5])(
    'rejects the duration %s',
    (duration) => {
      expect(() => estimateCost(id, { duration: duration as 5 })).toThrow(
        expect.objectContaining({
          name: 'InvalidInputError',
          issues: [
            {
              path: ['duration'],
              message: expect.stringMatching(
                new RegExp(`^duration: got .*; expected a whole number of seconds from 3 to ${longest}$`),
              ),
            },
          ],
        }),
      );
    },
  );
});

test('the cost has no floating-point error', () => {
  // The trap: seconds × dollars is off by a bit here.
  expect(0.168 * 5).not.toBe(0.84);
  expect(estimateCost(KLING_O1, { duration: 5, video: 'x' })).toBe(0.84);
  expect(0.084 * 7).not.toBe(0.588);
  expect(estimateCost(KLING_O3_STD, { duration: 7 })).toBe(0.588);
  expect(String(estimateCost(KLING_O3_STD, { duration: 15, video: 'x' }))).toBe('1.89');
});

test('prices down to a ten-thousandth of a dollar give exact costs', () => {
  for (let step = 1; step <= 3000; step++) {
    const price = step / 10_000;
    const model = referenceModel({
      id: 'provider/model',
      durations: [3, 7],
      images: 1,
      imagesWithVideo: 1,
      sound: false,
      price: { images: price, video: 1000 },
    });
    const units = String(7 * step).padStart(5, '0');
    expect(estimateCost(model, { duration: 7 })).toBe(Number(`${units.slice(0, -4)}.${units.slice(-4)}`));
  }
});

test.each([undefined, null, '', 'kling-o1', '__proto__', 'constructor', {}, 5, Symbol('model')])(
  'rejects the model %s',
  (model) => {
    const estimate = () => estimateCost(model as typeof KLING_O1, { duration: 5 });
    expect(estimate).toThrow(InvalidInputError);
    expect(estimate).toThrow(
      /model: got .*; expected one of kwaivgi\/kling-video-o1.*, or a model made by defineModel/,
    );
  },
);

test('suggests the model that was probably meant', () => {
  expect(() => estimateCost('kwaivgi/kling-video-o1/reference-to-vidio' as typeof KLING_O1, {})).toThrow(
    'did you mean "kwaivgi/kling-video-o1/reference-to-video"?',
  );
});
