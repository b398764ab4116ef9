/** Names of the properties of an object, also of inherited and non-enumerable ones. */

/** Returns true for `Object.prototype` of this or another realm. */
export const isRootPrototype = (value: object): boolean =>
  Object.getPrototypeOf(value) === null && Object.hasOwn(value, 'isPrototypeOf');

/** Returns the names that the object or its prototypes have, except for inherited methods and what every object has. */
export function propertyNames(value: object): Set<string> {
  const names = new Set<string>();
  for (let at: object | null = value; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (at !== value && isRootPrototype(at)) break;
    for (const name of Object.getOwnPropertyNames(at)) {
      const isMethod = at !== value && typeof Object.getOwnPropertyDescriptor(at, name)?.value === 'function';
      if (!isMethod && (at === value || name !== '__proto__')) names.add(name);
    }
  }
  return names;
}
