/** The type of a defined model, and its brand. */
import type { InputObject, InputSchema } from './input-schema.js';
import type { JsonSchema } from './json-schema.js';
import type { ModelConfig } from './model-config.js';

/** A model made by `defineModel`; accepted wherever a model id is. Frozen. */
export interface DefinedModel<
  Id extends string = string,
  Duration extends number = number,
  Sound extends boolean = boolean,
> extends ModelConfig<Id, Duration, Sound> {
  /** Validates an input: every limit, no unknown fields, no coercion. Fills in the defaults. */
  readonly inputSchema: InputSchema<Duration, Sound>;
  /** The fields alone, without the image limit that depends on `video`: for `.extend`, `.pick` and `.omit`. */
  readonly inputObject: InputObject<Duration, Sound>;
  /** The same rules for other validators. Created on first use, frozen. */
  readonly inputJsonSchema: JsonSchema;
}

/** Loaded copies of this library share the symbol. */
export const MODEL_BRAND = /* @__PURE__ */ Symbol.for('wavespeed-kling.model');

/** Returns true if a value is a model made by `defineModel`, of this loaded copy of the library or another. */
export function isDefinedModel(value: unknown): value is DefinedModel {
  return typeof value === 'object' && value !== null && MODEL_BRAND in value;
}
