/** Adds a model's rules to a schema made from its fields. */
import type * as z from 'zod';
import { addRules } from './add-rules.js';
import { type Model, resolveModel } from './catalog.js';

/**
 * Adds a model's rules to your own schema, made from the model's `inputObject` by `.extend`, `.pick` or `.omit`: as a zod
 * check, and as conditions of its JSON Schema.
 *
 * @example
 * const body = withRules(KLING_O1, klingO1InputObject.extend({ projectId: z.uuid() }));
 */
export function withRules<Schema extends z.ZodType<object, unknown>>(model: Model, schema: Schema): Schema {
  const { rules, fields } = resolveModel(model);
  return addRules(schema, rules, fields);
}
