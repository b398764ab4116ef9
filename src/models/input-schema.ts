/**
 * Makes a model's zod schemas from its description.
 *
 * zod and a JSON Schema validator agree on every JSON value, because each rule is one that both state alike:
 * "not blank" is the pattern `\S`, a character that is not white space as ECMAScript counts it (Unicode's spaces and
 * U+FEFF are white, U+200B is not); a URL is a pattern (media-url.ts) and no `format`, which every validator reads in
 * its own way; a duration is an enumeration of integers, and `5.0` is the integer 5 to both, `"5"` to neither.
 */
import * as z from 'zod';
import { ASPECT_RATIOS, DEFAULTS, defaultDuration, type ModelDefinition } from './definition.js';
import type { InputOf, RequestOf } from './input-types.js';
import { IMAGE_URL, VIDEO_URL } from './url-patterns.js';
import { durationsInWords, expected, show, unknownField } from '../core/messages.js';

/** The fields of a request to a model without sound, as zod schemas. */
export type ReferenceShape<Duration extends number> = {
  /** What the video shall show. Not blank. */
  prompt: z.ZodString;
  /** URL of a reference video. */
  video: z.ZodOptional<z.ZodString>;
  /** URLs of reference images. Default: none. */
  images: z.ZodDefault<z.ZodArray<z.ZodString>>;
  /** Whether the reference video's own sound is kept. Default: true. */
  keep_original_sound: z.ZodDefault<z.ZodBoolean>;
  /** Default: `16:9`. */
  aspect_ratio: z.ZodDefault<z.ZodEnum<{ '16:9': '16:9'; '9:16': '9:16'; '1:1': '1:1' }>>;
  /** Length of the video in whole seconds. Default: 5. */
  duration: z.ZodDefault<z.ZodLiteral<Duration>>;
};

/** The fields of a request to a model with sound, as zod schemas. */
export type ReferenceShapeWithSound<Duration extends number> = ReferenceShape<Duration> & {
  /** Whether sound is made for the video. Default: false. */
  sound: z.ZodDefault<z.ZodBoolean>;
};

/** The plain object schema of a model, by its durations and whether it makes sound. */
export type InputObject<Duration extends number, Sound extends boolean> = z.ZodObject<
  Sound extends true ? ReferenceShapeWithSound<Duration> : ReferenceShape<Duration>,
  z.core.$strict
>;

/** The whole schema of a model, by its durations and whether it makes sound. */
export type InputSchema<Duration extends number, Sound extends boolean> = z.ZodType<
  RequestOf<Duration, Sound>,
  InputOf<Duration, Sound>
>;

const flag = (what: string) => z.boolean({ error: expected('true or false') }).meta({ description: what });

/** Makes the fields that every model has, with the model's own durations and limits. */
function commonFields(definition: ModelDefinition): ReferenceShape<number> {
  const { durations, images, imagesWithVideo } = definition;
  const most = {
    error: expected(`at most ${images} images, ${imagesWithVideo} beside a reference video`),
    // A text has a length as well, and is told already that it is no array.
    when: ({ value }: { value: unknown }) => Array.isArray(value),
  };
  return {
    prompt: z
      .string({ error: expected('a text that says what the video shall show') })
      .regex(/\S/, { error: expected('a text that is not blank') })
      .meta({
        description: 'What the video shall show. Not blank.',
        examples: ['The character walks through a neon city at night'],
      }),
    video: z
      .string({ error: expected('an http(s) URL') })
      .regex(VIDEO_URL, { error: expected('an http(s) URL such as "https://example.com/clip.mp4"') })
      .meta({
        description: `URL of a reference video. With one, at most ${imagesWithVideo} images are allowed.`,
        examples: ['https://example.com/clip.mp4'],
      })
      .optional(),
    images: z
      .array(
        z.string({ error: expected('an http(s) URL or a data:image/…;base64 URL') }).regex(IMAGE_URL, {
          error: expected(
            'an http(s) URL such as "https://example.com/front.png", or a data:image/…;base64 URL',
          ),
        }),
        { error: expected('an array of image URLs') },
      )
      .max(images, most)
      .meta({
        description: `Reference images of the element, scene or style: at most ${images}, at most ${imagesWithVideo} beside a reference video.`,
        examples: [['https://example.com/front.png', 'https://example.com/side.png'].slice(0, images)],
      })
      // A function, so that no two requests share an array.
      .default(() => [...DEFAULTS.images]),
    keep_original_sound: flag("Whether the reference video's own sound is kept.").default(
      DEFAULTS.keep_original_sound,
    ),
    aspect_ratio: z
      .enum(ASPECT_RATIOS, {
        error: expected(`one of ${ASPECT_RATIOS.map((ratio) => `"${ratio}"`).join(', ')}`),
      })
      .meta({ description: 'The aspect ratio of the video.', examples: ['9:16'] })
      .default(DEFAULTS.aspect_ratio),
    duration: z
      .literal([...durations], { error: expected(durationsInWords(durations)) })
      .meta({
        description: 'Length of the video in whole seconds.',
        type: 'integer',
        examples: [Math.max(...durations)],
      })
      .default(defaultDuration(durations)),
  };
}

/** Lists the fields of the object schema that an issue comes from: `.extend` and `.pick` hand the error function on. */
const keysOf = (schema: unknown) => (schema instanceof z.ZodObject ? Object.keys(schema.shape) : undefined);

/** Makes the plain object schema of a model: every field's own limits, unknown fields refused, defaults filled in. */
export function makeInputObject(definition: ModelDefinition) {
  const shape = {
    ...commonFields(definition),
    ...(definition.sound && { sound: flag('Whether sound is made for the video.').default(DEFAULTS.sound) }),
  };
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? (issue.keys ?? []).map((key) => unknownField(definition, key, keysOf(issue.inst))).join('; ')
        : `got ${show(issue.input)}; expected an object such as { "prompt": "…", "images": ["https://…"] }`,
  });
}

/**
 * Adds to an object schema the limit that spans two fields, fewer images beside a reference video: to zod as a check,
 * and to the JSON Schema as `if`/`then`. For what you made of a model's plain object by `.extend`, `.pick` or `.omit`.
 *
 * @example
 * const body = withImageLimit(models[KLING_O1], klingO1InputObject.extend({ projectId: z.uuid() }));
 */
export function withImageLimit<
  Schema extends z.ZodType<{ video?: unknown; images?: unknown[] | undefined }, unknown>,
>(definition: Pick<ModelDefinition, 'images' | 'imagesWithVideo'>, schema: Schema): Schema {
  const { images, imagesWithVideo } = definition;
  return schema
    .superRefine(
      (input, context) => {
        const count = Array.isArray(input.images) ? input.images.length : 0;
        if (input.video === undefined || count <= imagesWithVideo) return;
        context.addIssue({
          code: 'custom',
          path: ['images'],
          input: input.images,
          message: `got ${count} images beside a reference video; expected at most ${imagesWithVideo} (${images} without \`video\`)`,
        });
      },
      // Also where another field is wrong, so that everything is said at once.
      { when: ({ value }) => typeof value === 'object' && value !== null },
    )
    .meta({
      if: { type: 'object', properties: { video: true }, required: ['video'] },
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
      then: { properties: { images: { type: 'array', maxItems: imagesWithVideo } } },
    });
}
