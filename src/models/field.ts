/** Builders of the fields that the models of the family share. */
import * as z from 'zod';
import { ConfigurationError } from '../core/errors/index.js';
import { formatValue } from '../utils/messages.js';
import { expectedMessage, formatChoices, formatDurations } from './field-messages.js';
import { markMedia, type MediaKind, type MediaUrl } from './media.js';
import { describeBadCharacter, HTTP, HTTP_OR_DATA_IMAGE } from './url-patterns.js';

// Each type has a name of this package: a declaration file that mentions it then needs no import of zod, which a program
// under pnpm cannot resolve.

/** Type of `field.prompt()`. */
export interface PromptField extends z.ZodString {}
/** Type of `field.image()` and `field.video()`: one URL, optional. */
export interface MediaField extends z.ZodOptional<MediaUrl> {}
/** Type of `field.images()`, `field.videos()` and `field.audios()`. */
export interface MediaListField extends z.ZodDefault<z.ZodArray<MediaUrl>> {}
/** Type of `field.seconds()`. */
export interface SecondsField<Seconds extends number> extends z.ZodDefault<z.ZodLiteral<Seconds>> {}
/** Type of `field.flag()`. */
export interface FlagField extends z.ZodBoolean {}
/** Type of `field.choice()`. */
export interface ChoiceField<Choice extends string> extends z.ZodEnum<{ [K in Choice]: K }> {}

type CountTo<To extends number, Counted extends number[] = []> = Counted['length'] extends To
  ? Counted
  : CountTo<To, [...Counted, Counted['length']]>;

type Members<List> = List extends readonly (infer Member)[] ? Member : never;

type HasFourDigits<N extends number> = `${N}` extends `${infer _A}${infer _B}${infer _C}${infer Rest}`
  ? Rest extends ''
    ? false
    : true
  : false;

/** The whole numbers from one to another as a union; `number` above 999, which is too many for a union. */
export type Range<From extends number, To extends number> = number extends From | To
  ? number
  : HasFourDigits<To> extends true
    ? number
    : To | Exclude<Members<CountTo<To>>, Members<CountTo<From>>>;

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

function mediaUrl(kind: MediaKind, description?: string): MediaUrl {
  const { pattern, expected, such, examples } = KINDS[kind];
  const error = (issue: { input?: unknown }) => {
    const bad = typeof issue.input === 'string' ? describeBadCharacter(issue.input) : undefined;
    return `${expectedMessage(such)(issue)}${bad === undefined ? '' : `; ${bad}`}`;
  };
  const url = z.string({ error: expectedMessage(expected) }).regex(pattern, { error });
  return markMedia(
    description === undefined ? url : url.meta({ description, examples: [examples[0]] }),
    kind,
  );
}

const maxError = (max: number, kind: MediaKind) => ({
  error: expectedMessage(`at most ${max} ${kind}${kind === 'audio' ? ' files' : 's'}`),
  // A string also has a length, but is already rejected.
  when: ({ value }: { value: unknown }) => Array.isArray(value),
});

function mediaList(kind: MediaKind, options: MediaListOptions = {}): MediaListField {
  const { max, description = `Reference ${kind} files` } = options;
  if (max !== undefined && (!Number.isSafeInteger(max) || max < 0)) {
    throw new ConfigurationError(
      `field.${kind}s: \`max\`: got ${formatValue(max)}; expected a whole number, 0 or more.`,
    );
  }
  const list = z.array(mediaUrl(kind), { error: expectedMessage(`an array of ${kind} URLs`) });
  const limited = max === undefined ? list : list.max(max, maxError(max, kind));
  const examples = [KINDS[kind].examples.slice(0, max)];
  const field = limited
    .meta({ description: `${description}${max === undefined ? '' : `: at most ${max}`}.`, examples })
    // A function, so that inputs never share an array.
    .default(() => []);
  return Object.defineProperty(field, SENDS_EMPTY, { value: options.default !== undefined });
}

/** Set on lists whose empty default is sent. */
const SENDS_EMPTY = /* @__PURE__ */ Symbol.for('wavespeed-kling.sends-empty');

export const sendsEmpty = (schema: unknown): boolean =>
  (schema as { [SENDS_EMPTY]?: boolean })[SENDS_EMPTY] === true;

function oneMedium(kind: MediaKind, description = `URL of a reference ${kind}`): MediaField {
  return mediaUrl(kind, `${description}.`).optional();
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

function seconds<const From extends number, const To extends number>(
  from: From,
  to: To,
): SecondsField<Extract<Range<From, To>, number>>;
function seconds<const Seconds extends number>(durations: readonly Seconds[]): SecondsField<Seconds>;
function seconds(from: number | readonly number[], to?: number): SecondsField<number> {
  const given = Array.isArray(from) ? (from as readonly number[]) : [from as number, to];
  checkSeconds(Array.isArray(from) || from !== to ? given : [from]);
  const sorted = [...(given as number[])].sort((one, other) => one - other);
  const [first = 0, last = 0] = [sorted[0], sorted.at(-1)];
  const durations = Array.isArray(from)
    ? sorted
    : Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const expected = formatDurations(durations);
  return z
    .literal(durations, { error: expectedMessage(expected) })
    .meta({
      description: `Length of the video in seconds: ${expected.replace(' of seconds', '').replace(' (seconds)', '')}.`,
      type: 'integer',
      examples: [last],
    })
    .default(durations.includes(5) ? 5 : first) as SecondsField<number>;
}

function flag(description: string): FlagField {
  return z.boolean({ error: expectedMessage('true or false') }).meta({ description });
}

function choice<const Choice extends string>(
  choices: readonly Choice[],
  description: string,
): ChoiceField<Choice> {
  const expected = choices.length === 1 ? formatChoices(choices) : `one of ${formatChoices(choices)}`;
  return z
    .enum(choices, { error: expectedMessage(expected) })
    .meta({ description, examples: [choices[0]] }) as unknown as ChoiceField<Choice>;
}

/**
 * Builders of a model's fields. Those with media accept local files as well, which the client uploads. A field that is
 * not here is any zod schema.
 *
 * @example
 * const input = { prompt: field.prompt(), images: field.images({ max: 10 }), duration: field.seconds(3, 30) };
 */
export const field = {
  /** The description of the video: required, not only whitespace. */
  prompt: (description = 'Description of the video'): PromptField =>
    z
      .string({ error: expectedMessage('a non-empty string that describes the video') })
      .regex(/\S/, { error: expectedMessage('a non-empty string, not only whitespace') })
      .meta({
        description: `${description}. A non-empty string, not only whitespace.`,
        examples: ['The character walks through a neon city at night'],
      }),
  /** One image, optional. */
  image: (description?: string): MediaField => oneMedium('image', description),
  /** One video, optional. */
  video: (description?: string): MediaField => oneMedium('video', description),
  /** A list of images. */
  images: (options?: MediaListOptions): MediaListField => mediaList('image', options),
  /** A list of videos. */
  videos: (options?: MediaListOptions): MediaListField => mediaList('video', options),
  /** A list of audio files. */
  audios: (options?: MediaListOptions): MediaListField => mediaList('audio', options),
  /** The length of the video: whole seconds from one to another, or one of a list. The default is 5, or the shortest. */
  seconds,
  /** True or false; required, unless `.optional()` or `.default()` follows. */
  flag,
  /** One of several strings; required, unless `.optional()` or `.default()` follows. */
  choice,
};
