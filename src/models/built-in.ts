/** A built-in model: its fields as specs, from which zod schemas are made only where they are used. */
import type * as z from 'zod';
import { once } from '../utils/once.js';
import type { DefinedModel, ModelShape } from './defined-model.js';
import type { field } from './field.js';
import { builders, type FieldSpec, type FieldSpecs } from './field-spec.js';
import type { ModelFields } from './model-fields.js';
import { toModelField } from './read-spec.js';
import type { Rule } from './rule.js';

/** What a model's file makes its fields with. */
export type Fields = typeof field;

interface Definition<Id extends string, Shape extends ModelShape, Cost extends number | undefined> {
  readonly id: Id;
  readonly name: string;
  readonly shortName: string;
  /** The fields: those of `field` alone, with `.optional()` and `.default()`. */
  readonly input: (field: Fields) => Shape;
  readonly rules?: () => readonly Rule[];
  readonly price?: (input: z.output<z.ZodObject<Shape>>) => Cost;
  readonly confirmed?: boolean;
}

/** What the library knows of a built-in model. */
export interface BuiltIn<
  Id extends string = string,
  Shape extends ModelShape = ModelShape,
  Cost extends number | undefined = number | undefined,
> extends Omit<Definition<Id, Shape, Cost>, 'rules' | 'price'> {
  readonly confirmed: boolean;
  readonly specs: FieldSpecs;
  readonly fields: ModelFields;
  readonly rules: readonly Rule[];
  price(input: z.output<z.ZodObject<Shape>>): Cost;
}

/** Type of a built-in model with its schemas, which `defineModel` would return. */
export type ModelOfBuiltIn<Model> =
  Model extends BuiltIn<infer Id, infer Shape, infer Cost> ? DefinedModel<Id, Shape, Cost> : never;

/** Adds what a model's file calls on a schema of `field`. */
function changeable(spec: FieldSpec): FieldSpec {
  return Object.assign(
    { ...spec },
    {
      optional: () => changeable({ ...spec, isRequired: false }),
      default: (defaultValue: unknown) => changeable({ ...spec, isRequired: false, defaultValue }),
    },
  );
}

/** What `field` is to a model's file, with specs in place of zod schemas. */
const specFields = /* @__PURE__ */ once(() =>
  Object.fromEntries(
    Object.entries(builders).map(([name, build]) => [
      name,
      (...given: unknown[]) => changeable((build as (...args: unknown[]) => FieldSpec)(...given)),
    ]),
  ),
);

/** Everything is made when it is first used: a program uses one model or two. */
export function builtIn<
  const Id extends string,
  Shape extends ModelShape,
  Cost extends number | undefined = undefined,
>(definition: Definition<Id, Shape, Cost>): BuiltIn<Id, Shape, Cost> {
  const specs = once(() => definition.input(specFields() as unknown as Fields) as unknown as FieldSpecs);
  const fields = once(() =>
    Object.freeze(
      Object.fromEntries(Object.entries(specs()).map(([name, one]) => [name, toModelField(one)])),
    ),
  );
  const rules = once(() => Object.freeze([...(definition.rules?.() ?? [])]));
  const { price = () => undefined as Cost, confirmed = true, ...about } = definition;
  const model = {
    ...about,
    price,
    confirmed,
    get specs() {
      return specs();
    },
    get fields() {
      return fields();
    },
    get rules() {
      return rules();
    },
  };
  return Object.freeze(model);
}
