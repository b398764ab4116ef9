/** The JSON Schema of a model's input, for validators other than zod. */
import * as z from 'zod';

/** JSON Schema of one field. */
export interface JsonSchemaField {
  description?: string;
  type?: string;
  default?: unknown;
  examples?: unknown[];
  [keyword: string]: unknown;
}

/** JSON Schema (draft 2020-12) of an input: an object without additional properties. Deeply frozen. */
export interface JsonSchema {
  $schema: 'https://json-schema.org/draft/2020-12/schema';
  type: 'object';
  properties: Record<string, JsonSchemaField>;
  required: string[];
  additionalProperties: false;
  [keyword: string]: unknown;
}

export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  Object.freeze(value);
  Object.values(value).forEach(deepFreeze);
  return value;
}

export function toInputJsonSchema(schema: z.ZodType): JsonSchema {
  // The copy omits zod's non-enumerable `~standard`.
  const converted = { ...z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' }) };
  return converted as unknown as JsonSchema;
}
