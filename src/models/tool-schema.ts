/** The JSON Schema of a model's input for tools of language models, which every client accepts. */
import type { JsonSchema, JsonSchemaField } from './json-schema.js';
import type { Rule } from './rule.js';

/** JSON Schema of a tool's arguments. Deeply frozen. */
export interface ToolJsonSchema {
  type: 'object';
  properties: Record<string, JsonSchemaField>;
  required: string[];
  additionalProperties: false;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Leaves out what some client rejects, or silently drops the tool for: conditions, combinators, enums of numbers,
 * patterns, formats and defaults. What is left out is in the descriptions; the complete schema checks the arguments.
 */
export function toToolJsonSchema(
  { properties, required }: JsonSchema,
  rules: readonly Rule[],
): ToolJsonSchema {
  const notesOf = (name: string) =>
    rules.filter(({ fields }) => fields[0] === name).map(({ text }) => `${capitalize(text)}.`);
  return {
    type: 'object',
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, simplify(property, notesOf(name))]),
    ),
    required: [...required],
    additionalProperties: false,
  };
}

/** A field with alternatives is described by the first that is not `null`. */
function pickAlternative(schema: Json): Json {
  const alternatives = [schema['anyOf'], schema['oneOf'], schema['allOf']].find((one) => Array.isArray(one));
  const first = (alternatives as Json[] | undefined)?.find((one) => one['type'] !== 'null');
  return first === undefined ? schema : { ...pickAlternative(first), ...schema };
}

const capitalize = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function simplify(property: Json, ruleNotes: readonly string[] = []): JsonSchemaField {
  const schema = pickAlternative(property);
  const given = schema['type'];
  const type = Array.isArray(given) ? given.find((one) => one !== 'null') : given;
  const values = Array.isArray(schema['enum'])
    ? schema['enum']
    : 'const' in schema
      ? [schema['const']]
      : undefined;
  const notes = [schema['description'], ...describeLimits(schema, values), ...ruleNotes].filter(
    (note) => typeof note === 'string' && note !== '',
  );
  return {
    type: typeof type === 'string' ? type : (typeOfValues(values) ?? 'string'),
    ...(notes.length > 0 && { description: notes.join(' ') }),
    ...limitsOf(schema, values),
    ...(schema['items'] !== undefined && { items: simplify(schema['items'] as Json) }),
    ...(typeof schema['properties'] === 'object' && {
      properties: Object.fromEntries(
        Object.entries(schema['properties'] as Record<string, Json>).map(([name, one]) => [
          name,
          simplify(one),
        ]),
      ),
      ...(Array.isArray(schema['required']) && { required: schema['required'] as string[] }),
    }),
  };
}

function typeOfValues(values: unknown[] | undefined): string | undefined {
  const [value] = values ?? [];
  if (typeof value === 'number') return values?.every(Number.isInteger) ? 'integer' : 'number';
  return value === undefined ? undefined : typeof value;
}

function limitsOf(schema: Json, values: unknown[] | undefined): Record<string, unknown> {
  if (values?.every((value) => typeof value === 'string')) return { enum: values };
  const numbers = values?.filter((value) => typeof value === 'number') ?? [];
  if (numbers.length > 0) return { minimum: Math.min(...numbers), maximum: Math.max(...numbers) };
  const names = ['minimum', 'maximum', 'minItems', 'maxItems', 'minLength', 'maxLength'];
  return Object.fromEntries(names.flatMap((name) => (isLimit(schema[name]) ? [[name, schema[name]]] : [])));
}

/** zod writes the range of safe integers for `z.int()`. */
const isLimit = (value: unknown): value is number =>
  typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER;

function describeLimits(schema: Json, values: unknown[] | undefined): string[] {
  const notes: string[] = [];
  const numbers = values?.filter((value) => typeof value === 'number') ?? [];
  if (numbers.length > 0) {
    const hasGaps = Math.max(...numbers) - Math.min(...numbers) !== numbers.length - 1;
    notes.push(
      hasGaps
        ? `Only ${numbers.join(', ')}.`
        : `From ${Math.min(...numbers)} to ${Math.max(...numbers)}, whole.`,
    );
  } else if (values !== undefined && values.every((value) => typeof value === 'string')) {
    notes.push(`One of ${values.join(', ')}.`);
  }
  const limits: [string, (limit: number) => string][] = [
    ['minimum', (limit) => `At least ${limit}.`],
    ['maximum', (limit) => `At most ${limit}.`],
    ['exclusiveMinimum', (limit) => `More than ${limit}.`],
    ['exclusiveMaximum', (limit) => `Less than ${limit}.`],
    ['multipleOf', (limit) => `A multiple of ${limit}.`],
    ['minItems', (limit) => `At least ${limit} items.`],
    ['maxItems', (limit) => `At most ${limit} items.`],
    ['minLength', (limit) => `At least ${limit} characters.`],
    ['maxLength', (limit) => `At most ${limit} characters.`],
  ];
  for (const [name, describe] of limits) {
    const limit = schema[name];
    if (isLimit(limit)) notes.push(describe(limit));
  }
  if (schema['default'] !== undefined && typeof schema['default'] !== 'object') {
    notes.push(`Default: ${JSON.stringify(schema['default'])}.`);
  }
  return notes;
}
