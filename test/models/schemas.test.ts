// The zod schemas: every limit of both pages and its message; nothing is coerced or shared.
import { describe, expect, test } from 'vitest';
import {
  ASPECT_RATIOS,
  inputSchemas,
  InvalidInputError,
  isModelId,
  KLING_O1,
  KLING_O3_STD,
  klingO1InputObject,
  klingO1InputSchema,
  klingO3StdInputObject,
  klingO3StdInputSchema,
  type ModelId,
  models,
  parseInput,
  predictionSchema,
  webhookEventSchema,
  withRules,
} from 'wavespeed-kling/schemas';
import { suggestField } from '../../src/models/field-messages.js';
import * as z from 'zod';
import { BAD_DATA_URLS, BAD_URLS, BLANKS, GOOD_DATA_URLS, GOOD_URLS, NOT_BLANK } from './support.js';

const IDS = [KLING_O1, KLING_O3_STD] as const;
const PICTURE = 'https://example.com/front.png';
const CLIP = 'https://example.com/clip.mp4';
const pictures = (count: number) => Array.from({ length: count }, () => PICTURE);

/** Gives what is said of an input: one line for each thing wrong, none where nothing is. */
function complaints(model: ModelId, input: unknown): string[] {
  try {
    parseInput(model, input);
    return [];
  } catch (error) {
    if (!InvalidInputError.isInstance(error)) throw error;
    return error.issues.map(({ message }) => message);
  }
}

describe('the catalog', () => {
  test('has each model under its own id', () => {
    expect(Object.keys(models)).toEqual(expect.arrayContaining([...IDS]));
    for (const [id, model] of Object.entries(models)) expect(model.id).toBe(id);
  });

  test('isModelId accepts built-in ids only', () => {
    expect(IDS.every(isModelId)).toBe(true);
    for (const other of [
      '',
      'constructor',
      '__proto__',
      'toString',
      KLING_O1.toUpperCase(),
      null,
      1,
      [KLING_O1],
    ]) {
      expect(isModelId(other)).toBe(false);
    }
  });
});

describe.each(IDS)('%s', (id) => {
  const durations = (models[id].fields['duration']?.values ?? []) as number[];
  const longest = Math.max(...durations);
  const range = `a whole number of seconds from 3 to ${longest}`;

  test("fills in the page's defaults for a prompt alone", () => {
    expect(inputSchemas[id].parse({ prompt: 'A fox' })).toStrictEqual({
      prompt: 'A fox',
      images: [],
      keep_original_sound: true,
      aspect_ratio: '16:9',
      duration: 5,
      ...(id === KLING_O3_STD && { sound: false }),
    });
  });

  test('keeps given fields as they are', () => {
    const input = {
      prompt: '  A fox\n',
      video: CLIP,
      images: [`${PICTURE}?signature=a%2Fb`],
      keep_original_sound: false,
      aspect_ratio: '1:1',
      duration: longest,
      ...(id === KLING_O3_STD && { sound: true }),
    };
    expect(parseInput(id, input)).toStrictEqual(input);
  });

  test('treats undefined as left out', () => {
    const input = { prompt: 'A fox', video: undefined, images: undefined, duration: undefined };
    const { video, ...rest } = parseInput(id, input);
    expect(video).toBeUndefined();
    expect(rest).toEqual(parseInput(id, { prompt: 'A fox' }));
    expect(complaints(id, { ...input, images: pictures(7) })).toEqual([]);
  });

  test('shares no images array between inputs', () => {
    const one = parseInput(id, { prompt: 'A fox' });
    one.images.push(PICTURE);
    expect(parseInput(id, { prompt: 'A fox' }).images).toEqual([]);

    const given = [PICTURE];
    const other = parseInput(id, { prompt: 'A fox', images: given });
    other.images.push(PICTURE);
    expect(given).toEqual([PICTURE]);
  });

  test('accepts a frozen input, and does not change it', () => {
    const input = Object.freeze({ prompt: 'A fox', images: Object.freeze([PICTURE]) });
    expect(parseInput(id, input).images).toEqual([PICTURE]);
    expect(input).toEqual({ prompt: 'A fox', images: [PICTURE] });
  });

  describe('prompt', () => {
    test.each(NOT_BLANK)('accepts %j', (prompt) => {
      expect(complaints(id, { prompt })).toEqual([]);
    });
    test.each(BLANKS)('rejects whitespace %j', (prompt) => {
      expect(complaints(id, { prompt })).toEqual([
        `prompt: got ${JSON.stringify(prompt)} (a string); expected a non-empty string, not only whitespace`,
      ]);
    });
    test.each([
      [undefined, 'nothing'],
      [null, 'null'],
      [5, '5'],
      [true, 'true'],
      [['A fox'], 'an array of 1'],
      [{ text: 'A fox' }, 'an object'],
    ])('rejects the type of %j', (prompt, shown) => {
      expect(complaints(id, { prompt })).toEqual([
        `prompt: got ${shown}; expected a non-empty string that describes the video`,
      ]);
    });
  });

  describe('video', () => {
    test.each(GOOD_URLS)('accepts %j', (video) => {
      expect(complaints(id, { prompt: 'A fox', video })).toEqual([]);
    });
    test.each([...BAD_URLS, ...GOOD_DATA_URLS])('rejects %j', (video) => {
      const [complaint, ...others] = complaints(id, { prompt: 'A fox', video });
      expect(complaint).toMatch(
        /^video: got ".*" \(a string\); expected an http\(s\) URL such as "https:\/\/example\.com\/clip\.mp4"(?:; the character .* at position \d+ is .*)?(?:; pass a local file as .*)?$/s,
      );
      expect(others).toEqual([]);
    });
    test.each([null, 5, [CLIP], {}])('rejects %j', (video) => {
      expect(complaints(id, { prompt: 'A fox', video })[0]).toMatch(
        /^video: got .*; expected an http\(s\) URL$/s,
      );
    });
  });

  describe('images', () => {
    test.each([...GOOD_URLS, ...GOOD_DATA_URLS])('accepts %j', (image) => {
      expect(complaints(id, { prompt: 'A fox', images: [image] })).toEqual([]);
    });
    test.each([...BAD_URLS, ...BAD_DATA_URLS, null, 5, {}])('rejects %j, with its index', (image) => {
      const found = complaints(id, { prompt: 'A fox', images: [PICTURE, image] });
      expect(found).toEqual([
        expect.stringMatching(/^images\[1\]: got .*; expected an http\(s\) URL .*data:image/s),
      ]);
    });
    test.each([PICTURE, null, {}, 7, true])('rejects %j in place of an array', (images) => {
      expect(complaints(id, { prompt: 'A fox', images })).toEqual([
        expect.stringMatching(/^images: got .*; expected an array of image URLs$/),
      ]);
    });
    test('rejects a hole in the array', () => {
      // oxlint-disable-next-line no-sparse-arrays -- the case itself
      expect(complaints(id, { prompt: 'A fox', images: [PICTURE, , PICTURE] })[0]).toMatch(
        /^images\[1\]: got nothing/,
      );
    });

    test.each([
      [0, true, true],
      [4, true, true],
      [5, true, false],
      [7, true, false],
      [8, false, false],
    ])('%i images: valid without video %s, with video %s', (count, alone, withVideo) => {
      const input = { prompt: 'A fox', images: pictures(count) };
      expect(complaints(id, input)).toEqual(
        alone ? [] : ['images: got an array of 8; expected at most 7 images, or 4 with a reference video'],
      );
      const found = complaints(id, { ...input, video: CLIP });
      if (withVideo) expect(found).toEqual([]);
      else if (alone) {
        expect(found).toEqual([
          `images: got ${count} images with a reference video; expected at most 4 (7 without \`video\`)`,
        ]);
      } else expect(found).toHaveLength(1);
    });

    test('reports the limit with a video also if other fields are invalid', () => {
      expect(complaints(id, { prompt: '', video: 'clip.mp4', images: pictures(5), duration: 99 })).toEqual([
        expect.stringContaining('prompt: got ""'),
        expect.stringContaining('video: got "clip.mp4"'),
        expect.stringContaining('duration: got 99'),
        expect.stringContaining('images: got 5 images with a reference video'),
      ]);
    });
  });

  describe('duration', () => {
    test('accepts every duration of the page', () => {
      const taken = Array.from({ length: 40 }, (_, index) => index - 5).filter(
        (duration) => complaints(id, { prompt: 'A fox', duration }).length === 0,
      );
      expect(taken).toEqual([...durations]);
    });
    test.each([
      [2, '2'],
      [longest + 1, String(longest + 1)],
      [3.5, '3.5'],
      [Number.NaN, 'NaN'],
      [Number.POSITIVE_INFINITY, 'Infinity'],
      ['5', '"5" (a string)'],
      [5n, '5n (a bigint)'],
      [null, 'null'],
      [true, 'true'],
      [[5], 'an array of 1'],
      [new Number(5), 'an object'],
      [Symbol('5'), 'a symbol'],
      [() => 5, 'a function'],
    ])('rejects %s', (duration, shown) => {
      expect(complaints(id, { prompt: 'A fox', duration })).toEqual([
        `duration: got ${shown}; expected ${range}`,
      ]);
    });
  });

  test.each(ASPECT_RATIOS)('accepts aspect_ratio %s', (aspect_ratio) => {
    expect(complaints(id, { prompt: 'A fox', aspect_ratio })).toEqual([]);
  });
  test.each(['4:3', '16:9 ', '', 1, null, ['16:9']])('rejects aspect_ratio %j', (aspect_ratio) => {
    expect(complaints(id, { prompt: 'A fox', aspect_ratio })).toEqual([
      expect.stringMatching(/^aspect_ratio: got .*; expected one of "16:9", "9:16", "1:1"$/),
    ]);
  });
  test.each(['true', 'yes', 1, 0, null, ''])('rejects keep_original_sound %j', (keep_original_sound) => {
    expect(complaints(id, { prompt: 'A fox', keep_original_sound })).toEqual([
      expect.stringMatching(/^keep_original_sound: got .*; expected true or false$/),
    ]);
  });

  test.each([null, undefined, 'A fox', 5, [], [{ prompt: 'A fox' }], true])(
    'rejects %j in place of the input',
    (input) => {
      expect(complaints(id, input)).toEqual([
        expect.stringMatching(/^got .*; expected an object such as \{ "prompt"/),
      ]);
    },
  );

  test('rejects unknown fields, each with its own issue and path', () => {
    expect(() => parseInput(id, { prompt: 'A fox', durations: 5, seed: 1 })).toThrow(
      expect.objectContaining({
        name: 'InvalidInputError',
        issues: [
          { path: ['durations'], message: `durations: not a field of ${id}; did you mean "duration"?` },
          {
            path: ['seed'],
            message: expect.stringContaining(`seed: not a field of ${id}; the fields are prompt, video`),
          },
        ],
      }),
    );
  });

  test.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', ''])(
    'rejects the key %j, without prototype pollution',
    (key) => {
      const input: unknown = JSON.parse(`{"prompt":"A fox",${JSON.stringify(key)}:{"polluted":true}}`);
      expect(complaints(id, input)).toEqual([expect.stringContaining(`${key}: not a field of ${id}`)]);
      expect(inputSchemas[id].safeParse(input).success).toBe(false);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );

  test('reports all issues at once, in the order of the fields', () => {
    expect(
      complaints(id, {
        seed: 1,
        duration: '5',
        aspect_ratio: 'wide',
        images: ['a', 5],
        video: 1,
        keep_original_sound: 1,
      }),
    ).toEqual(
      [
        'prompt',
        'video',
        'images[0]',
        'images[1]',
        'keep_original_sound',
        'aspect_ratio',
        'duration',
        'seed',
      ].map((field) => expect.stringMatching(new RegExp(`^${field.replace(/[[\]]/g, '\\$&')}: `))),
    );
  });

  test('the error names the model and says that nothing was sent', () => {
    expect(() => parseInput(id, {})).toThrow(
      `Invalid input for ${id}; nothing was sent.\n  - prompt: got nothing`,
    );
  });
});

test('only O3 Standard accepts sound, as a boolean', () => {
  expect(complaints(KLING_O1, { prompt: 'A fox', sound: false })).toEqual([
    `sound: not supported by ${KLING_O1}; remove it, or use ${KLING_O3_STD}`,
  ]);
  expect(parseInput(KLING_O3_STD, { prompt: 'A fox', sound: true }).sound).toBe(true);
  for (const sound of ['true', 1, null]) {
    expect(complaints(KLING_O3_STD, { prompt: 'A fox', sound })[0]).toMatch(
      /^sound: got .*; expected true or false$/s,
    );
  }
});

describe('the value in a message', () => {
  const shown = (video: unknown) => complaints(KLING_O1, { prompt: 'A fox', video })[0];
  test('contains no query and no credentials of a URL', () => {
    const found = shown('https://user:pa55@example.com/a\tb?X-Amz-Signature=s3cret');
    expect(found).toContain('got "https://…@example.com/a\\tb?…" (a string)');
    expect(found).not.toMatch(/pa55|s3cret/);
  });
  test('is truncated', () => {
    expect(shown(`ftp://${'x'.repeat(1000)}`)?.length).toBeLessThan(200);
    expect(shown(`ftp://${'🦊'.repeat(1000)}`)).not.toMatch(/\\ud/i);
  });
  test('truncates a long field name', () => {
    const found = complaints(KLING_O1, { prompt: 'A fox', ['x'.repeat(100_000)]: 1 });
    expect(found[0]?.length).toBeLessThan(300);
  });
});

describe('the suggestion for an unknown field', () => {
  const known = ['prompt', 'video', 'images', 'keep_original_sound', 'aspect_ratio', 'duration', 'sound'];
  test.each([
    ['Prompt', 'prompt'],
    ['promt', 'prompt'],
    ['pormpt', 'prompt'],
    ['image', 'images'],
    ['imageUrls', 'images'],
    ['reference_images', 'images'],
    ['aspectRatio', 'aspect_ratio'],
    ['aspect-ratio', 'aspect_ratio'],
    ['ratio', 'aspect_ratio'],
    ['keepOriginalSound', 'keep_original_sound'],
    ['seconds', 'duration'],
    ['video_url', 'video'],
    ['generate_audio', 'sound'],
  ])('for %s is %s', (given, meant) => {
    expect(suggestField(given, known)).toBe(meant);
  });
  test.each(['seed', 'negative_prompt', 'webhook', '', 'constructor', '__proto__'])(
    'for %j is nothing',
    (given) => {
      expect(suggestField(given, known)).toBeUndefined();
    },
  );
  test('is never a field that the model does not have', () => {
    expect(suggestField('audio', known.slice(0, -1))).toBeUndefined();
  });
});

describe('an object schema', () => {
  const extended = klingO3StdInputObject.extend({ projectId: z.string({ error: 'which project?' }) });

  test('keeps its messages after .extend, and accepts the new field', () => {
    expect(extended.parse({ prompt: 'A fox', projectId: 'p' })).toMatchObject({
      projectId: 'p',
      duration: 5,
    });
    const messages = extended.safeParse({ prompt: 'A fox', duration: '5', projectID: 'p' }).error?.issues;
    expect(messages?.map(({ message }) => message)).toEqual([
      'got "5" (a string); expected a whole number of seconds from 3 to 15',
      'which project?',
      'projectID: not a field of this object; did you mean "projectId"?',
    ]);
  });

  test('keeps its messages after .pick and .omit, and rejects the removed fields', () => {
    const picked = klingO1InputObject.pick({ prompt: true, duration: true });
    expect(picked.parse({ prompt: 'A fox' })).toStrictEqual({ prompt: 'A fox', duration: 5 });
    const omitted = klingO3StdInputObject.omit({ images: true, video: true });
    const [unknown] = omitted.safeParse({ prompt: 'A fox', images: [] }).error?.issues ?? [];
    expect(unknown?.message).toBe(
      'images: not a field of this object; the fields are prompt, keep_original_sound, aspect_ratio, duration, sound',
    );
    const [blank] = picked.safeParse({ prompt: ' ' }).error?.issues ?? [];
    expect(blank?.message).toBe('got " " (a string); expected a non-empty string, not only whitespace');
  });

  test('has the image limit with a video again after withRules, in zod and JSON Schema', () => {
    const limited = withRules(KLING_O3_STD, extended);
    const input = { prompt: 'A fox', projectId: 'p', video: CLIP, images: pictures(5) };
    expect(extended.safeParse(input).success).toBe(true);
    expect(limited.safeParse(input).error?.issues).toMatchObject([
      { path: ['images'], message: expect.stringContaining('expected at most 4') },
    ]);
    expect(z.toJSONSchema(limited, { io: 'input' })).toMatchObject({
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
      then: { properties: { images: { maxItems: 4 } } },
    });
  });

  test('nests in another schema', () => {
    const job = z.object({ input: klingO1InputSchema });
    expect(job.safeParse({ input: { prompt: '' } }).error?.issues[0]).toMatchObject({
      path: ['input', 'prompt'],
    });
  });

  test("is an instance of zod's class, and the one in the maps", () => {
    expect(klingO1InputObject).toBeInstanceOf(z.ZodObject);
    expect(klingO1InputSchema).toBeInstanceOf(z.ZodType);
    expect(inputSchemas[KLING_O1]).toBe(klingO1InputSchema);
    expect(inputSchemas[KLING_O3_STD]).toBe(klingO3StdInputSchema);
    expect(models[KLING_O1].inputSchema).toBe(klingO1InputSchema);
    expect(models[KLING_O3_STD].inputObject).toBe(klingO3StdInputObject);
  });
});

describe('predictionSchema', () => {
  const task = {
    id: 'task-1',
    model: KLING_O1,
    status: 'completed',
    outputs: ['https://example.com/v.mp4'],
    urls: { get: 'https://api.wavespeed.ai/api/v3/predictions/task-1/result' },
    has_nsfw_contents: [false],
    created_at: '2023-04-01T12:34:56.789123456Z',
    error: '',
    timings: { inference: 61_234 },
  };

  test('keeps a complete task as it is, with unknown fields and statuses', () => {
    const newer = {
      ...task,
      status: 'queued',
      executionTime: 5,
      input: { prompt: 'A fox' },
      extra: { deep: [1] },
    };
    expect(predictionSchema.parse(newer)).toEqual(newer);
    expect(webhookEventSchema.parse(newer)).toEqual(newer);
  });

  test('fills in fields that are null, missing or of another type', () => {
    const empty = {
      model: '',
      outputs: [],
      urls: {},
      has_nsfw_contents: [],
      created_at: '',
      error: '',
      timings: {},
    };
    expect(predictionSchema.parse({ id: 'task-1' })).toEqual({ ...empty, id: 'task-1', status: 'unknown' });
    expect(
      predictionSchema.parse({
        id: 7,
        status: 'failed',
        model: null,
        outputs: null,
        urls: { get: null, cancel: 'x' },
        has_nsfw_contents: null,
        created_at: null,
        error: { message: 'no' },
        timings: { inference: null },
      }),
    ).toEqual({ ...empty, id: '7', status: 'failed', urls: { cancel: 'x' }, error: 'no' });
  });

  test.each([null, undefined, 'task-1', [], {}, { id: '' }, { id: null }])('rejects %j', (value) => {
    const { error } = predictionSchema.safeParse(value);
    expect(error?.issues).toMatchObject([
      { message: expect.stringMatching(/^got .*; expected a task with an "id"$/) },
    ]);
  });
});
