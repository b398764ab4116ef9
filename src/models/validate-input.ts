/** Validates an input against a model, and throws this library's error. */
import { type InputIssue, InvalidInputError } from '../core/errors/index.js';
import { formatName } from '../utils/messages.js';
import { builtIns } from './family-by-id.js';
import { formatPath, unknownFieldMessage } from './field-messages.js';
import type { ModelReader } from './model-reader.js';
import { TOO_LONG, type ValueIssue } from './read-spec.js';
import { nounOf } from './rule.js';

/** A field of another model is most often not a misspelling: the cheapest model that has it is named. */
function otherModelMessage(id: string, key: string): string | undefined {
  const others = Object.values(builtIns).filter(
    (other) => other.id !== id && Object.hasOwn(other.fields, key),
  );
  const costs = others.map((other) => {
    const defaults = Object.entries(other.fields).map(([name, field]) => [name, field.default]);
    return other.price(Object.fromEntries(defaults) as never) ?? 1e6;
  });
  const cheapest = others[costs.indexOf(Math.min(...costs))];
  return cheapest && `${key}: not supported by ${id}; remove it, or use ${cheapest.id}`;
}

export function describeUnknownField({ model: { id }, names }: ModelReader, key: string): string {
  const meant = unknownFieldMessage(id, key, names);
  // `image` for `images` is a misspelling, although another model might have the field.
  return meant.includes('did you mean') ? meant : (otherModelMessage(id, key) ?? meant);
}

export function toInputIssues(reader: ModelReader, issues: readonly ValueIssue[]): InputIssue[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
      return (issue.keys ?? []).map((key) => ({ path: [key], message: describeUnknownField(reader, key) }));
    }
    const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
    const name = formatName(formatPath(path));
    const notes = issue.code === TOO_LONG && path.length === 1 ? alternatives(reader, path[0]) : '';
    const message = `${issue.message}${notes}`;
    return [{ path, message: name === '' ? message : `${name}: ${message}` }];
  });
}

/** What else limits a list that is too long, so that it need not be shortened twice. */
function alternatives({ model }: ModelReader, name: unknown): string {
  const rules = model.rules.filter(({ fields, text }) => fields[0] === name && text.startsWith('at most'));
  return rules
    .map(({ fields: [, other = ''], text }) => {
      const limit = text.slice('at most '.length);
      return `, or ${limit.replace(`\`${other}\``, nounOf(other, model.fields[other]))}`;
    })
    .join('');
}

export function validateInput(
  reader: ModelReader,
  input: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { value, issues } = reader.readInput(input);
  if (issues.length === 0) return value;
  throw new InvalidInputError(reader.model.id, toInputIssues(reader, issues));
}
