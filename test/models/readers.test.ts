// The two readings of a built-in model are one: what its specs accept, refuse, fill in and say, its zod schemas do too.
import { fc } from '../support/properties.js';
import { describe, expect, test } from 'vitest';
import {
  type DefinedModel,
  estimateCost,
  InvalidInputError,
  type Model,
  type ModelId,
  models,
  parseInput,
} from 'wavespeed-kling/schemas';
import { builtIns } from '../../src/models/family-by-id.js';
import { toInputJsonSchema } from '../../src/models/json-schema.js';
import { describeFields } from '../../src/models/model-fields.js';
import { readField } from '../../src/models/read-spec.js';
import { requests } from './support.js';

/** The value, or every issue. */
function outcomeOf(read: () => unknown) {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof InvalidInputError) return { issues: error.issues };
    throw error;
  }
}

test('each built-in model has its constant with schemas', () => {
  expect(Object.keys(models)).toEqual(Object.keys(builtIns));
});

describe.each(Object.keys(builtIns) as ModelId[])('%s', (id) => {
  const { specs, fields } = builtIns[id];
  const model: DefinedModel = models[id];
  const { shape } = model.inputObject;

  test('the fields are those that its schemas describe', () => {
    const { properties, required } = toInputJsonSchema(model.inputObject);
    expect(fields).toStrictEqual(describeFields(shape, properties, required));
    expect(model.fields).toBe(fields);
  });

  test.each(Object.keys(specs))('%s: any value is read alike', (name) => {
    const spec = specs[name];
    const schema = shape[name];
    if (spec === undefined || schema === undefined) throw new Error(`No field ${name}.`);
    const value = fc.oneof(
      requests(model).map((request) => request[name]),
      fc.anything(),
      fc.array(fc.anything(), { maxLength: 12 }),
      fc.constantFrom(...(fields[name]?.values ?? [undefined])),
    );
    let valid = 0;
    fc.assert(
      fc.property(value, (given) => {
        const bySpec = readField(spec, given);
        const bySchema = schema.safeParse(given);
        if (bySchema.success) valid += 1;
        expect(bySpec.issues.map(({ path, message }) => ({ path, message }))).toEqual(
          (bySchema.error?.issues ?? []).map(({ path, message }) => ({ path, message })),
        );
        if (bySchema.success) expect(bySpec.value).toStrictEqual(bySchema.data);
      }),
      { numRuns: 1000 },
    );
    expect(valid).toBeGreaterThan(50);
    expect(valid).toBeLessThan(950);
  });

  test.each<[string, (model: Model, input: never) => unknown]>([
    ['parseInput', parseInput],
    ['estimateCost', estimateCost],
  ])('%s: any input is read alike by the id and by the schemas', (_, read) => {
    let valid = 0;
    fc.assert(
      fc.property(requests(model), (input) => {
        const byId = outcomeOf(() => read(id, input as never));
        if ('value' in byId) valid += 1;
        // The model itself, as one of `defineModel`, is read by its zod schemas.
        expect(byId).toStrictEqual(outcomeOf(() => read(model, input as never)));
      }),
      { numRuns: 2000 },
    );
    expect(valid).toBeGreaterThan(400);
    expect(valid).toBeLessThan(1900);
  });
});
