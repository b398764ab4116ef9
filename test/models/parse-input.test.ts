// parseInput takes what the client's run takes, and its result can be passed to run.
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { InvalidInputError, KLING_O1, KLING_O3_STD, parseInput } from 'wavespeed-kling/schemas';
import { clientOn, envelope, failure, done, task } from '../support/client.js';

const PICTURE = 'https://example.com/front.png';
const FILE_URL = pathToFileURL('/pictures/side.png');
const DEFAULTS = { keep_original_sound: true, aspect_ratio: '16:9', duration: 5 };

describe('parseInput with local media', () => {
  test('keeps file URLs, Blobs and Files in their places, and fills in the defaults', () => {
    const blob = new Blob(['image']);
    const file = new File(['image'], 'back.png');
    const clip = new Blob(['video']);
    const parsed = parseInput(KLING_O1, {
      prompt: 'A fox',
      images: [PICTURE, FILE_URL, blob, file],
      video: clip,
    });
    expect(parsed).toEqual({
      prompt: 'A fox',
      ...DEFAULTS,
      images: [PICTURE, FILE_URL, blob, file],
      video: clip,
    });
    expect(parsed.images[1]).toEqual(FILE_URL);
    expect(parsed.images[2]).toBe(blob);
    expect(parsed.images[3]).toBe(file);
    expect(parsed.video).toBe(clip);
  });

  test('turns http URL objects into strings', () => {
    const parsed = parseInput(KLING_O1, {
      prompt: 'A fox',
      images: [new URL(PICTURE)],
      video: new URL(PICTURE),
    });
    expect(parsed).toMatchObject({ images: [PICTURE], video: PICTURE });
  });

  test('recognizes URLs and Blobs by their tag, whichever realm or package made them', () => {
    const foreign = runInNewContext(`({ get [Symbol.toStringTag]() { return 'Blob' } })`) as Blob;
    expect(parseInput(KLING_O1, { prompt: 'A fox', images: [foreign] }).images[0]).toBe(foreign);
  });

  test('counts them against the image limits', () => {
    const images = Array.from({ length: 5 }, () => new Blob(['image']));
    expect(parseInput(KLING_O1, { prompt: 'A fox', images }).images).toHaveLength(5);
    const parse = () => parseInput(KLING_O1, { prompt: 'A fox', images, video: FILE_URL });
    expect(parse).toThrow(
      'images: got 5 images with a reference video; expected at most 4 (7 without `video`)',
    );
  });

  test('does not change the input, nor share its array', () => {
    const input = Object.freeze({ prompt: 'A fox', images: Object.freeze([FILE_URL]) });
    const parsed = parseInput(KLING_O1, input);
    parsed.images.push(PICTURE);
    expect(input.images).toEqual([FILE_URL]);
  });
});

test('parseInput rejects a path with the same message as run', async () => {
  const { kling, seen } = clientOn(() => envelope(task()));
  const input = { prompt: 'A fox', images: ['./side.png'] };
  const error = await failure(kling.run(KLING_O1, input), InvalidInputError);
  expect(() => parseInput(KLING_O1, input)).toThrow(error.message);
  expect(error.message).toContain('pass a local file as pathToFileURL(path)');
  expect(seen).toEqual([]);
});

test('a number from elsewhere becomes a duration that run accepts', async () => {
  const { kling, seen } = clientOn(() => envelope(done()));
  const duration = Number('8');
  await kling.run(
    KLING_O3_STD,
    parseInput(KLING_O3_STD, { prompt: 'A fox', duration, images: [new URL(PICTURE)] }),
  );
  expect(seen[0]?.body).toEqual({
    prompt: 'A fox',
    ...DEFAULTS,
    duration: 8,
    sound: false,
    images: [PICTURE],
  });
  expect(() => parseInput(KLING_O3_STD, { prompt: 'A fox', duration: 16 })).toThrow(
    'duration: got 16; expected',
  );
});

test('takes the files of a submitted form', async () => {
  const form = new FormData();
  form.append('images', new File(['image'], 'front.png', { type: 'image/png' }));
  const request = new Request('https://example.com/', { method: 'POST', body: form });
  const images = (await request.formData()).getAll('images');
  const parsed = parseInput(KLING_O1, { prompt: 'A fox', images });
  expect(parsed.images).toEqual(images);
  expect((parsed.images[0] as File).name).toBe('front.png');
});
