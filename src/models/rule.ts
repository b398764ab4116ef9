/** Rules between the fields of a model: each is one check for zod and fragments of JSON Schema that say the same. */
import { ConfigurationError } from '../core/errors/index.js';
import { formatValue } from '../utils/messages.js';
import { formatChoices } from './field-messages.js';
import type { ModelField, ModelFields } from './model-fields.js';

/** A condition in JSON Schema. */
export type JsonSchemaCondition = Record<string, unknown>;

/** A rule between fields, made by `rule`. */
export interface Rule {
  /** The fields that it names; the issue is reported at the first. */
  readonly fields: readonly string[];
  /** What it says, as the rest of a sentence that begins with the first field. */
  readonly text: string;
  /** Returns the message of an input that breaks it. */
  check(input: Readonly<Record<string, unknown>>, fields: ModelFields): string | undefined;
  /** The same for other validators: every one of these must hold. */
  toJsonSchema(fields: ModelFields): JsonSchemaCondition[];
}

/** The messages of the rules that an input breaks, each with the field at which it is reported. */
export function brokenRules(
  rules: readonly Rule[],
  input: Readonly<Record<string, unknown>>,
  fields: ModelFields,
): { name: string; message: string }[] {
  return rules.flatMap((rule) => {
    const message = rule.check(input, fields);
    return message === undefined ? [] : [{ name: rule.fields[0] ?? '', message }];
  });
}

/** An absent field, `false`, an empty list and a default say nothing. */
function says(value: unknown, info: ModelField | undefined): boolean {
  if (value === undefined || value === null || value === false) return false;
  return Array.isArray(value) ? value.length > 0 : value !== info?.default;
}

function saysJson(name: string, info: ModelField | undefined): JsonSchemaCondition {
  const given = info?.default;
  const nothing = [false, ...(typeof given === 'object' || given === undefined ? [] : [given])];
  const value =
    info?.type === 'array'
      ? { type: 'array', minItems: 1 }
      : info?.type === 'boolean' && given !== true
        ? { const: true }
        : info?.type === 'string' && given === undefined
          ? true
          : { not: { enum: info?.type === undefined ? [...nothing, []] : nothing } };
  return { type: 'object', properties: { [name]: value }, required: [name] };
}

/** The number of files in a field: of a list, or one. */
const countOf = (value: unknown) =>
  Array.isArray(value) ? value.length : value === undefined || value === null ? 0 : 1;

export const nounOf = (name: string, info: ModelField | undefined) =>
  info?.media !== undefined && info.type !== 'array' ? `a reference ${info.media}` : `\`${name}\``;

const listOf = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ');

function together(max: number, fields: readonly string[]): Rule {
  checkCount('together', max);
  return {
    fields,
    text: `together with ${listOf(fields.slice(1))} at most ${max} files`,
    check(input) {
      const count = fields.reduce((sum, name) => sum + countOf(input[name]), 0);
      return count > max
        ? `got ${count} files in ${listOf(fields)} together; expected at most ${max}`
        : undefined;
    },
    toJsonSchema(infos) {
      const tooMany = combinations(
        max + 1,
        fields.map((name) => (infos[name]?.type === 'array' ? (infos[name]?.maxItems ?? max + 1) : 1)),
      );
      const broken = tooMany.map((counts) => {
        const used = fields.filter((_, index) => (counts[index] ?? 0) > 0);
        const properties = used.map((name) => [
          name,
          infos[name]?.type === 'array' ? { type: 'array', minItems: counts[fields.indexOf(name)] } : true,
        ]);
        return { type: 'object', properties: Object.fromEntries(properties), required: used };
      });
      return broken.length === 0 ? [] : [{ not: { anyOf: broken } }];
    },
  };
}

/** The ways to make a sum of numbers that are each within their limit. */
function combinations(sum: number, limits: readonly number[]): number[][] {
  const [limit, ...others] = limits;
  if (limit === undefined) return sum === 0 ? [[]] : [];
  const firsts = Array.from({ length: Math.min(limit, sum) + 1 }, (_, first) => first);
  return firsts.flatMap((first) => combinations(sum - first, others).map((rest) => [first, ...rest]));
}

function requires(name: string, other: string, values?: readonly string[]): Rule {
  const what =
    values === undefined
      ? `\`${other}\``
      : `\`${other}\` ${values.length > 1 ? 'one of ' : ''}${formatChoices(values)}`;
  return {
    fields: [name, other],
    text: `needs ${what}`,
    check(input, infos) {
      if (!says(input[name], infos[name])) return undefined;
      const isMet = values?.includes(input[other] as string) ?? says(input[other], infos[other]);
      return isMet
        ? undefined
        : `got ${formatValue(input[name])} without ${what}: add that, or leave this field out`;
    },
    toJsonSchema(infos) {
      const isDefault = values?.includes(infos[other]?.default as string) === true;
      const met =
        values === undefined
          ? saysJson(other, infos[other])
          : {
              type: 'object',
              properties: { [other]: { enum: values } },
              ...(!isDefault && { required: [other] }),
            };
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
      return [{ if: saysJson(name, infos[name]), then: met }];
    },
  };
}

function excludes(name: string, other: string): Rule {
  return {
    fields: [name, other],
    text: `not with \`${other}\``,
    check(input, infos) {
      if (!says(input[name], infos[name]) || !says(input[other], infos[other])) return undefined;
      return `got ${formatValue(input[name])} with ${nounOf(other, infos[other])}; expected one of the two`;
    },
    toJsonSchema: (infos) => [
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
      { if: saysJson(other, infos[other]), then: { not: saysJson(name, infos[name]) } },
    ],
  };
}

function maxWith(list: string, max: number, other: string): Rule {
  checkCount('maxWith', max);
  return {
    fields: [list, other],
    text: `at most ${max} with \`${other}\``,
    check(input, infos) {
      const count = Array.isArray(input[list]) ? input[list].length : 0;
      if (count <= max || !says(input[other], infos[other])) return undefined;
      const most = infos[list]?.maxItems;
      const hint = most === undefined ? '' : ` (${most} without \`${other}\`)`;
      return `got ${count} ${list} with ${nounOf(other, infos[other])}; expected at most ${max}${hint}`;
    },
    toJsonSchema: (infos) => [
      {
        if: saysJson(other, infos[other]),
        // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
        then: { properties: { [list]: { type: 'array', maxItems: max } } },
      },
    ],
  };
}

/** @param lists The list that each word counts, such as `{ Image: 'images' }` for `@Image1`. */
function mentions(lists: Readonly<Record<string, string>>): Rule {
  const words = Object.entries(lists);
  return {
    fields: ['prompt', ...Object.values(lists)],
    text: `names files by their order, such as ${words.map(([word]) => `@${word}1`).join(', ')}; each must be given`,
    check(input) {
      const { prompt } = input;
      if (typeof prompt !== 'string') return undefined;
      for (const [word, list] of words) {
        const count = countOf(input[list]);
        for (const [mention, digits] of prompt.matchAll(new RegExp(`@${word}([0-9]+)`, 'g'))) {
          if (Number(digits) >= 1 && Number(digits) <= count) continue;
          return `names ${formatValue(mention).replace(' (a string)', '')}, but \`${list}\` has ${count === 0 ? 'no file' : count === 1 ? 'one file' : `${count} files`}`;
        }
      }
      return undefined;
    },
    toJsonSchema: (infos) =>
      words.flatMap(([word, list]) => mentionsJson(word, list, infos[list]?.maxItems ?? 0)),
  };
}

function mentionsJson(word: string, list: string, max: number): JsonSchemaCondition[] {
  const numbers = Array.from({ length: max }, (_, index) => index + 1);
  const prompt = (pattern: string) => ({ prompt: { type: 'string', pattern } });
  const beyond = `@${word}(?!0*(?:${numbers.join('|') || '\\b\\B'})(?![0-9]))[0-9]`;
  return [
    { properties: { prompt: { not: { type: 'string', pattern: beyond } } } },
    ...numbers.map((number) => ({
      if: {
        type: 'object',
        properties: prompt(`@${word}0*${number}(?![0-9])`),
        required: ['prompt'],
      },
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
      then: { properties: { [list]: { type: 'array', minItems: number } }, required: [list] },
    })),
  ];
}

function checkCount(name: string, max: unknown): void {
  if (Number.isSafeInteger(max) && (max as number) >= 0) return;
  throw new ConfigurationError(`rule.${name}: got ${formatValue(max)}; expected a whole number, 0 or more.`);
}

/**
 * Rules between fields. A field counts as given unless it is absent, `false`, an empty list or equal to its default.
 *
 * @example
 * const rules = [rule.maxWith('images', 4, 'video'), rule.excludes('sound', 'video')];
 */
export const rule = {
  /** At most `max` files in these fields together. */
  together,
  /** The field is given only with the other one; with `values`, only if the other has one of them. */
  requires,
  /** The two fields are not given together. */
  excludes,
  /** At most `max` items in a list if the other field is given. */
  maxWith,
  /** Every file that the prompt names by its position, such as `@Image3`, must be given. */
  mentions,
};
