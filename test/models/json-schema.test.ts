// The JSON Schemas reject exactly what the zod schemas reject: compared with Ajv on 40,000 random inputs per model, and
// on each edge case.
import { fc } from '../support/properties.js';
import { describe, expect, test } from 'vitest';
import {
  type DefinedModel,
  inputJsonSchemas,
  inputSchemas,
  KLING_O1,
  type ModelField,
  type ModelId,
  models,
  predictionSchema,
} from 'wavespeed-kling/schemas';
import * as z from 'zod';
import {
  Ajv2020,
  BAD_DATA_URLS,
  BAD_URLS,
  BLANKS,
  GOOD_DATA_URLS,
  GOOD_URLS,
  NOT_BLANK,
  referenceModel,
  requests,
} from './support.js';

const RUNS = 40_000;
const PICTURE = 'https://example.com/front.png';

/** Compiles in Ajv's strict mode; what it only logs is an error here. */
function compile(schema: object) {
  const fail = (...values: unknown[]) => {
    throw new Error(values.join(' '));
  };
  return new Ajv2020({
    strict: true,
    strictTypes: true,
    logger: { log: fail, warn: fail, error: fail },
  }).compile(schema);
}

/** What can be wrong with a field. */
function rulesOf([name, { type, media, maxItems }]: [string, ModelField]): string[] {
  if (type === 'boolean') return [`${name} invalid_type`];
  if (name === 'prompt' || (media !== undefined && type !== 'array')) {
    return [`${name} invalid_type`, `${name} invalid_format`];
  }
  if (type !== 'array') return [`${name} invalid_value`];
  return [
    `${name} invalid_type`,
    `${name}[] invalid_type`,
    `${name}[] invalid_format`,
    ...(maxItems === undefined ? [] : [`${name} too_big`]),
  ];
}

describe.each(Object.keys(models) as ModelId[])('%s', (id) => {
  const zod: z.ZodType = inputSchemas[id];
  const ajv = compile(inputJsonSchemas[id]);
  const model: DefinedModel = models[id];

  test(`zod and Ajv agree on ${RUNS} random inputs, valid and invalid ones`, () => {
    let valid = 0;
    const broken = new Map<string, number>();
    fc.assert(
      fc.property(requests(model), (request) => {
        const result = zod.safeParse(request);
        if (result.success) valid++;
        for (const { code, path } of result.error?.issues ?? []) {
          const rule = `${path.map((key) => (typeof key === 'number' ? '[]' : String(key))).join('')} ${code}`;
          broken.set(rule, (broken.get(rule) ?? 0) + 1);
        }
        return ajv(request) === result.success;
      }),
      { numRuns: RUNS },
    );
    expect(valid).toBeGreaterThan(RUNS * 0.2);
    expect(valid).toBeLessThan(RUNS * 0.8);
    // Each rule was broken often enough to be put to the test.
    const rules = [' unrecognized_keys', ...Object.entries(model.fields).flatMap(rulesOf)];
    for (const { fields } of model.rules) rules.push(`${fields[0]} custom`);
    expect([...broken.keys()].sort()).toEqual([...new Set(rules)].sort());
    for (const rule of rules) expect(broken.get(rule), rule).toBeGreaterThan(RUNS / 2000);
  });

  const agree = (request: unknown) => {
    const accepted = zod.safeParse(request).success;
    expect(ajv(request)).toBe(accepted);
    return accepted;
  };

  test.each([...GOOD_URLS, ...BAD_URLS, ...GOOD_DATA_URLS, ...BAD_DATA_URLS])(
    'zod and Ajv agree on %j',
    (url) => {
      for (const [name, { type, media }] of Object.entries(model.fields)) {
        if (media === undefined) continue;
        const isGood = GOOD_URLS.includes(url) || (media === 'image' && GOOD_DATA_URLS.includes(url));
        expect(agree({ prompt: 'A fox', [name]: type === 'array' ? [url] : url })).toBe(isGood);
      }
    },
  );

  test.each([...BLANKS, ...NOT_BLANK])('zod and Ajv agree on the prompt %j', (prompt) => {
    expect(agree({ prompt })).toBe(NOT_BLANK.includes(prompt));
  });

  test.each([
    ['5', true],
    ['5.0', true],
    ['50e-1', true],
    ['5.1', false],
    ['5.0000000000000001', true],
    ['"5"', false],
    ['1e999', false],
    ['null', false],
    ['[5]', false],
  ])('the duration %s, as JSON has it, is the same to both', (json, accepted) => {
    expect(agree(JSON.parse(`{"prompt":"A fox","duration":${json}}`))).toBe(accepted);
  });

  test.each([0, 4, 5, 7, 8])('zod and Ajv agree on %i images, with video and without', (count) => {
    const images = Array.from({ length: count }, () => PICTURE);
    const { images: field, video } = model.fields;
    const most = model.rules.some(({ fields }) => fields.join() === 'images,video') ? 4 : Infinity;
    expect(agree({ prompt: 'A fox', images })).toBe(count <= (field?.maxItems ?? Infinity));
    expect(agree({ prompt: 'A fox', images, video: PICTURE })).toBe(video !== undefined && count <= most);
  });

  test.each([null, true, 5, 'A fox', [], [{ prompt: 'A fox' }], {}])('zod and Ajv agree on %j', (value) => {
    expect(agree(value)).toBe(false);
  });

  test('is draft 2020-12, closed, and plain JSON', () => {
    const schema = inputJsonSchemas[id];
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      required: ['prompt'],
      additionalProperties: false,
      properties: { duration: { type: 'integer', enum: model.fields['duration']?.values } },
    });
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
    expect(Object.getOwnPropertyNames(schema)).toEqual(Object.keys(schema));
    expect(new Ajv2020().validateSchema(schema)).toBe(true);
  });

  test('has a description for every field, and examples for all but booleans', () => {
    const { properties } = inputJsonSchemas[id];
    expect(Object.keys(properties)).toEqual(Object.keys(models[id].inputObject.shape));
    for (const [name, field] of Object.entries(properties)) {
      expect(field.description, name).toMatch(/^[A-Z].*\.$/);
      if (field.type !== 'boolean') expect(field.examples, name).toHaveLength(1);
    }
  });

  test('its examples and defaults are valid', () => {
    const { properties } = inputJsonSchemas[id];
    const filled: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(properties)) {
      for (const example of field.examples ?? []) {
        expect(models[id].inputObject.safeParse({ prompt: 'A fox', [name]: example }).success).toBe(true);
      }
      if ('default' in field) filled[name] = field.default;
    }
    expect(zod.parse({ prompt: 'A fox' })).toEqual({ prompt: 'A fox', ...filled });
  });

  test('is created once, and deeply frozen', () => {
    const schema = inputJsonSchemas[id];
    expect(inputJsonSchemas[id]).toBe(schema);
    expect(models[id].inputJsonSchema).toBe(schema);
    expect(() => {
      schema.properties.extra = {};
    }).toThrow(TypeError);
    expect(() => schema.properties.prompt?.examples?.push('more')).toThrow(TypeError);
    expect(() => {
      schema.required.push('video');
    }).toThrow(TypeError);
  });
});

test('zod and Ajv agree on models of any limits', () => {
  const anyModel = fc
    .tuple(
      fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 }),
      fc.nat(8),
      fc.nat(8),
      fc.boolean(),
    )
    .map(([durations, images, fewer, sound]) =>
      referenceModel({
        durations: durations.sort((one, other) => one - other),
        images,
        imagesWithVideo: Math.min(images, fewer),
        sound,
        price: { images: 0.1, video: 0.2 },
      }),
    );
  fc.assert(
    fc.property(anyModel, fc.infiniteStream(fc.nat()), (model, seeds) => {
      const ajv = compile(model.inputJsonSchema);
      const [seed] = seeds.take(1);
      for (const request of fc.sample(requests(model), { numRuns: 100, seed: seed ?? 0 })) {
        if (ajv(request) !== model.inputSchema.safeParse(request).success) return false;
      }
      return true;
    }),
    { numRuns: 100 },
  );
});

describe('a hostile string takes linear time and no stack', () => {
  const LENGTH = 8_000_000;
  const schema = inputSchemas[KLING_O1];
  test.each<[string, string, boolean]>([
    ['a data URL of 28 MB', `data:image/png;base64,${'A'.repeat(28_000_000)}`, true],
    ['a data URL with a wrong end', `data:image/png;base64,${'A'.repeat(28_000_000)}!`, false],
    ['a long media type', `data:image/${'a'.repeat(LENGTH)}`, false],
    ['a long host', `https://${'a'.repeat(LENGTH)} `, false],
    ['a long user', `https://${'a'.repeat(LENGTH)}@`, false],
    ['colons without end', `https://${'a:'.repeat(LENGTH / 2)}`, false],
    ['at signs without end', `https://${'@a'.repeat(LENGTH / 2)}`, false],
    ['brackets without end', `https://[${':'.repeat(LENGTH)}`, false],
    ['slashes without end', `https://a${'/?#'.repeat(LENGTH / 3)} `, false],
    ['a path beyond ASCII', `https://a/${'é🦊'.repeat(LENGTH)} `, false],
    ['lone surrogates', `https://a/${'\ud83e'.repeat(LENGTH)} `, false],
  ])('%s', (_, image, accepted) => {
    const before = process.cpuUsage();
    expect(schema.safeParse({ prompt: 'A fox', images: [image] }).success).toBe(accepted);
    // Time of the processor, in microseconds: other programs do not count.
    expect(process.cpuUsage(before).user).toBeLessThan(10_000_000);
  });
  test('a prompt of whitespace', () => {
    expect(schema.safeParse({ prompt: ' '.repeat(LENGTH) }).success).toBe(false);
    expect(schema.safeParse({ prompt: `${' '.repeat(LENGTH)}a` }).success).toBe(true);
  });
});

test('URL parsers accept the valid URLs as well', () => {
  for (const url of GOOD_URLS) expect(URL.canParse(url), url).toBe(true);
});

describe('predictionSchema', () => {
  const output = z.toJSONSchema(predictionSchema, { io: 'output' });

  test('describes the output of predictionSchema', () => {
    expect(output).toMatchObject({
      type: 'object',
      required: expect.arrayContaining(['id', 'status', 'outputs', 'error']),
      properties: { id: { type: 'string' }, outputs: { type: 'array', items: { type: 'string' } } },
    });
    // What comes in may be anything: reading is lenient.
    expect(z.toJSONSchema(predictionSchema, { io: 'input' })).toEqual({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
    });
  });

  test('matches the output of predictionSchema for arbitrary values', () => {
    const ajv = compile(output);
    const anyField = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(null, '', 'completed', [], {}, [null, 1, 'https://a/b']),
    );
    const anyTask = fc.record(
      {
        id: fc.oneof(
          fc.string({ minLength: 1 }).filter((id) => id.trim() !== '' && id !== '.' && id !== '..'),
          fc.nat(),
        ),
        ...Object.fromEntries(
          ['model', 'status', 'outputs', 'has_nsfw_contents', 'created_at', 'error', 'extra'].map((name) => [
            name,
            anyField,
          ]),
        ),
        urls: fc.oneof(anyField, fc.record({ get: anyField })),
        timings: fc.oneof(anyField, fc.record({ inference: anyField })),
      },
      { requiredKeys: ['id'] },
    );
    fc.assert(
      fc.property(anyTask, (task) => {
        const read = predictionSchema.parse(task);
        return ajv(read);
      }),
      { numRuns: 5000 },
    );
  });
});
