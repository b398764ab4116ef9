// The JSON Schemas for tools of language models: what every client takes, for every model.
import { describe, expect, test } from 'vitest';
import {
  defineModel,
  field,
  KLING_O1,
  KLING_V4,
  type ModelId,
  models,
  rule,
  toolJsonSchemas,
} from 'wavespeed-kling/schemas';
import * as z from 'zod';
import { Ajv2020 } from './support.js';

type Json = Record<string, unknown>;

/** Every schema within a schema. */
const allOf = (schema: Json): Json[] => [
  schema,
  ...Object.values((schema['properties'] ?? {}) as Record<string, Json>).flatMap(allOf),
  ...(schema['items'] === undefined ? [] : allOf(schema['items'] as Json)),
];

const FORBIDDEN = [
  'if',
  'then',
  'else',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'const',
  '$ref',
  'format',
  'default',
  'pattern',
  'examples',
  '$schema',
];

function check(schema: unknown) {
  expect(schema).toMatchObject({
    type: 'object',
    additionalProperties: false,
    required: expect.arrayContaining(['prompt']),
  });
  for (const one of allOf(schema as Json)) {
    expect(FORBIDDEN.filter((keyword) => keyword in one)).toEqual([]);
    expect(typeof one['type']).toBe('string');
    const values = (one['enum'] ?? []) as unknown[];
    expect(values.every((value) => typeof value === 'string')).toBe(true);
  }
  expect(new Ajv2020().validateSchema(schema as object)).toBe(true);
}

describe.each(Object.keys(models) as ModelId[])('%s', (id) => {
  test('has a schema without what a client rejects', () => {
    check(toolJsonSchemas[id]);
    expect(models[id].toolJsonSchema).toBe(toolJsonSchemas[id]);
  });

  test('its examples pass, and its lengths are a range', () => {
    const validate = new Ajv2020().compile(toolJsonSchemas[id]);
    expect(validate({ prompt: 'A fox', duration: 5, images: ['https://example.com/a.png'] })).toBe(true);
    expect(validate({ prompt: 'A fox', duration: 2 })).toBe(false);
    expect(validate({ prompt: 'A fox', seed: 1 })).toBe(false);
    const lengths = (models[id].fields['duration']?.values ?? []).map(Number);
    expect(toolJsonSchemas[id].properties['duration']).toMatchObject({
      type: 'integer',
      minimum: Math.min(...lengths),
      maximum: Math.max(...lengths),
    });
  });
});

test('a tool schema says every limit in its descriptions, gaps and rules too', () => {
  const { images, duration } = toolJsonSchemas[KLING_O1].properties;
  expect(images?.description).toMatch(/at most 7.*At most 4 with `video`\./);
  expect(duration?.description).toMatch(/from 3 to 10.*Default: 5\./);
  const v4 = toolJsonSchemas[KLING_V4].properties;
  expect(v4['keep_original_sound']?.description).toContain('Needs `videos`.');
  expect(v4['resolution']?.description).toContain('One of 720p, 1080p, 4k. Default: "720p".');
  expect(v4['images']?.description).toContain('Together with `videos`, `audios` at most 15 files.');
  const model = defineModel({
    id: 'a/b',
    input: {
      prompt: field.prompt(),
      duration: field.seconds([5, 10]),
      seed: z.int().min(0).max(9).nullable().optional(),
      scale: z.union([z.number(), z.string()]).optional(),
      size: z.literal(3).optional(),
      elements: z
        .array(z.object({ name: z.email(), weight: z.literal([1, 2]).default(1) }))
        .max(2)
        .optional(),
    },
    rules: [rule.requires('seed', 'size')],
  });
  check(model.toolJsonSchema);
  const { properties } = model.toolJsonSchema;
  expect(properties['duration']).toMatchObject({
    minimum: 5,
    maximum: 10,
    description: expect.stringContaining('Only 5, 10.'),
  });
  expect(properties['seed']).toMatchObject({
    type: 'integer',
    minimum: 0,
    maximum: 9,
    description: expect.stringContaining('Needs `size`.'),
  });
});
