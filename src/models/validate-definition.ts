/** Validates the definition of a model. */
import type * as z from 'zod';
import { ConfigurationError } from '../core/errors/index.js';
import { didYouMean, formatValue, unknownOptionMessage } from '../utils/messages.js';
import type { Rule } from './rule.js';

/** Path segments that need no encoding and cannot leave the API's path. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)+$/;

const OPTIONS = ['id', 'input', 'rules', 'price', 'confirmed', 'name', 'shortName'];

interface GivenDefinition {
  id?: unknown;
  name?: unknown;
  shortName?: unknown;
  input?: unknown;
  rules?: unknown;
  price?: unknown;
  confirmed?: unknown;
}

export interface ValidDefinition {
  id: string;
  name: string;
  shortName: string | undefined;
  input: Readonly<Record<string, z.ZodType>>;
  rules: readonly Rule[];
  price: (input: never) => unknown;
  confirmed: boolean;
}

function invalid(field: string, given: unknown, expected: string): ConfigurationError {
  return new ConfigurationError(
    `defineModel: \`${field}\`: got ${formatValue(given)}; expected ${expected}.`,
  );
}

function checkShape(input: unknown): asserts input is Record<string, z.ZodType> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw invalid('input', input, 'the fields, such as { prompt: field.prompt(), images: field.images() }');
  }
  for (const [name, schema] of Object.entries(input)) {
    // Of any copy of zod 4, zod/mini included.
    if (typeof schema === 'object' && schema !== null && '_zod' in schema && 'safeParse' in schema) continue;
    throw invalid(`input.${name}`, schema, 'a zod schema, such as field.prompt() or z.boolean().optional()');
  }
  const { prompt } = input as Record<string, z.ZodType | undefined>;
  if (prompt === undefined) throw invalid('input.prompt', prompt, 'field.prompt()');
  if (prompt._zod.optin === 'optional') {
    throw invalid('input.prompt', prompt, 'a required field: field.prompt()');
  }
}

function checkRules(rules: unknown, fields: readonly string[]): asserts rules is readonly Rule[] {
  if (!Array.isArray(rules)) throw invalid('rules', rules, 'a list of rules made by `rule`');
  for (const [index, rule] of (rules as unknown[]).entries()) {
    if (typeof (rule as Partial<Rule> | null)?.check !== 'function') {
      throw invalid(
        `rules[${index}]`,
        rule,
        "a rule made by `rule`, such as rule.requires('sound', 'video')",
      );
    }
    const unknown = (rule as Rule).fields.find((name) => !fields.includes(name));
    if (unknown === undefined) continue;
    const meant = didYouMean(unknown, fields);
    const hint = meant === undefined ? `the fields are ${fields.join(', ')}` : `did you mean "${meant}"?`;
    throw new ConfigurationError(`defineModel: \`rules[${index}]\`: "${unknown}" is not a field; ${hint}`);
  }
}

/**
 * Returns a copy, so that later changes of the argument have no effect.
 *
 * @throws {ConfigurationError} that names the field, the value and what was expected.
 */
export function validateDefinition(definition: GivenDefinition): ValidDefinition {
  if (typeof definition !== 'object' || definition === null) {
    throw invalid('definition', definition, `an object such as { ${OPTIONS.slice(0, 4).join(', ')} }`);
  }
  const unknown = Object.keys(definition).find((key) => !OPTIONS.includes(key));
  if (unknown !== undefined) {
    throw new ConfigurationError(`defineModel: ${unknownOptionMessage(unknown, OPTIONS)}`);
  }
  const { id, input, rules = [], price = () => undefined, confirmed = true } = definition;
  const { name = id, shortName } = definition;
  if (typeof id !== 'string' || !ID.test(id)) {
    throw invalid(
      'id',
      id,
      'the path of an endpoint, such as "kwaivgi/kling-video-o3-pro/reference-to-video"',
    );
  }
  checkShape(input);
  checkRules(rules, Object.keys(input));
  if (typeof price !== 'function') {
    throw invalid(
      'price',
      price,
      'a function of the parsed input, such as ({ duration }) => duration * 0.112',
    );
  }
  if (typeof confirmed !== 'boolean') throw invalid('confirmed', confirmed, 'true or false');
  if (typeof name !== 'string') throw invalid('name', name, 'a string');
  if (shortName !== undefined && typeof shortName !== 'string') {
    throw invalid('shortName', shortName, 'a string');
  }
  return {
    id,
    name,
    shortName,
    input: Object.freeze({ ...input }),
    rules: Object.freeze([...rules]),
    price: price as ValidDefinition['price'],
    confirmed,
  };
}
