/** Writes a `defineModel` file from the service's schema of a model. */

type Json = Readonly<Record<string, unknown>>;

const asRecord = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};

const literal = (value: unknown) => JSON.stringify(value);

/** In a comment, on one line. */
const comment = (text: unknown) =>
  typeof text === 'string' ? text.replace(/\s+/g, ' ').replaceAll('*/', '* /').trim() : '';

const propertyName = (name: string) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name));

/** The builder of a field that takes media, by its name. */
function mediaOf(name: string): 'image' | 'video' | 'audio' | undefined {
  if (/(?:^|_)(?:images?|pictures?)(?:_|$)/i.test(name)) return 'image';
  if (/(?:^|_)videos?(?:_|$)/i.test(name)) return 'video';
  return /(?:^|_)(?:audios?|voices?)(?:_|$)/i.test(name) ? 'audio' : undefined;
}

const numbersOf = (values: unknown): number[] =>
  Array.isArray(values) ? values.filter((value) => Number.isInteger(value)) : [];

/** The lengths of a video: listed, or from one to another. */
function secondsOf(schema: Json): number[] | undefined {
  const listed = numbersOf(schema['enum']);
  const { minimum, maximum } = schema as { minimum?: unknown; maximum?: unknown };
  const range =
    Number.isInteger(minimum) && Number.isInteger(maximum)
      ? Array.from(
          { length: Math.max(0, (maximum as number) - (minimum as number) + 1) },
          (_, at) => (minimum as number) + at,
        )
      : [];
  const seconds = listed.length > 0 ? listed : range;
  return seconds.length > 0 && seconds.every((one) => one >= 1 && one <= 3600)
    ? [...new Set(seconds)].sort((one, other) => one - other)
    : undefined;
}

function durationSource(seconds: readonly number[], given: unknown): string {
  const [first = 0, last = 0] = [seconds[0], seconds.at(-1)];
  const isRange = last > first && last - first === seconds.length - 1;
  const source = isRange ? `field.seconds(${first}, ${last})` : `field.seconds(${literal(seconds)})`;
  const own = seconds.includes(5) ? 5 : first;
  const isOther = given !== undefined && given !== own && seconds.includes(given as number);
  return isOther ? `${source}.removeDefault().default(${literal(given)})` : source;
}

function listSource(name: string, schema: Json): string {
  const items = asRecord(schema['items']);
  const media = items['type'] === 'string' || items['type'] === undefined ? mediaOf(name) : undefined;
  const max = Number.isSafeInteger(schema['maxItems']) ? `max: ${literal(schema['maxItems'])}` : '';
  if (media !== undefined) {
    const options = [
      max,
      Array.isArray(schema['default']) && schema['default'].length === 0 ? 'default: []' : '',
    ];
    const given = options.filter((one) => one !== '').join(', ');
    return `field.${media}s(${given === '' ? '' : `{ ${given} }`})`;
  }
  return `z.array(${bareSource(items)})${max === '' ? '' : `.max(${literal(schema['maxItems'])})`}`;
}

/** A schema without its default. */
function bareSource(schema: Json): string {
  const values = Array.isArray(schema['enum']) ? schema['enum'] : [];
  if (values.length > 0 && values.every((one) => typeof one === 'string'))
    return `z.enum(${literal(values)})`;
  if (values.length > 0) return `z.literal(${literal(values.filter((one) => typeof one !== 'object'))})`;
  const limits = ['minimum', 'maximum'].flatMap((name) =>
    typeof schema[name] === 'number' ? [`.${name.slice(0, 3)}(${literal(schema[name])})`] : [],
  );
  switch (schema['type']) {
    case 'string':
      return 'z.string()';
    case 'boolean':
      return 'z.boolean()';
    case 'integer':
      return `z.int()${limits.join('')}`;
    case 'number':
      return `z.number()${limits.join('')}`;
    case 'array':
      return `z.array(${bareSource(asRecord(schema['items']))})`;
    case 'object':
      return 'z.record(z.string(), z.unknown())';
    default:
      return 'z.unknown()';
  }
}

function fieldSource(name: string, schema: Json, isRequired: boolean): string {
  if (name === 'prompt') return 'field.prompt()';
  const seconds = name === 'duration' ? secondsOf(schema) : undefined;
  if (seconds !== undefined) return durationSource(seconds, schema['default']);
  const media = mediaOf(name);
  if (schema['type'] === 'array' && media !== undefined) return listSource(name, schema);
  if (schema['type'] === 'string' && (media === 'image' || media === 'video')) return `field.${media}()`;
  const source = schema['type'] === 'array' ? listSource(name, schema) : bareSource(schema);
  const given = schema['default'];
  if (given !== undefined && given !== null && fits(schema, given))
    return `${source}.default(${literal(given)})`;
  return isRequired ? source : `${source}.optional()`;
}

/** A default of another type would not compile. */
function fits(schema: Json, given: unknown): boolean {
  if (Array.isArray(schema['enum'])) return schema['enum'].includes(given);
  const type = schema['type'] === 'integer' ? 'number' : schema['type'];
  return typeof given === type && typeof given !== 'object';
}

/**
 * Returns a TypeScript module whose default export is the model.
 *
 * @param schema JSON Schema of the request, as the service lists it.
 */
export function modelSource(id: string, schema: Json): string {
  const properties = { prompt: {}, ...asRecord(schema['properties']) };
  const ordered = Array.isArray(schema['x-order-properties'])
    ? (schema['x-order-properties'] as string[])
    : [];
  const names = [...new Set([...ordered, ...Object.keys(properties)])].filter((name) => name in properties);
  const required = Array.isArray(schema['required']) ? (schema['required'] as unknown[]) : [];
  const fields = names.map((name) => {
    const property = asRecord((properties as Json)[name]);
    const note = comment(property['description']);
    const source = fieldSource(name, property, required.includes(name));
    return `${note === '' ? '' : `    /** ${note} */\n`}    ${propertyName(name)}: ${source},\n`;
  });
  const body = fields.join('');
  return `// Written by \`wavespeed-kling models ${comment(id)}\` from the service's own schema. Rules between fields are not in it.
import { defineModel, field } from 'wavespeed-kling/schemas';
${/\bz\./.test(body) ? "import * as z from 'zod';\n" : ''}
export default defineModel({
  id: ${literal(id)},
  input: {
${body}  },
  // price: ({ duration }) => duration * 0.1, // US dollars; without it the service is asked
});
`;
}
