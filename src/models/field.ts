/** Builders of the fields that the models of the family share. */
import * as z from 'zod';
import { builders, copyDefault, type FieldSpec, type ListSpec, type MediaListOptions } from './field-spec.js';
import { markMedia, markSendsEmpty, type MediaUrl } from './media.js';

export type { MediaListOptions } from './field-spec.js';

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

function bareSchema(spec: FieldSpec): z.ZodType {
  const options = { error: ({ input }: { input?: unknown }) => spec.mismatch(input) };
  switch (spec.kind) {
    case 'flag':
      return z.boolean(options);
    case 'choice':
      return typeof spec.values[0] === 'number'
        ? z.literal([...spec.values], options)
        : z.enum(spec.values as readonly string[], options);
    case 'text':
      return z.string(options).regex(spec.pattern, { error: ({ input }) => spec.wrongText(input) });
    case 'list':
      return listSchema(spec, z.array(toSchema(spec.item), options));
  }
}

function listSchema({ max, tooMany }: ListSpec, list: z.ZodArray): z.ZodArray {
  if (max === undefined) return list;
  const options = {
    error: ({ input }: { input?: unknown }) => tooMany(input),
    // A string also has a length, but is already rejected.
    when: ({ value }: { value: unknown }) => Array.isArray(value),
  };
  return list.max(max, options);
}

/** Makes the zod schema that accepts what the spec accepts, with its messages. */
export function toSchema(spec: FieldSpec): z.ZodType {
  const { kind, about, media, isRequired, defaultValue } = spec;
  const bare = bareSchema(spec);
  const described = about === undefined ? bare : bare.meta(about);
  if (kind === 'text' && media !== undefined) markMedia(described as z.ZodString, media);
  if (isRequired) return described;
  if (defaultValue === undefined) return described.optional();
  // A function, so that inputs never share an array.
  const filled = described.default(() => copyDefault(spec));
  return kind === 'list' ? markSendsEmpty(filled, spec.sendsEmpty) : filled;
}

function seconds<const From extends number, const To extends number>(
  from: From,
  to: To,
): SecondsField<Extract<Range<From, To>, number>>;
function seconds<const Seconds extends number>(durations: readonly Seconds[]): SecondsField<Seconds>;
function seconds(from: number | readonly number[], to?: number): SecondsField<number> {
  return toSchema(builders.seconds(from, to)) as SecondsField<number>;
}

/**
 * Builders of a model's fields. Media fields also accept local files, which the client uploads. For any other
 * field, use a zod schema.
 *
 * @example
 * const input = { prompt: field.prompt(), images: field.images({ max: 10 }), duration: field.seconds(3, 30) };
 */
export const field = {
  /** The description of the video: required, not only whitespace. */
  prompt: (description?: string) => toSchema(builders.prompt(description)) as PromptField,
  /** One image, optional. */
  image: (description?: string) => toSchema(builders.image(description)) as MediaField,
  /** One video, optional. */
  video: (description?: string) => toSchema(builders.video(description)) as MediaField,
  /** A list of images. */
  images: (options?: MediaListOptions) => toSchema(builders.images(options)) as MediaListField,
  /** A list of videos. */
  videos: (options?: MediaListOptions) => toSchema(builders.videos(options)) as MediaListField,
  /** A list of audio files. */
  audios: (options?: MediaListOptions) => toSchema(builders.audios(options)) as MediaListField,
  /** The length of the video in whole seconds: a range, or a list of values. @default 5, or the shortest */
  seconds,
  /** True or false; required, unless `.optional()` or `.default()` follows. */
  flag: (description: string) => toSchema(builders.flag(description)) as FlagField,
  /** One of several strings; required, unless `.optional()` or `.default()` follows. */
  choice: <const Choice extends string>(choices: readonly Choice[], description: string) =>
    toSchema(builders.choice(choices, description)) as unknown as ChoiceField<Choice>,
};
