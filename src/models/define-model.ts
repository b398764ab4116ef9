/** Creates a model from its definition: validation, types, JSON Schemas and cost. */
import * as z from 'zod';
import { formatValue } from '../utils/messages.js';
import { once } from '../utils/once.js';
import { unknownFieldMessage } from './field-messages.js';
import { deepFreeze, type JsonSchema, toInputJsonSchema } from './json-schema.js';
import { describeFields, type ModelFields } from './model-fields.js';
import type { Rule } from './rule.js';
import { type ToolJsonSchema, toToolJsonSchema } from './tool-schema.js';
import { validateDefinition } from './validate-definition.js';
import { addRules } from './add-rules.js';

/** The fields of a model: zod schemas by name. */
export type ModelShape = Readonly<Record<string, z.ZodType>>;

/** The fields alone, without the rules between them: for `.extend`, `.pick` and `.omit`. */
export interface InputObject<Shape extends ModelShape> extends z.ZodObject<Shape, z.core.$strict> {}

/** The complete schema of an input. */
export interface InputSchema<Shape extends ModelShape> extends z.ZodType<
  z.output<z.ZodObject<Shape, z.core.$strict>>,
  z.input<z.ZodObject<Shape, z.core.$strict>>
> {}

/** Everything that the library knows of a model. */
export interface ModelDefinition<
  Id extends string,
  Shape extends ModelShape,
  Cost extends number | undefined,
> {
  /** Model id, which is also the path of its endpoint: `provider/model/variant`. */
  id: Id;
  /** Name for people. @default the id */
  name?: string | undefined;
  /** Name for a command line. @default none */
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

/** A model made by `defineModel`; accepted wherever a model id is. Frozen. */
export interface DefinedModel<
  Id extends string = string,
  Shape extends ModelShape = ModelShape,
  Cost extends number | undefined = number | undefined,
> {
  readonly id: Id;
  readonly name: string;
  readonly shortName: string | undefined;
  readonly confirmed: boolean;
  readonly rules: readonly Rule[];
  /** Cost in US dollars of a parsed input, as defined: `estimateCost` parses and rounds. */
  price(input: z.output<z.ZodObject<Shape>>): Cost;
  /** What forms and flags need to know of each field. */
  readonly fields: ModelFields;
  /** Validates an input: every limit, no unknown fields, no coercion. Fills in the defaults. */
  readonly inputSchema: InputSchema<Shape>;
  /** The fields alone, without the rules between them: for `.extend`, `.pick` and `.omit`. */
  readonly inputObject: InputObject<Shape>;
  /** The same rules for other validators. Created on first use, frozen. */
  readonly inputJsonSchema: JsonSchema;
  /** For tools of language models: what every client accepts, with all limits in the descriptions. Frozen. */
  readonly toolJsonSchema: ToolJsonSchema;
}

/** Loaded copies of this library share the symbol. */
const MODEL_BRAND = /* @__PURE__ */ Symbol.for('wavespeed-kling.model');

/** Returns true if a value is a model made by `defineModel`, of this loaded copy of the library or another. */
export function isDefinedModel(value: unknown): value is DefinedModel {
  return typeof value === 'object' && value !== null && MODEL_BRAND in value;
}

/**
 * Creates a model that the client, `estimateCost` and `parseInput` accept in place of an id: for an endpoint of the
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
  const { id, input: shape, rules, price, ...about } = validateDefinition(definition);
  const inputObject = makeInputObject(id, shape);
  const bare = once(() => toInputJsonSchema(inputObject));
  const fields = once(() => describeFields(shape, bare().properties, bare().required));
  const inputSchema = once(() => addRules(inputObject as z.ZodType, rules, fields()));
  const inputJsonSchema = once(() => deepFreeze(toInputJsonSchema(inputSchema())));
  const toolJsonSchema = once(() => deepFreeze(toToolJsonSchema(inputJsonSchema(), rules)));
  const model = {
    id,
    ...about,
    rules,
    price,
    inputObject,
    get fields() {
      return fields();
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
  return Object.freeze(model) as unknown as DefinedModel<Id, Shape, Cost>;
}

/** Returns a model whose schemas are made when they are first used: that is slow. */
export function lazyModel<Model extends DefinedModel>(
  about: Readonly<Pick<Model, 'id' | 'name' | 'shortName'>>,
  define: () => Model,
): Model {
  const model = once(define);
  const lazy = { ...about };
  const others = [
    'confirmed',
    'rules',
    'price',
    'inputObject',
    'fields',
    'inputSchema',
    'inputJsonSchema',
    'toolJsonSchema',
  ] as const satisfies readonly (keyof DefinedModel)[];
  for (const name of others) {
    Object.defineProperty(lazy, name, { enumerable: true, get: () => model()[name] });
  }
  Object.defineProperty(lazy, MODEL_BRAND, { value: true });
  return Object.freeze(lazy) as unknown as Model;
}

/** `.extend` and `.pick` pass the error function on, so the fields are those of the schema that raised the issue. */
const keysOf = (schema: unknown) => (schema instanceof z.ZodObject ? Object.keys(schema.shape) : undefined);

function makeInputObject(id: string, shape: ModelShape) {
  const own = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') {
        return `got ${formatValue(issue.input)}; expected an object such as { "prompt": "…", "images": ["https://…"] }`;
      }
      const known = keysOf(issue.inst) ?? own;
      const owner = known.join() === own.join() ? id : 'this object';
      return (issue.keys ?? []).map((key) => unknownFieldMessage(owner, key, known)).join('; ');
    },
  });
}
