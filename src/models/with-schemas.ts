/** A built-in model with its schemas. */
import type { BuiltIn } from './built-in.js';
import { makeModel } from './define-model.js';
import type { DefinedModel, ModelShape } from './defined-model.js';
import { toSchema } from './field.js';

/** Returns what `defineModel` would return; its fields are known without its schemas. */
export function withSchemas<Id extends string, Shape extends ModelShape, Cost extends number | undefined>(
  builtIn: BuiltIn<Id, Shape, Cost>,
): DefinedModel<Id, Shape, Cost> {
  const toShape = () =>
    Object.fromEntries(Object.entries(builtIn.specs).map(([name, spec]) => [name, toSchema(spec)]));
  return makeModel(builtIn, toShape, () => builtIn.fields) as unknown as DefinedModel<Id, Shape, Cost>;
}
