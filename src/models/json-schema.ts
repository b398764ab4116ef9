/**
 * The JSON Schema of a model's input, for validators that know nothing of zod.
 */
import * as z from 'zod';

/** A field in the JSON Schema of an input. */
export interface JsonSchemaField {
  description?: string;
  type?: string;
  default?: unknown;
  examples?: unknown[];
  [keyword: string]: unknown;
}

/** The JSON Schema (draft 2020-12) of an input: an object, no field beside its own. Frozen, however deep. */
export interface JsonSchema {
  $schema: 'https://json-schema.org/draft/2020-12/schema';
  type: 'object';
  properties: Record<string, JsonSchemaField>;
  required: string[];
  additionalProperties: false;
  [keyword: string]: unknown;
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  Object.values(value).forEach(freeze);
}

/** Makes the JSON Schema of what a zod schema takes. */
export function toInputJsonSchema(schema: z.ZodType): JsonSchema {
  const made = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
  // A copy without the hidden `~standard` that zod puts in: plain JSON is what is promised.
  const copy = { ...made };
  // What every caller shares, none may change for the others.
  freeze(copy);
  return copy as unknown as JsonSchema;
}
