/** Creates a model from its definition: validation, types, JSON Schemas and cost. */
import * as z from 'zod';
import { ConfigurationError } from '../core/errors/index.js';
import { getErrorMessage } from '../utils/error-message.js';
import { once } from '../utils/once.js';
import { type DefinedModel, MODEL_BRAND, type ModelShape } from './defined-model.js';
import { noObjectMessage, unknownFieldMessage } from './field-messages.js';
import { deepFreeze, toInputJsonSchema } from './json-schema.js';
import { describeFields, type ModelFields } from './model-fields.js';
import type { Rule } from './rule.js';
import { toToolJsonSchema } from './tool-schema.js';
import { validateDefinition } from './validate-definition.js';
import { addRules } from './add-rules.js';

/** Everything that the library knows about a model. */
export interface ModelDefinition<
  Id extends string,
  Shape extends ModelShape,
  Cost extends number | undefined,
> {
  /** Model id, which is also the path of its endpoint: `provider/model/variant`. */
  id: Id;
  /** Display name. @default the id */
  name?: string | undefined;
  /** Short name, for the command line. @default none */
  shortName?: string | undefined;
  /** The fields: those of `field`, and any other zod schema. `prompt` is required. */
  input: Shape;
  /** Rules between the fields, made by `rule`. @default none */
  rules?: readonly Rule[] | undefined;
  /** Cost in US dollars of a parsed input; undefined where only the service knows it. @default only the service knows */
  price?: ((input: z.output<z.ZodObject<Shape>>) => Cost) | undefined;
  /**
   * Whether the fields were read on the model's own page. If not, a client compares them with the service's list before
   * its first submit: the service would ignore an unknown field, and charge. @default true
   */
  confirmed?: boolean | undefined;
}

/**
 * Creates a model that the client, `estimateCost` and `parseInput` accept instead of an id: for an endpoint of the
 * same family that this library does not include, or one that has changed. Take the fields and the price from the
 * model's page; `wavespeed-kling models <id>` writes a definition from the service's own schema.
 *
 * @throws {ConfigurationError} for an invalid definition: names the field, the value and what was expected.
 * @example
 * const model = defineModel({
 *   id: 'kwaivgi/kling-v4.0/reference-to-video',
 *   input: { prompt: field.prompt(), images: field.images({ max: 10 }), duration: field.seconds(3, 30) },
 *   price: ({ duration }) => duration * 0.157,
 * });
 * await kling.run(model, { prompt: 'A fox in the snow', duration: 15 });
 */
export function defineModel<
  const Id extends string,
  Shape extends ModelShape,
  Cost extends number | undefined = undefined,
>(definition: ModelDefinition<Id, Shape, Cost>): DefinedModel<Id, Shape, Cost> {
  const { input: shape, ...facts } = validateDefinition(definition);
  for (const [name, schema] of Object.entries(shape)) checkJson(name, schema);
  const model = makeModel(
    facts,
    () => shape,
    (inputObject) => {
      const { properties, required } = toInputJsonSchema(inputObject);
      return describeFields(shape, properties, required);
    },
  );
  return model as unknown as DefinedModel<Id, Shape, Cost>;
}

/** Refuses what the body of a request cannot hold, and no JSON Schema can describe. */
function checkJson(name: string, schema: z.ZodType): void {
  try {
    toInputJsonSchema(schema);
  } catch (cause) {
    const message = `defineModel: \`input.${name}\`: ${getErrorMessage(cause)}; expected a zod schema of a JSON value`;
    throw new ConfigurationError(`${message}, such as z.string().optional().`, { cause });
  }
}

/** Its schemas are made when they are first used: that is slow. */
export function makeModel(
  facts: Pick<DefinedModel, 'id' | 'name' | 'shortName' | 'confirmed' | 'rules'> & { price: unknown },
  toShape: () => ModelShape,
  toFields: (inputObject: z.ZodType) => ModelFields,
): object {
  const { id, name, shortName, confirmed, price } = facts;
  const inputObject = once(() => makeInputObject(id, toShape()));
  const fields = once(() => toFields(inputObject()));
  const inputSchema = once(() => addRules(inputObject() as z.ZodType, facts.rules, fields()));
  const inputJsonSchema = once(() => deepFreeze(toInputJsonSchema(inputSchema())));
  const toolJsonSchema = once(() => deepFreeze(toToolJsonSchema(inputJsonSchema(), facts.rules)));
  const model = {
    id,
    name,
    shortName,
    confirmed,
    price,
    get rules() {
      return facts.rules;
    },
    get fields() {
      return fields();
    },
    get inputObject() {
      return inputObject();
    },
    get inputSchema() {
      return inputSchema();
    },
    get inputJsonSchema() {
      return inputJsonSchema();
    },
    get toolJsonSchema() {
      return toolJsonSchema();
    },
  };
  Object.defineProperty(model, MODEL_BRAND, { value: true });
  return Object.freeze(model);
}

/** `.extend` and `.pick` pass the error function on, so the fields are those of the schema that raised the issue. */
const keysOf = (schema: unknown) => (schema instanceof z.ZodObject ? Object.keys(schema.shape) : undefined);

function makeInputObject(id: string, shape: ModelShape) {
  const own = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return noObjectMessage(issue.input);
      const known = keysOf(issue.inst) ?? own;
      const owner = known.join() === own.join() ? id : 'this object';
      return (issue.keys ?? []).map((key) => unknownFieldMessage(owner, key, known)).join('; ');
    },
  });
}
