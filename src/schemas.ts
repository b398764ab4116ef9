/**
 * The zod schemas and JSON Schemas of both models, made from models.ts; imports nothing of Node, so that it runs in
 * a browser or on an edge.
 */
import * as z from 'zod';
import { type InputIssue, InvalidInputError } from './errors.js';
import { ASPECT_RATIOS, DEFAULTS, KLING_O1, KLING_O3_STD, type ModelDefinition, models } from './models.js';
import { normalizePrediction, type Prediction } from './prediction.js';

export { estimateCost, type PricedInput } from './cost.js';
export { InvalidInputError, type InputIssue } from './errors.js';
export { KLING_O1, KLING_O3_STD, type ModelDefinition, type ModelId, isModelId, models } from './models.js';
export type { CompletedPrediction, Prediction, PredictionStatus } from './prediction.js';

/** The aspect ratio of the video made. */
export type AspectRatio = (typeof ASPECT_RATIOS)[number];

/** What both models take. `Media` is how a reference image or video may be given. */
interface CommonInput<Image, Video, Duration> {
  /** What the video shall show. Not blank. */
  prompt: string;
  /** A reference video. With one, at most 4 images are allowed, and the price is half as much again. */
  video?: Video | undefined;
  /** Reference images of the element, scene or style: at most 7, at most 4 beside a reference video. Default: none. */
  images?: Image[] | undefined;
  /** Whether the reference video's own sound is kept. Default: true. */
  keep_original_sound?: boolean | undefined;
  /** Default: `16:9`. */
  aspect_ratio?: AspectRatio | undefined;
  /** Length of the video in whole seconds. Default: 5. */
  duration?: Duration | undefined;
}

interface SoundInput {
  /** Whether sound is made for the video. Default: false. */
  sound?: boolean | undefined;
}

/** Makes the optional fields that have a default required, as they are after parsing. */
type Filled<Input> = Omit<Input, 'images' | 'keep_original_sound' | 'aspect_ratio' | 'duration' | 'sound'> & {
  [
    Field in Extract<keyof Input, 'images' | 'keep_original_sound' | 'aspect_ratio' | 'duration' | 'sound'>
  ]-?: Exclude<Input[Field], undefined>;
};

/** The durations that Kling O1 makes, in seconds. */
export type KlingO1Duration = (typeof models)[typeof KLING_O1]['durations'][number];
/** The durations that Kling O3 Standard makes, in seconds. */
export type KlingO3StdDuration = (typeof models)[typeof KLING_O3_STD]['durations'][number];

/** A request to Kling O1, as the service takes it. Source: the model's page. */
export interface KlingO1Input extends CommonInput<string, string, KlingO1Duration> {}
/** A request to Kling O3 Standard, as the service takes it. Source: the model's page. */
export interface KlingO3StdInput extends CommonInput<string, string, KlingO3StdDuration>, SoundInput {}
/** A parsed request to Kling O1: defaults filled in. */
export interface KlingO1Request extends Filled<KlingO1Input> {}
/** A parsed request to Kling O3 Standard: defaults filled in. */
export interface KlingO3StdRequest extends Filled<KlingO3StdInput> {}

/**
 * What a URL must look like. One pattern for zod and for every JSON Schema validator, so that they agree: http or
 * https, a host, a port that exists, and neither blanks nor characters that must be encoded.
 */
const PORT = '(?::(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?';
const HTTP_URL = `[Hh][Tt][Tt][Pp][Ss]?://(?:[^\\s/?#@"<>\\\\^\`{|}]+@)?(?:\\[[0-9A-Fa-f:.]+\\]|[^\\s/?#@:"<>\\\\^\`{|}%\\[\\]]+)${PORT}(?:[/?#][^\\s"<>\\\\^\`{|}]*)?`;
const DATA_IMAGE =
  '[Dd][Aa][Tt][Aa]:[Ii][Mm][Aa][Gg][Ee]/[A-Za-z0-9.+-]+;[Bb][Aa][Ss][Ee]64,[A-Za-z0-9+/]+={0,2}';
const VIDEO_PATTERN = new RegExp(`^${HTTP_URL}$`, 'u');
const IMAGE_PATTERN = new RegExp(`^(?:${HTTP_URL}|${DATA_IMAGE})$`, 'u');

/** Shows a value as it was given, short, without a signed URL's query. */
function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') {
    const plain = value.replace(/\?.*$/s, '?…');
    return `${JSON.stringify(plain.length > 60 ? `${plain.slice(0, 57)}…` : plain)} (a string)`;
  }
  if (typeof value === 'bigint') return `${value}n (a bigint)`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'number' || typeof value === 'boolean' || value === null
    ? String(value)
    : `a ${typeof value}`;
}

/** Words a refusal: what was given, and what is allowed. The field is named where the path is known. */
const expected = (what: string) => (issue: { input?: unknown }) =>
  `got ${show(issue.input)}; expected ${what}`;

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

/** Finds the field that was meant, or undefined: close in spelling, whatever the case and separators. */
export function didYouMean(given: string, known: readonly string[]): string | undefined {
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

/** Words the refusal of a field that the model does not declare: the service would ignore it, and charge. */
function unknownField(definition: ModelDefinition, key: string): string {
  if (key === 'sound') {
    return `sound: not a parameter of ${definition.id}, which makes no sound; leave it out, or use ${KLING_O3_STD}`;
  }
  const known = fieldsOf(definition);
  const meant = didYouMean(key, known);
  const hint =
    meant === undefined ? `the fields are ${known.join(', ')}` : `did you mean ${JSON.stringify(meant)}?`;
  return `${key}: not a field of ${definition.id}; ${hint}`;
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

/** Makes the fields that both models have, with the model's own durations and limits. */
function commonFields<const Durations extends readonly [number, ...number[]]>(
  definition: ModelDefinition & { durations: Durations },
) {
  const { durations, images } = definition;
  const seconds = `a whole number of seconds from ${Math.min(...durations)} to ${Math.max(...durations)}`;
  const boolean = (what: string) =>
    z.boolean({ error: expected('true or false') }).meta({ description: what });
  return {
    prompt: z
      .string({ error: expected('a text that says what the video shall show') })
      .regex(/\S/u, { error: expected('a text that is not blank') })
      .meta({
        description: 'What the video shall show. Not blank.',
        examples: ['The character walks through a neon city at night'],
      }),
    video: z
      .string({ error: expected('an http(s) URL') })
      .regex(VIDEO_PATTERN, { error: expected('an http(s) URL such as "https://example.com/clip.mp4"') })
      .meta({
        description: `URL of a reference video. With one, at most ${definition.imagesWithVideo} images are allowed.`,
        examples: ['https://example.com/clip.mp4'],
      })
      .optional(),
    images: z
      .array(
        z.string({ error: expected('an http(s) URL or a data:image/…;base64 URL') }).regex(IMAGE_PATTERN, {
          error: expected(
            'an http(s) URL such as "https://example.com/front.png", or a data:image/…;base64 URL',
          ),
        }),
        { error: expected('an array of image URLs') },
      )
      .max(images, { error: expected(`at most ${images} images`) })
      .meta({
        description: `Reference images of the element, scene or style: at most ${images}, at most ${definition.imagesWithVideo} beside a reference video.`,
        examples: [['https://example.com/front.png', 'https://example.com/side.png']],
      })
      .default(() => [...DEFAULTS.images]),
    keep_original_sound: boolean("Whether the reference video's own sound is kept.").default(
      DEFAULTS.keep_original_sound,
    ),
    aspect_ratio: z
      .enum(ASPECT_RATIOS, {
        error: expected(`one of ${ASPECT_RATIOS.map((ratio) => `"${ratio}"`).join(', ')}`),
      })
      .meta({ description: 'The aspect ratio of the video.' })
      .default(DEFAULTS.aspect_ratio),
    duration: z
      .literal(durations as unknown as Durations[number][], { error: expected(seconds) })
      .meta({ description: 'Length of the video in whole seconds.', type: 'integer' })
      .default(DEFAULTS.duration as Durations[number]),
  };
}

const soundField = () => ({
  sound: z
    .boolean({ error: expected('true or false') })
    .meta({ description: 'Whether sound is made for the video.' })
    .default(DEFAULTS.sound),
});

/** Makes a plain object schema strict, with the words of `unknownField`. */
function strictInput<Shape extends z.core.$ZodShape>(definition: ModelDefinition, shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? (issue.keys ?? []).map((key) => unknownField(definition, key)).join('; ')
        : `got ${show(issue.input)}; expected an object such as { "prompt": "…", "images": ["https://…"] }`,
  });
}

/** Adds the limit that spans two fields, to zod as a check and to the JSON Schema as `if`/`then`. */
function withImageLimit<
  Schema extends z.ZodType<{ video?: unknown; images?: unknown[] | undefined }, unknown>,
>(definition: ModelDefinition, schema: Schema): Schema {
  const { images, imagesWithVideo } = definition;
  return schema
    .superRefine((input, context) => {
      const count = input.images?.length ?? 0;
      if (input.video === undefined || count <= imagesWithVideo) return;
      context.addIssue({
        code: 'custom',
        path: ['images'],
        input: input.images,
        message: `got ${count} images beside a reference video; expected at most ${imagesWithVideo} (${images} without \`video\`)`,
      });
    })
    .meta({
      if: { properties: { video: true }, required: ['video'] },
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
      then: { properties: { images: { maxItems: imagesWithVideo } } },
    });
}

/** The fields of a request to Kling O1 without the limit that spans two fields: for `.extend`, `.pick` and `.omit`. */
export const klingO1InputObject = strictInput(models[KLING_O1], commonFields(models[KLING_O1]));

/** The fields of a request to Kling O3 Standard without the limit that spans two fields: for `.extend`, `.pick` and `.omit`. */
export const klingO3StdInputObject = strictInput(models[KLING_O3_STD], {
  ...commonFields(models[KLING_O3_STD]),
  ...soundField(),
});

/**
 * Checks a request to Kling O1: every limit of its page, unknown fields refused, nothing coerced, defaults filled in.
 *
 * @example
 * const request = klingO1InputSchema.parse({ prompt: 'A fox', duration: 10 });
 */
export const klingO1InputSchema = withImageLimit(models[KLING_O1], klingO1InputObject);

/**
 * Checks a request to Kling O3 Standard: every limit of its page, unknown fields refused, nothing coerced, defaults
 * filled in.
 *
 * @example
 * const request = klingO3StdInputSchema.parse({ prompt: 'A fox', duration: 15, sound: true });
 */
export const klingO3StdInputSchema = withImageLimit(models[KLING_O3_STD], klingO3StdInputObject);

/** The input schemas by model id. */
export const inputSchemas = {
  [KLING_O1]: klingO1InputSchema,
  [KLING_O3_STD]: klingO3StdInputSchema,
} as const;

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = { readonly [keyword: string]: unknown };

const generated = new Map<string, JsonSchema>();

/** Makes a schema's JSON Schema on first use: not every program needs it, and none at import. */
function jsonSchemaOf(id: keyof typeof inputSchemas): JsonSchema {
  let schema = generated.get(id);
  if (schema === undefined) {
    schema = z.toJSONSchema(inputSchemas[id], { io: 'input', target: 'draft-2020-12' });
    generated.set(id, schema);
  }
  return schema;
}

/** The JSON Schemas (draft 2020-12) of the inputs by model id; they refuse what the zod schemas refuse. */
export const inputJsonSchemas: Readonly<Record<keyof typeof inputSchemas, JsonSchema>> = {
  get [KLING_O1]() {
    return jsonSchemaOf(KLING_O1);
  },
  get [KLING_O3_STD]() {
    return jsonSchemaOf(KLING_O3_STD);
  },
};

/**
 * Reads a task as the service sends it, leniently: nulls and missing fields get their empty values, new fields and a
 * new status are kept; only something without an `id` is refused.
 */
export const predictionSchema: z.ZodType<Prediction, unknown> = z
  .unknown()
  .transform((value, context): Prediction => {
    const prediction = normalizePrediction(value);
    if (prediction !== undefined) return prediction;
    context.addIssue({
      code: 'custom',
      input: value,
      message: `got ${show(value)}; expected a task with an "id"`,
    });
    return z.NEVER;
  });

/** Reads the body of a webhook, which is the task itself, with its `input`. */
export const webhookEventSchema: z.ZodType<Prediction, unknown> = predictionSchema;

/** Turns zod's issues into ours: one an unknown field, and each message names its field. */
function toInputIssues(definition: ModelDefinition, error: z.core.$ZodError): InputIssue[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: [key], message: unknownField(definition, key) }));
    }
    const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
    const field = path.map((key) => (typeof key === 'number' ? `[${key}]` : key)).join('');
    return [{ path, message: field === '' ? issue.message : `${field}: ${issue.message}` }];
  });
}

/**
 * Checks an input against its model and fills in the defaults.
 *
 * @throws {InvalidInputError} with everything that is wrong with it.
 */
export function parseInput(
  model: keyof typeof inputSchemas,
  input: unknown,
): KlingO1Request | KlingO3StdRequest {
  const result = inputSchemas[model].safeParse(input);
  if (result.success) return result.data;
  throw new InvalidInputError(model, toInputIssues(models[model], result.error));
}
