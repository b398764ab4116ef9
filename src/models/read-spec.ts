/** Reads values by the specs of fields, as their zod schemas do. */
import { copyDefault, type FieldSpec, type FieldSpecs } from './field-spec.js';
import type { ModelField, ModelFields } from './model-fields.js';
import { brokenRules, type Rule } from './rule.js';

/** What is wrong with a value: as much of zod's issue as is used. */
export interface ValueIssue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Of `unrecognized_keys`. */
  readonly keys?: readonly string[];
}

/** A value with its defaults filled in; it is not to be used if there are issues. */
export interface Reading<Value = unknown> {
  readonly value: Value;
  readonly issues: readonly ValueIssue[];
}

/** zod's code of a list that is too long. */
export const TOO_LONG = 'too_big';

function findIssues(spec: FieldSpec, value: unknown): ValueIssue[] {
  const mismatch = () => [{ path: [], message: spec.mismatch(value) }];
  switch (spec.kind) {
    case 'flag':
      return typeof value === 'boolean' ? [] : mismatch();
    case 'choice':
      return (spec.values as readonly unknown[]).includes(value) ? [] : mismatch();
    case 'text':
      if (typeof value !== 'string') return mismatch();
      return spec.pattern.test(value) ? [] : [{ path: [], message: spec.wrongText(value) }];
    case 'list': {
      if (!Array.isArray(value)) return mismatch();
      if (spec.max !== undefined && value.length > spec.max) {
        return [{ code: TOO_LONG, path: [], message: spec.tooMany(value) }];
      }
      return Array.from(value, (item, index) => within(index, findIssues(spec.item, item))).flat();
    }
  }
}

const within = (name: PropertyKey, issues: readonly ValueIssue[]): ValueIssue[] =>
  issues.map((issue) => ({ ...issue, path: [name, ...issue.path] }));

export function readField(spec: FieldSpec, given: unknown): Reading {
  if (given === undefined && !spec.isRequired) return { value: copyDefault(spec), issues: [] };
  return { value: given, issues: findIssues(spec, given) };
}

export function readInput(
  { specs, rules, fields }: { specs: FieldSpecs; rules: readonly Rule[]; fields: ModelFields },
  given: Readonly<Record<string, unknown>>,
): Reading<Record<string, unknown>> {
  const value: Record<string, unknown> = {};
  const issues: ValueIssue[] = [];
  for (const [name, spec] of Object.entries(specs)) {
    const field = readField(spec, given[name]);
    issues.push(...within(name, field.issues));
    if (field.value !== undefined) value[name] = field.value;
  }
  const keys = Object.keys(given).filter((name) => !Object.hasOwn(specs, name));
  if (keys.length > 0) issues.push({ code: 'unrecognized_keys', path: [], message: '', keys });
  // Also if a field is invalid, so that all issues are reported together; but zod stops at a list that is too long.
  if (!issues.some(({ code }) => code === TOO_LONG)) {
    const broken = brokenRules(rules, value, fields);
    issues.push(...broken.map(({ name, message }) => ({ path: [name], message })));
  }
  return { value, issues };
}

function typeOf(spec: FieldSpec): string {
  if (spec.kind === 'flag') return 'boolean';
  if (spec.kind === 'list') return 'array';
  return spec.about?.type ?? 'string';
}

export function toModelField(spec: FieldSpec): ModelField {
  return Object.freeze({
    type: typeOf(spec),
    media: spec.media,
    maxItems: spec.kind === 'list' ? spec.max : undefined,
    values: spec.kind === 'choice' ? spec.values : undefined,
    default: spec.defaultValue,
    isRequired: spec.isRequired,
    description: spec.about?.description ?? '',
  });
}
