// defineModel: validation, types, JSON Schema and cost of another endpoint, and its use in the client.
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { SubmissionUnknownError, WaveSpeedKling } from 'wavespeed-kling';
import {
  ConfigurationError,
  defineModel,
  estimateCost,
  InvalidInputError,
  isDefinedModel,
  KLING_O1,
  KLING_O3_STD,
  field,
  rule,
  models,
  parseInput,
} from 'wavespeed-kling/schemas';
import { Ajv2020, referenceModel } from './support.js';

const ID = 'kwaivgi/kling-video-o5/reference-to-video';
const PICTURE = 'https://example.com/front.png';
const CLIP = 'https://example.com/clip.mp4';
const FACTS = {
  id: ID,
  durations: [3, 5, 10],
  images: 5,
  imagesWithVideo: 2,
  sound: true,
  price: { images: 0.1125, video: 0.2 },
} as const;
const o3Pro = referenceModel(FACTS);
const silent = referenceModel({
  ...FACTS,
  id: 'kwaivgi/kling-video-o1-std/reference-to-video',
  sound: false,
});

/** A client whose requests end here: each is noted, and answered with what `answer` makes of it. */
function clientWith(answer: (url: string, body: Record<string, unknown>) => unknown) {
  const sent: { url: string; body: Record<string, unknown> }[] = [];
  const kling = new WaveSpeedKling({
    apiKey: 'key',
    maxRetries: 0,
    fetch: (async (url: string | URL | Request, init?: RequestInit) => {
      const path = new URL(url instanceof Request ? url.url : url).pathname;
      const text = typeof init?.body === 'string' ? init.body : '{}';
      const body = JSON.parse(text) as Record<string, unknown>;
      sent.push({ url: path, body });
      const data = answer(path, body);
      if (data instanceof Response) return data;
      return Response.json({ code: 200, message: 'success', data });
    }) as typeof fetch,
  });
  return { kling, sent };
}

const INPUT = { prompt: field.prompt(), images: field.images(), duration: field.seconds(3, 10) };

const task = { id: 'task-1', model: ID, status: 'completed', outputs: ['https://example.com/v.mp4'] };

describe('a defined model', () => {
  test('is what the two models of the catalog are', () => {
    expect(Object.values(models).every(isDefinedModel)).toBe(true);
    expect(isDefinedModel(o3Pro)).toBe(true);
  });

  test('validates by its own limits, under its own id', () => {
    const messages = (input: unknown) => {
      try {
        return parseInput(o3Pro, input);
      } catch (error) {
        return InvalidInputError.isInstance(error) ? error.issues.map(({ message }) => message) : error;
      }
    };
    expect(messages({ prompt: 'A fox', sound: true })).toStrictEqual({
      prompt: 'A fox',
      images: [],
      keep_original_sound: true,
      aspect_ratio: '16:9',
      duration: 5,
      sound: true,
    });
    expect(messages({ prompt: 'A fox', duration: 4 })).toEqual([
      'duration: got 4; expected 3 or 5 or 10 (seconds)',
    ]);
    expect(messages({ prompt: 'A fox', images: Array(6).fill(PICTURE) })).toEqual([
      'images: got an array of 6; expected at most 5 images, or 2 with a reference video',
    ]);
    expect(messages({ prompt: 'A fox', images: Array(3).fill(PICTURE), video: CLIP })).toEqual([
      'images: got 3 images with a reference video; expected at most 2 (5 without `video`)',
    ]);
    expect(messages({ prompt: 'A fox', seed: 1 })).toEqual([
      expect.stringContaining(`seed: not a field of ${ID}`),
    ]);
    expect(silent.inputSchema.safeParse({ prompt: 'A fox', sound: true }).success).toBe(false);
  });

  test('has a JSON Schema with its own limits', () => {
    expect(o3Pro.inputJsonSchema).toMatchObject({
      properties: {
        duration: { enum: [3, 5, 10], default: 5 },
        images: { maxItems: 5 },
        sound: { type: 'boolean' },
      },
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
      then: { properties: { images: { maxItems: 2 } } },
    });
    const ajv = new Ajv2020().compile(o3Pro.inputJsonSchema);
    expect(ajv({ prompt: 'A fox', duration: 10 })).toBe(true);
    expect(ajv({ prompt: 'A fox', duration: 4 })).toBe(false);
    expect(silent.inputJsonSchema.properties).not.toHaveProperty('sound');
  });

  test('costs its own price', () => {
    expect(estimateCost(o3Pro, { duration: 3 })).toBe(0.3375);
    expect(estimateCost(o3Pro, { video: CLIP })).toBe(1);
    expect(() => estimateCost(o3Pro, { duration: 4 as 3 })).toThrow(
      'duration: got 4; expected 3 or 5 or 10 (seconds)',
    );
  });

  test('has its shortest duration as the default if it does not support 5 seconds', () => {
    const long = referenceModel({ ...FACTS, durations: [8, 10] });
    expect(parseInput(long, { prompt: 'A fox' }).duration).toBe(8);
    expect(long.inputJsonSchema.properties.duration?.default).toBe(8);
    expect(estimateCost(long, {})).toBe(0.9);
  });

  test('accepts only its one duration, and no images if its limit is 0', () => {
    const plain = referenceModel({ ...FACTS, durations: [5], images: 0, imagesWithVideo: 0 });
    expect(plain.inputSchema.safeParse({ prompt: 'A fox', images: [PICTURE] }).success).toBe(false);
    expect(plain.inputSchema.safeParse({ prompt: 'A fox', duration: 6 }).error?.issues[0]?.message).toBe(
      'got 6; expected 5 (seconds)',
    );
  });

  test('is frozen, and does not change with the definition it was made from', () => {
    const input = { prompt: field.prompt(), duration: field.seconds([3, 5]) };
    const rules = [rule.requires('duration', 'prompt')];
    const model = defineModel({ id: ID, input, rules, price: ({ duration }) => duration * 0.1 });
    input.duration = field.seconds([60]) as never;
    rules.pop();
    expect(model.fields['duration']?.values).toEqual([3, 5]);
    expect(model.rules).toHaveLength(1);
    expect(estimateCost(model, {})).toBe(0.5);
    for (const part of [model, model.rules, model.fields, models, models[KLING_O1], model.toolJsonSchema]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  test('has exactly these public fields, as the built-in models have', () => {
    const names = [
      'id',
      'name',
      'shortName',
      'rules',
      'price',
      'confirmed',
      'inputObject',
      'fields',
      'inputSchema',
      'inputJsonSchema',
      'toolJsonSchema',
    ];
    expect(Object.keys(o3Pro).sort()).toEqual([...names].sort());
    expect(Object.keys(models[KLING_O1]).sort()).toEqual([...names].sort());
  });
});

describe('a defined model in place of an id', () => {
  test('is run at its endpoint, with the defaults filled in', async () => {
    const { kling, sent } = clientWith(() => task);
    const video = await kling.run(o3Pro, { prompt: 'A fox', images: [PICTURE], duration: 10, sound: true });
    expect(video.outputs).toEqual(task.outputs);
    expect(sent).toEqual([
      {
        url: `/api/v3/${ID}`,
        body: {
          prompt: 'A fox',
          images: [PICTURE],
          keep_original_sound: true,
          aspect_ratio: '16:9',
          duration: 10,
          sound: true,
        },
      },
    ]);
  });

  test('is accepted by submit and quote', async () => {
    const { kling, sent } = clientWith((url) => (url.endsWith('/price') ? { price: 0.5625 } : task));
    expect((await kling.submit(o3Pro, { prompt: 'A fox' })).id).toBe('task-1');
    expect(await kling.quote(o3Pro, { prompt: 'A fox' })).toMatchObject({ model_id: ID, price: 0.5625 });
    expect(sent.map(({ url }) => url)).toEqual([`/api/v3/${ID}`, '/api/v3/model/price']);
    expect(sent[1]?.body).toMatchObject({ model_id: ID, inputs: { duration: 5, sound: false } });
  });

  test("may be one of the catalog's models", async () => {
    const { kling, sent } = clientWith(() => ({ ...task, model: KLING_O1 }));
    await kling.submit(models[KLING_O1], { prompt: 'A fox' });
    expect(sent[0]?.url).toBe(`/api/v3/${KLING_O1}`);
  });

  test('sends nothing for an invalid input', async () => {
    const { kling, sent } = clientWith(() => task);
    await expect(kling.run(o3Pro, { prompt: 'A fox', duration: 4 as never })).rejects.toThrow(
      'duration: got 4; expected 3 or 5 or 10 (seconds)',
    );
    expect(sent).toEqual([]);
  });

  test('uploads no file whose field a schema replaced', async () => {
    const model = defineModel({ id: ID, input: { ...INPUT, images: field.images({ max: 1 }).catch([]) } });
    const { kling, sent } = clientWith(() => task);
    const file = new Blob(['GIF89a']);
    await kling.submit(model, { prompt: 'A fox', images: [file, 'no URL'] as never });
    expect(sent).toMatchObject([{ url: `/api/v3/${ID}`, body: { prompt: 'A fox' } }]);
  });

  test('is priced against maxCost', async () => {
    const { kling, sent } = clientWith(() => task);
    const input = { prompt: 'A fox', duration: 10, video: CLIP } as const;
    await expect(kling.run(o3Pro, input, { maxCost: 1.99 })).rejects.toThrow('This task would cost $2');
    expect(sent).toEqual([]);
    await kling.run(o3Pro, input, { maxCost: 2 });
    expect(sent).toHaveLength(1);
  });

  test('finds the candidates of a lost submit by its id, and compares their inputs by its defaults', async () => {
    const input = { prompt: 'A fox', duration: 10 } as const;
    const created_at = new Date(Date.now() + 60_000).toISOString();
    const mine = { ...task, input, created_at };
    const other = { ...task, id: 'task-2', input: { prompt: 'A dog' }, created_at };
    const foreign = { ...task, id: 'task-3', model: KLING_O3_STD, created_at };
    const { kling, sent } = clientWith((url) =>
      url === `/api/v3/${ID}`
        ? new Response('Bad gateway', { status: 502 })
        : { items: [mine, other, foreign], total: 3 },
    );
    const lost = await kling.submit(o3Pro, input).catch((error: unknown) => error);
    if (!SubmissionUnknownError.isInstance(lost)) throw lost;
    expect(lost.model).toBe(ID);
    expect(await lost.candidates()).toMatchObject([
      { id: 'task-1', exactMatch: true },
      { id: 'task-2', exactMatch: false },
    ]);
    expect(sent).toHaveLength(2);
    expect(sent[1]).toMatchObject({ url: '/api/v3/predictions', body: { model: ID } });
  });

  test.each([{ ...FACTS }, { id: ID }, null, undefined, 5, ID])(
    'rejects %j, which defineModel did not make',
    async (model) => {
      const { kling, sent } = clientWith(() => task);
      await expect(kling.run(model as never, { prompt: 'A fox' } as never)).rejects.toThrow(
        /model: got .*; expected one of .*, or a model made by defineModel/,
      );
      expect(sent).toEqual([]);
    },
  );
});

describe('defineModel rejects a config with', () => {
  test.each<[string, unknown, string]>([
    ['no config', null, '`definition`: got null'],
    ['no id', { id: undefined }, '`id`: got nothing; expected the path of an endpoint'],
    ['an empty id', { id: '' }, '`id`: got ""'],
    ['an id of one part', { id: 'kling' }, '`id`: got "kling"'],
    ['an id with a slash before', { id: '/a/b' }, '`id`: got "/a/b"'],
    ['an id with a slash after', { id: 'a/b/' }, '`id`: got "a/b/"'],
    ['an id that leads elsewhere', { id: 'a/../b' }, '`id`: got "a/../b"'],
    ['an id with a query', { id: 'a/b?c' }, '`id`: got'],
    ['an id with an escape', { id: 'a/%2e%2e' }, '`id`: got'],
    ['an id that is a URL', { id: 'https://api.wavespeed.ai/api/v3/a/b' }, '`id`: got'],
    ['an id with a line break', { id: 'a/b\n' }, '`id`: got'],
    ['no input', { input: undefined }, '`input`: got nothing; expected the fields, such as { prompt: field'],
    ['a list of fields', { input: [] }, '`input`: got an array of 0'],
    [
      'no prompt',
      { input: { images: field.images() } },
      '`input.prompt`: got nothing; expected field.prompt()',
    ],
    ['a field that is not a schema', { input: { ...INPUT, seed: 'number' } }, '`input.seed`: got "number"'],
    [
      'a field without methods, of zod/v4/core',
      { input: { ...INPUT, seed: new z.core.$ZodString({ type: 'string' }) } },
      '`input.seed`: got an object; expected a zod schema',
    ],
    [
      'a field that is no JSON value',
      { input: { ...INPUT, since: z.date().optional() } },
      '`input.since`: Date cannot be represented in JSON Schema; expected a zod schema of a JSON value',
    ],
    [
      'a prompt that may be left out',
      { input: { ...INPUT, prompt: field.prompt().optional() } },
      '`input.prompt`: got an object; expected a required field: field.prompt()',
    ],
    ['rules that are not a list', { rules: rule.maxWith('images', 1, 'video') }, '`rules`: got an object'],
    ['a rule that is not a rule', { rules: ['sound'] }, '`rules[0]`: got "sound"'],
    [
      'a rule about a misspelt field',
      { rules: [rule.requires('image', 'duration')] },
      '`rules[0]`: "image" is not a field; did you mean "images"?',
    ],
    [
      'a price that is not a function',
      { price: 0.1 },
      '`price`: got 0.1; expected a function of the parsed input',
    ],
    ['a text for confirmed', { confirmed: 'yes' }, '`confirmed`: got "yes"'],
    ['a name that is not a string', { name: 5 }, '`name`: got 5'],
    ['a misspelt fact', { rule: [] }, '`rule`: not an option; did you mean `rules`?'],
    ['an unknown fact', { currency: 'USD' }, '`currency`: not an option; the options are id, input'],
  ])('%s', (_, change, message) => {
    const given = (change === null ? null : { id: ID, input: INPUT, ...(change as object) }) as never;
    expect(() => defineModel(given)).toThrow(ConfigurationError);
    expect(() => defineModel(given)).toThrow(message);
  });

  test.each<[string, () => unknown, string]>([
    ['no seconds', () => field.seconds([]), 'field.seconds: got an array of 0'],
    ['a fraction', () => field.seconds([3, 4.5]), 'field.seconds: got 4.5; expected different whole numbers'],
    ['a text', () => field.seconds(['5'] as never), 'got "5" (a string)'],
    ['nought', () => field.seconds(0, 3), 'got 0'],
    ['milliseconds', () => field.seconds(3000, 5000), 'got 5000'],
    ['a repetition', () => field.seconds([5, 5]), 'got an array of 2'],
    ['a negative limit', () => field.images({ max: -1 }), 'field.images: `max`: got -1'],
    ['an infinite limit', () => field.audios({ max: Infinity }), 'field.audios: `max`: got Infinity'],
    ['a fraction of a file', () => rule.together(1.5, ['images']), 'rule.together: got 1.5'],
    [
      'a limit that is missing',
      () => rule.maxWith('images', undefined as never, 'video'),
      'rule.maxWith: got nothing',
    ],
  ])('%s is a ConfigurationError of the builder', (_, build, message) => {
    expect(build).toThrow(ConfigurationError);
    expect(build).toThrow(message);
  });

  test.each([Number.NaN, Infinity, -1, '5', null, {}])('a price of %j is an error, not a cost', (price) => {
    const model = defineModel({ id: ID, input: INPUT, price: () => price as number });
    expect(() => estimateCost(model, {})).toThrow(/The `price` of .* returned .*; expected US dollars/);
  });
});
