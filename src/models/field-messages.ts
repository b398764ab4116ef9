/** Messages about the fields of an input. */
import { didYouMean, formatName, formatValue } from '../utils/messages.js';
import { KLING_O3_STD, type ModelConfig } from './model-config.js';

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

export const expectedMessage = (expected: string) => (issue: { input?: unknown }) =>
  `got ${formatValue(issue.input)}; expected ${expected}`;

export function formatDurations(durations: readonly number[]): string {
  const first = durations[0];
  const last = durations.at(-1);
  return first !== undefined && last !== undefined && last - first === durations.length - 1 && last > first
    ? `a whole number of seconds from ${first} to ${last}`
    : `${durations.join(' or ')} (seconds)`;
}

const fieldsOf = (config: ModelConfig): string[] => [
  'prompt',
  'video',
  'images',
  'keep_original_sound',
  'aspect_ratio',
  'duration',
  ...(config.sound ? ['sound'] : []),
];

export const suggestField = (given: string, known: readonly string[]) => didYouMean(given, known, ALIASES);

/**
 * The service would ignore an unknown field, and charge for the task.
 *
 * @param known The declared fields: the model's, or those of an object that was extended or picked from.
 */
export function unknownFieldMessage(
  config: ModelConfig,
  key: string,
  known: readonly string[] = fieldsOf(config),
): string {
  if (key === 'sound' && !config.sound) {
    return `sound: not supported by ${config.id}; remove it, or use ${KLING_O3_STD}`;
  }
  const meant = suggestField(key, known);
  const hint =
    meant === undefined ? `the fields are ${known.join(', ')}` : `did you mean ${JSON.stringify(meant)}?`;
  const owner = known.join() === fieldsOf(config).join() ? config.id : 'this object';
  return `${formatName(key)}: not a field of ${owner}; ${hint}`;
}
