/** Formats values and suggestions for error messages. */

const MAX_SHOWN_CHARACTERS = 60;

/** Truncates the value, and removes a URL's query and credentials, which are secrets. */
export function formatValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') {
    // A data URL can have many megabytes, but only the beginning is shown.
    const plain = value
      .slice(0, 10_000)
      .replace(/\?.*$/s, '?…')
      .replace(/\/\/[^\s/]*@/, '//…@');
    return `${JSON.stringify(formatName(plain))} (a string)`;
  }
  if (typeof value === 'bigint') return `${value}n (a bigint)`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'number' || typeof value === 'boolean' || value === null
    ? String(value)
    : `a ${typeof value}`;
}

export function formatName(text: string): string {
  return text.length > MAX_SHOWN_CHARACTERS
    ? `${text.slice(0, MAX_SHOWN_CHARACTERS - 3).replace(/[\uD800-\uDBFF]$/, '')}…`
    : text;
}

function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 1; line <= from.length; line++) {
    const next = [line];
    for (let column = 1; column <= to.length; column++) {
      const same = from[line - 1] === to[column - 1];
      let best = Math.min(
        (row[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (row[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (from[line - 1] === to[column - 2] && from[line - 2] === to[column - 1]) {
        best = Math.min(best, (before[column - 2] ?? best) + 1);
      }
      next.push(best);
    }
    before = row;
    row = next;
  }
  return row[to.length] ?? 0;
}

/** Longer than any known name; limits the time of the comparison. */
const MAX_COMPARED_CHARACTERS = 100;

/**
 * Returns the known name closest in spelling, ignoring case and separators.
 *
 * @param aliases Other words for a known name, in lower case without separators.
 */
export function didYouMean(
  given: string,
  known: readonly string[],
  aliases: Record<string, string> = {},
): string | undefined {
  if (given.length > MAX_COMPARED_CHARACTERS) return undefined;
  const bare = (word: string) => word.toLowerCase().replace(/[^a-z0-9]/g, '');
  const word = bare(given);
  const ranked = known
    .map((name) => ({ name, distance: editDistance(word, bare(name)) }))
    .sort((one, other) => one.distance - other.distance);
  const closest = ranked[0];
  if (closest !== undefined && closest.distance <= Math.max(1, Math.floor(closest.name.length / 3))) {
    return closest.name;
  }
  const alias = Object.hasOwn(aliases, word) ? aliases[word] : undefined;
  return alias !== undefined && known.includes(alias) ? alias : undefined;
}

export function unknownOptionMessage(name: string, known: readonly string[]): string {
  const meant = didYouMean(name, known);
  const hint = meant === undefined ? `the options are ${known.join(', ')}.` : `did you mean \`${meant}\`?`;
  return `\`${name}\`: not an option; ${hint}`;
}
