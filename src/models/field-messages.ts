/** Messages about the fields of an input. */
import { didYouMean, formatName, formatValue } from '../utils/messages.js';

/** Other words for a field: the first that the model has is suggested. */
const ALIASES: Record<string, readonly string[]> = {
  text: ['prompt'],
  ratio: ['aspect_ratio'],
  aspect: ['aspect_ratio'],
  size: ['aspect_ratio'],
  quality: ['resolution'],
  seconds: ['duration'],
  length: ['duration'],
  audio: ['sound', 'audios'],
  generateaudio: ['sound'],
  audiourls: ['audios'],
  hdr: ['dynamic_range'],
  keepsound: ['keep_original_sound'],
  referenceimages: ['images'],
  imageurls: ['images'],
  imagelist: ['images'],
  referencevideo: ['video', 'videos'],
  videourl: ['video', 'videos'],
  referencevideos: ['videos', 'video'],
  videourls: ['videos', 'video'],
};

export const expectedMessage = (expected: string) => (issue: { input?: unknown }) =>
  `got ${formatValue(issue.input)}; expected ${expected}`;

export const noObjectMessage = (input: unknown) =>
  `got ${formatValue(input)}; expected an object such as { "prompt": "…", "images": ["https://…"] }`;

export function formatDurations(durations: readonly number[]): string {
  const first = durations[0];
  const last = durations.at(-1);
  return first !== undefined && last !== undefined && last - first === durations.length - 1 && last > first
    ? `a whole number of seconds from ${first} to ${last}`
    : `${durations.join(' or ')} (seconds)`;
}

export const formatChoices = (values: readonly unknown[]) =>
  values.map((value) => JSON.stringify(value)).join(', ');

export const formatPath = (path: readonly PropertyKey[]) =>
  path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('');

export function suggestField(given: string, known: readonly string[]): string | undefined {
  const aliases = Object.entries(ALIASES).flatMap(([word, names]) => {
    const name = names.find((one) => known.includes(one));
    return name === undefined ? [] : [[word, name] as const];
  });
  return didYouMean(given, known, Object.fromEntries(aliases));
}

/**
 * The service would ignore an unknown field, and charge for the task.
 *
 * @param owner The model's id, or "this object" for a schema made from it.
 */
export function unknownFieldMessage(owner: string, key: string, known: readonly string[]): string {
  const meant = suggestField(key, known);
  const hint =
    meant === undefined ? `the fields are ${known.join(', ')}` : `did you mean ${JSON.stringify(meant)}?`;
  return `${formatName(key)}: not a field of ${owner}; ${hint}`;
}
