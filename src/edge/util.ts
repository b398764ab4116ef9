/** Replaces `node:util` on edge runtimes. */

/** Compares JSON values. */
export function isDeepStrictEqual(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
    return Object.is(one, other);
  }
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every(
      (name) =>
        Object.hasOwn(other, name) && isDeepStrictEqual(Reflect.get(one, name), Reflect.get(other, name)),
    )
  );
}

/** Returns all text that a value holds, so that a search for a secret finds it. Not for reading. */
export function inspect(value: unknown, { depth }: { depth: number }): string {
  const texts: string[] = [];
  const seen = new Set<unknown>();
  const visit = (inner: unknown, left: number) => {
    if (typeof inner !== 'object' || inner === null) {
      texts.push(String(inner));
      return;
    }
    if (seen.has(inner) || left < 0) return;
    seen.add(inner);
    // Also those that are not enumerable: an error's message, stack and cause.
    for (const name of Reflect.ownKeys(inner)) {
      texts.push(String(name));
      visit(Reflect.get(inner, name), left - 1);
    }
    // Headers, maps and search parameters.
    const { entries } = inner as { entries?: unknown };
    if (typeof entries === 'function') for (const entry of entries.call(inner)) visit(entry, left - 1);
    const { headers, url } = inner as { headers?: unknown; url?: unknown };
    visit(headers, left - 1);
    visit(url, left - 1);
  };
  visit(value, depth);
  return texts.join('\n');
}
