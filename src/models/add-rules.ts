/** Adds rules to a zod schema: as a check, and as conditions of its JSON Schema. */
import type * as z from 'zod';
import type { ModelFields } from './model-fields.js';
import { brokenRules, type Rule } from './rule.js';

export function addRules<Schema extends z.ZodType>(
  schema: Schema,
  rules: readonly Rule[],
  fields: ModelFields,
): Schema {
  if (rules.length === 0) return schema;
  const conditions = rules.flatMap((rule) => rule.toJsonSchema(fields));
  const [only] = conditions;
  return schema
    .superRefine(
      (input, context) => {
        const values = input as Readonly<Record<string, unknown>>;
        for (const { name, message } of brokenRules(rules, values, fields)) {
          context.addIssue({ code: 'custom', path: [name], input: values[name], message });
        }
      },
      // Also if another field is invalid, so that all issues are reported together.
      { when: ({ value }) => typeof value === 'object' && value !== null },
    )
    .meta(only !== undefined && conditions.length === 1 ? only : { allOf: conditions });
}
