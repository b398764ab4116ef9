/** What a field takes, as data: its limits, messages and default. zod schemas are made from it, and values are checked by it. */
import { ConfigurationError } from '../core/errors/index.js';
import { formatValue } from '../utils/messages.js';
import { expectedMessage, formatChoices, formatDurations } from './field-messages.js';
import type { MediaKind } from './media.js';
import { describeBadCharacter, HTTP, HTTP_OR_DATA_IMAGE } from './url-patterns.js';

interface Spec {
  /** Message about a value of another type, or that is not one of the choices. */
  readonly mismatch: (value: unknown) => string;
  readonly isRequired: boolean;
  readonly media?: MediaKind | undefined;
  readonly defaultValue?: unknown;
  /** What its JSON Schema says about it. */
  readonly about?: { readonly description: string; readonly type?: string; readonly examples?: unknown[] };
}

export interface TextSpec extends Spec {
  readonly kind: 'text';
  readonly pattern: RegExp;
  /** Message about a text that does not match the pattern. */
  readonly wrongText: (value: unknown) => string;
}

export interface ListSpec extends Spec {
  readonly kind: 'list';
  readonly item: TextSpec;
  readonly max: number | undefined;
  readonly tooMany: (value: unknown) => string;
  /** Whether its empty default is sent. */
  readonly sendsEmpty: boolean;
}

export interface ChoiceSpec extends Spec {
  readonly kind: 'choice';
  readonly values: readonly (string | number)[];
}

export interface FlagSpec extends Spec {
  readonly kind: 'flag';
}

export type FieldSpec = TextSpec | ListSpec | ChoiceSpec | FlagSpec;

export type FieldSpecs = Readonly<Record<string, FieldSpec>>;

/** Options of a field with a list of media. */
export interface MediaListOptions {
  /** Maximum number. @default no limit */
  max?: number | undefined;
  /**
   * The default that the service's own page prints: an empty list is then sent. @default an empty list, which is not sent
   */
  default?: readonly [] | undefined;
  /** What the media are for; the limit is added. */
  description?: string | undefined;
}

const expecting = (expected: string) => (value: unknown) => expectedMessage(expected)({ input: value });

const KINDS = {
  image: {
    pattern: HTTP_OR_DATA_IMAGE,
    expected: 'an http(s) URL or a data:image/…;base64 URL',
    such: 'an http(s) URL such as "https://example.com/front.png", or a data:image/…;base64 URL',
    examples: ['https://example.com/front.png', 'https://example.com/side.png'],
  },
  video: {
    pattern: HTTP,
    expected: 'an http(s) URL',
    such: 'an http(s) URL such as "https://example.com/clip.mp4"',
    examples: ['https://example.com/clip.mp4'],
  },
  audio: {
    pattern: HTTP,
    expected: 'an http(s) URL',
    such: 'an http(s) URL such as "https://example.com/voice.mp3"',
    examples: ['https://example.com/voice.mp3'],
  },
} as const;

function mediaUrl(kind: MediaKind): TextSpec {
  const { pattern, expected, such } = KINDS[kind];
  return {
    kind: 'text',
    media: kind,
    isRequired: true,
    mismatch: expecting(expected),
    pattern,
    wrongText(value) {
      const bad = typeof value === 'string' ? describeBadCharacter(value) : undefined;
      return `${expecting(such)(value)}${bad === undefined ? '' : `; ${bad}`}`;
    },
  };
}

function oneMedium(kind: MediaKind, description = `URL of a reference ${kind}`): TextSpec {
  const about = { description: `${description}.`, examples: [KINDS[kind].examples[0]] };
  return { ...mediaUrl(kind), isRequired: false, about };
}

function mediaList(kind: MediaKind, options: MediaListOptions = {}): ListSpec {
  const { max, description = `Reference ${kind} files` } = options;
  if (max !== undefined && (!Number.isSafeInteger(max) || max < 0)) {
    throw new ConfigurationError(
      `field.${kind}s: \`max\`: got ${formatValue(max)}; expected a whole number, 0 or more.`,
    );
  }
  return {
    kind: 'list',
    media: kind,
    isRequired: false,
    defaultValue: Object.freeze([]),
    sendsEmpty: options.default !== undefined,
    mismatch: expecting(`an array of ${kind} URLs`),
    item: mediaUrl(kind),
    max,
    tooMany: expecting(`at most ${max} ${kind}${kind === 'audio' ? ' files' : 's'}`),
    about: {
      description: `${description}${max === undefined ? '' : `: at most ${max}`}.`,
      examples: [KINDS[kind].examples.slice(0, max)],
    },
  };
}

function prompt(description = 'Description of the video'): TextSpec {
  return {
    kind: 'text',
    isRequired: true,
    mismatch: expecting('a non-empty string that describes the video'),
    pattern: /\S/,
    wrongText: expecting('a non-empty string, not only whitespace'),
    about: {
      description: `${description}. A non-empty string, not only whitespace.`,
      examples: ['The character walks through a neon city at night'],
    },
  };
}

const isSeconds = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 3600;

function checkSeconds(durations: readonly unknown[]): asserts durations is readonly number[] {
  const wrong = durations.find((one) => !isSeconds(one));
  if (durations.length > 0 && wrong === undefined && new Set(durations).size === durations.length) return;
  const given = durations.length === 0 || wrong === undefined ? durations : wrong;
  throw new ConfigurationError(
    `field.seconds: got ${formatValue(given)}; expected different whole numbers of seconds from 1 to 3600, such as (3, 10) or ([5, 10]).`,
  );
}

function seconds(from: number | readonly number[], to?: number): ChoiceSpec {
  const given = Array.isArray(from) ? (from as readonly number[]) : [from as number, to];
  checkSeconds(Array.isArray(from) || from !== to ? given : [from]);
  const sorted = [...(given as number[])].sort((one, other) => one - other);
  const [first = 0, last = 0] = [sorted[0], sorted.at(-1)];
  const durations = Array.isArray(from)
    ? sorted
    : Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const expected = formatDurations(durations);
  return {
    kind: 'choice',
    isRequired: false,
    defaultValue: durations.includes(5) ? 5 : first,
    mismatch: expecting(expected),
    values: Object.freeze(durations),
    about: {
      description: `Length of the video in seconds: ${expected.replace(' of seconds', '').replace(' (seconds)', '')}.`,
      type: 'integer',
      examples: [last],
    },
  };
}

function flag(description: string): FlagSpec {
  return { kind: 'flag', isRequired: true, mismatch: expecting('true or false'), about: { description } };
}

function choice(choices: readonly string[], description: string): ChoiceSpec {
  const expected = choices.length === 1 ? formatChoices(choices) : `one of ${formatChoices(choices)}`;
  return {
    kind: 'choice',
    isRequired: true,
    mismatch: expecting(expected),
    values: Object.freeze([...choices]),
    about: { description, examples: [choices[0]] },
  };
}

/** Value of an absent field: a copy, so that inputs never share a list. */
export const copyDefault = ({ defaultValue }: FieldSpec): unknown =>
  Array.isArray(defaultValue) ? [...(defaultValue as unknown[])] : defaultValue;

/** The builders of `field`, which makes zod schemas of what these return. */
export const builders = {
  prompt,
  image: (description?: string) => oneMedium('image', description),
  video: (description?: string) => oneMedium('video', description),
  images: (options?: MediaListOptions) => mediaList('image', options),
  videos: (options?: MediaListOptions) => mediaList('video', options),
  audios: (options?: MediaListOptions) => mediaList('audio', options),
  seconds,
  flag,
  choice,
};
