/** Reads an input: each field once, also getters, inherited and non-enumerable ones, into a plain object. */
import { isRootPrototype, propertyNames } from '../utils/property-names.js';
import { isBlob, isUrl } from './media.js';

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || isRootPrototype(prototype as object);
}

/** Copies lists and plain objects, so that later changes, and getters with another value, have no effect. */
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return Array.from(value as unknown[], copy);
  if (isUrl(value) || isBlob(value)) return value;
  return typeof value === 'object' && value !== null && isPlain(value) ? readFields(value) : value;
}

/** A field that is undefined counts as absent, as in JSON. */
export function readFields(input: object): Record<string, unknown> {
  const fields: Record<string, unknown> = Object.create(null) as object & Record<string, unknown>;
  for (const name of propertyNames(input)) {
    const value: unknown = Reflect.get(input, name);
    if (value !== undefined) fields[name] = copy(value);
  }
  return fields;
}
