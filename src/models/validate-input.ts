/** Validates an input against a model's schema, and throws this library's error. */
import type * as z from 'zod';
import { type InputIssue, InvalidInputError } from '../core/errors/index.js';
import { formatName, formatValue } from '../utils/messages.js';
import { models } from './catalog.js';
import type { DefinedModel } from './define-model.js';
import { formatChoices, formatPath, unknownFieldMessage } from './field-messages.js';
import { nounOf } from './rule.js';

/** A field of another model is most often not a misspelling: the cheapest model that has it is named. */
function otherModelMessage(model: DefinedModel, key: string): string | undefined {
  const others = Object.values(models).filter(
    ({ id, inputObject }) => id !== model.id && Object.hasOwn(inputObject.shape, key),
  );
  const costs = others.map((other) => other.price(other.inputObject.parse({ prompt: '.' }) as never) ?? 1e6);
  const cheapest = others[costs.indexOf(Math.min(...costs))];
  return cheapest && `${key}: not supported by ${model.id}; remove it, or use ${cheapest.id}`;
}

export function describeUnknownField(model: DefinedModel, key: string): string {
  const known = Object.keys(model.inputObject.shape);
  const meant = unknownFieldMessage(model.id, key, known);
  // `image` for `images` is a misspelling, although another model might have the field.
  return meant.includes('did you mean') ? meant : (otherModelMessage(model, key) ?? meant);
}

/** For fields whose zod schema has no message of its own. */
const describe: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'invalid_value') {
    return `got ${formatValue(issue.input)}; expected one of ${formatChoices(issue.values as unknown[])}`;
  }
  return issue.code === 'invalid_type'
    ? `got ${formatValue(issue.input)}; expected ${issue.expected}`
    : undefined;
};

export function toInputIssues(model: DefinedModel, error: z.core.$ZodError): InputIssue[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
      return issue.keys.map((key) => ({ path: [key], message: describeUnknownField(model, key) }));
    }
    const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
    const name = formatName(formatPath(path));
    const notes = issue.code === 'too_big' && path.length === 1 ? alternatives(model, path[0]) : '';
    const message = `${issue.message}${notes}`;
    return [{ path, message: name === '' ? message : `${name}: ${message}` }];
  });
}

/** What else limits a list that is too long, so that it need not be shortened twice. */
function alternatives(model: DefinedModel, name: unknown): string {
  const rules = model.rules.filter(({ fields, text }) => fields[0] === name && text.startsWith('at most'));
  return rules
    .map(({ fields: [, other = ''], text }) => {
      const limit = text.slice('at most '.length);
      return `, or ${limit.replace(`\`${other}\``, nounOf(other, model.fields[other]))}`;
    })
    .join('');
}

export function validateInput(model: DefinedModel, input: unknown): Record<string, unknown> {
  const result = model.inputSchema.safeParse(input, { error: describe });
  if (result.success) return result.data;
  throw new InvalidInputError(model.id, toInputIssues(model, result.error));
}

export { describe as describeIssue };
