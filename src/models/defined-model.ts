/** A model made by `defineModel`: its type, and its mark. */
import type * as z from 'zod';
import type { JsonSchema } from './json-schema.js';
import type { ModelFields } from './model-fields.js';
import type { Rule } from './rule.js';
import type { ToolJsonSchema } from './tool-schema.js';

/** The fields of a model: zod schemas by name. */
export type ModelShape = Readonly<Record<string, z.ZodType>>;

/** The fields alone, without the rules between them: for `.extend`, `.pick` and `.omit`. */
export interface InputObject<Shape extends ModelShape> extends z.ZodObject<Shape, z.core.$strict> {}

/** The complete schema of an input. */
export interface InputSchema<Shape extends ModelShape> extends z.ZodType<
  z.output<z.ZodObject<Shape, z.core.$strict>>,
  z.input<z.ZodObject<Shape, z.core.$strict>>
> {}

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
export const MODEL_BRAND = /* @__PURE__ */ Symbol.for('wavespeed-kling.model');

/** Returns true if a value is a model made by `defineModel`, of this loaded copy of the library or another. */
export function isDefinedModel(value: unknown): value is DefinedModel {
  return typeof value === 'object' && value !== null && MODEL_BRAND in value;
}
