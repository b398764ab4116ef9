/** Reads an input: each field once, also getters, inherited and non-enumerable ones, into a plain object. */

import { isBlob, isUrl } from './media.js';

/** `Object.prototype` of this or another realm. */
const isRoot = (value: object) =>
  Object.getPrototypeOf(value) === null && Object.hasOwn(value, 'isPrototypeOf');

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || isRoot(prototype as object);
}

/** Names that the object or its prototypes have, except for methods and `constructor`. */
function namesOf(value: object): Set<string> {
  const names = new Set<string>();
  for (let at: object | null = value; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (at !== value && isRoot(at)) break;
    for (const name of Object.getOwnPropertyNames(at)) {
      const isMethod = at !== value && typeof Object.getOwnPropertyDescriptor(at, name)?.value === 'function';
      if (!isMethod && (at === value || name !== '__proto__')) names.add(name);
    }
  }
  return names;
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
  for (const name of namesOf(input)) {
    const value: unknown = Reflect.get(input, name);
    if (value !== undefined) fields[name] = copy(value);
  }
  return fields;
}
