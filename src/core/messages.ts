/**
 * The words of a refusal: what was given, what is allowed, and what may have been meant.
 */
import { KLING_O3_STD, type ModelDefinition } from '../models/definition.js';

/** How much of a text is shown, in characters. */
const SHOWN = 60;

/** Shows a value as it was given, short, without a URL's query and credentials: they are secrets. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') {
    // An image can be a data URL of many megabytes, and only the beginning is shown.
    const plain = value
      .slice(0, 10_000)
      .replace(/\?.*$/s, '?…')
      .replace(/\/\/[^\s/]*@/, '//…@');
    const short =
      plain.length > SHOWN ? `${plain.slice(0, SHOWN - 3).replace(/[\uD800-\uDBFF]$/, '')}…` : plain;
    return `${JSON.stringify(short)} (a string)`;
  }
  if (typeof value === 'bigint') return `${value}n (a bigint)`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'number' || typeof value === 'boolean' || value === null
    ? String(value)
    : `a ${typeof value}`;
}

/** Words a refusal: what was given, and what is allowed. The field is named where the path is known. */
export const expected = (what: string) => (issue: { input?: unknown }) =>
  `got ${show(issue.input)}; expected ${what}`;

/** Names the durations a model makes: a range where they have no gap, else each. */
export function durationsInWords(durations: readonly number[]): string {
  const first = durations[0];
  const last = durations.at(-1);
  return first !== undefined && last !== undefined && last - first === durations.length - 1 && last > first
    ? `a whole number of seconds from ${first} to ${last}`
    : `${durations.join(' or ')} (seconds)`;
}

/** Counts the letters to change, add, drop or swap to come from one word to another. */
function distance(from: string, to: string): number {
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

/** Words that people use for a field, beside its misspellings. */
const ALIASES: Record<string, string> = {
  text: 'prompt',
  ratio: 'aspect_ratio',
  aspect: 'aspect_ratio',
  size: 'aspect_ratio',
  seconds: 'duration',
  length: 'duration',
  audio: 'sound',
  generateaudio: 'sound',
  keepsound: 'keep_original_sound',
  referenceimages: 'images',
  imageurls: 'images',
  imagelist: 'images',
  referencevideo: 'video',
  videourl: 'video',
};

/** A word longer than this is no misspelling of ours, and comparing it letter by letter would take its time. */
const LONGEST_WORD = 100;

/** Finds the field that was meant, or undefined: close in spelling, whatever the case and separators. */
export function didYouMean(given: string, known: readonly string[]): string | undefined {
  if (given.length > LONGEST_WORD) return undefined;
  const bare = (word: string) => word.toLowerCase().replace(/[^a-z0-9]/g, '');
  const word = bare(given);
  const ranked = known
    .map((name) => ({ name, far: distance(word, bare(name)) }))
    .sort((one, other) => one.far - other.far);
  const closest = ranked[0];
  if (closest !== undefined && closest.far <= Math.max(1, Math.floor(closest.name.length / 3))) {
    return closest.name;
  }
  const alias = Object.hasOwn(ALIASES, word) ? ALIASES[word] : undefined;
  return alias !== undefined && known.includes(alias) ? alias : undefined;
}

/** Words the refusal of an option that is not known: the one that was meant, or all there are. */
export function unknownOption(name: string, known: readonly string[]): string {
  const meant = didYouMean(name, known);
  const hint = meant === undefined ? `the options are ${known.join(', ')}.` : `did you mean \`${meant}\`?`;
  return `\`${name}\`: not an option; ${hint}`;
}

/** Lists the fields that a model declares. */
const fieldsOf = (definition: ModelDefinition): string[] => [
  'prompt',
  'video',
  'images',
  'keep_original_sound',
  'aspect_ratio',
  'duration',
  ...(definition.sound ? ['sound'] : []),
];

/**
 * Words the refusal of a field that is not declared: the service would ignore it, and charge.
 *
 * @param known the fields declared: the model's, or those of an object that was extended or picked from.
 */
export function unknownField(
  definition: ModelDefinition,
  key: string,
  known: readonly string[] = fieldsOf(definition),
): string {
  if (key === 'sound' && !definition.sound) {
    return `sound: not a parameter of ${definition.id}, which makes no sound; leave it out, or use ${KLING_O3_STD}`;
  }
  const meant = didYouMean(key, known);
  const hint =
    meant === undefined ? `the fields are ${known.join(', ')}` : `did you mean ${JSON.stringify(meant)}?`;
  const shown = key.length > SHOWN ? `${key.slice(0, SHOWN - 3)}…` : key;
  const where = known.join() === fieldsOf(definition).join() ? definition.id : 'this object';
  return `${shown}: not a field of ${where}; ${hint}`;
}
