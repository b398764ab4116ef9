/**
 * Creates a model's zod schemas from its config.
 *
 * zod and JSON Schema validators agree on every JSON value, because both can express each rule in the same way: "not
 * only whitespace" is the pattern `\S`; a URL is a pattern (url-patterns.ts) and not a `format`, which validators
 * interpret differently; a duration is an enumeration of integers.
 */
import * as z from 'zod';
import { formatValue } from '../utils/messages.js';
import { expectedMessage, formatDurations, unknownFieldMessage } from './field-messages.js';
import type { InputOf, ParamsOf } from './input-types.js';
import { ASPECT_RATIOS, DEFAULTS, defaultDuration, type ModelConfig } from './model-config.js';
import { IMAGE_URL, VIDEO_URL } from './url-patterns.js';

/** zod schemas of the fields of a model without sound. */
export type ReferenceShape<Duration extends number> = {
  prompt: z.ZodString;
  video: z.ZodOptional<z.ZodString>;
  images: z.ZodDefault<z.ZodArray<z.ZodString>>;
  keep_original_sound: z.ZodDefault<z.ZodBoolean>;
  aspect_ratio: z.ZodDefault<z.ZodEnum<{ '16:9': '16:9'; '9:16': '9:16'; '1:1': '1:1' }>>;
  duration: z.ZodDefault<z.ZodLiteral<Duration>>;
};

/** zod schemas of the fields of a model with sound. */
export type ReferenceShapeWithSound<Duration extends number> = ReferenceShape<Duration> & {
  sound: z.ZodDefault<z.ZodBoolean>;
};

/** The object schema of a model, without the image limit that depends on `video`. */
export type InputObject<Duration extends number, Sound extends boolean> = z.ZodObject<
  Sound extends true ? ReferenceShapeWithSound<Duration> : ReferenceShape<Duration>,
  z.core.$strict
>;

/** The complete schema of a model. */
export type InputSchema<Duration extends number, Sound extends boolean> = z.ZodType<
  ParamsOf<Duration, Sound>,
  InputOf<Duration, Sound>
>;

const flag = (description: string) =>
  z.boolean({ error: expectedMessage('true or false') }).meta({ description });

function commonFields(config: ModelConfig): ReferenceShape<number> {
  const { durations, images, imagesWithVideo } = config;
  const maxImages = {
    error: expectedMessage(`at most ${images} images, or ${imagesWithVideo} with a reference video`),
    // A string also has a length, but is already rejected.
    when: ({ value }: { value: unknown }) => Array.isArray(value),
  };
  return {
    prompt: z
      .string({ error: expectedMessage('a non-empty string that describes the video') })
      .regex(/\S/, { error: expectedMessage('a non-empty string, not only whitespace') })
      .meta({
        description: 'Description of the video. A non-empty string, not only whitespace.',
        examples: ['The character walks through a neon city at night'],
      }),
    video: z
      .string({ error: expectedMessage('an http(s) URL') })
      .regex(VIDEO_URL, { error: expectedMessage('an http(s) URL such as "https://example.com/clip.mp4"') })
      .meta({
        description: `URL of a reference video. With one, at most ${imagesWithVideo} images are allowed.`,
        examples: ['https://example.com/clip.mp4'],
      })
      .optional(),
    images: z
      .array(
        z.string({ error: expectedMessage('an http(s) URL or a data:image/…;base64 URL') }).regex(IMAGE_URL, {
          error: expectedMessage(
            'an http(s) URL such as "https://example.com/front.png", or a data:image/…;base64 URL',
          ),
        }),
        { error: expectedMessage('an array of image URLs') },
      )
      .max(images, maxImages)
      .meta({
        description: `Reference images of the element, scene or style: at most ${images}, or ${imagesWithVideo} with a reference video.`,
        examples: [['https://example.com/front.png', 'https://example.com/side.png'].slice(0, images)],
      })
      // A function, so that inputs never share an array.
      .default(() => [...DEFAULTS.images]),
    keep_original_sound: flag("Whether to keep the reference video's own sound.").default(
      DEFAULTS.keep_original_sound,
    ),
    aspect_ratio: z
      .enum(ASPECT_RATIOS, {
        error: expectedMessage(`one of ${ASPECT_RATIOS.map((ratio) => `"${ratio}"`).join(', ')}`),
      })
      .meta({ description: 'The aspect ratio of the video.', examples: ['9:16'] })
      .default(DEFAULTS.aspect_ratio),
    duration: z
      .literal([...durations], { error: expectedMessage(formatDurations(durations)) })
      .meta({
        description: 'Length of the video in whole seconds.',
        type: 'integer',
        examples: [Math.max(...durations)],
      })
      .default(defaultDuration(durations)),
  };
}

/** `.extend` and `.pick` pass the error function on, so the fields are those of the schema that raised the issue. */
const keysOf = (schema: unknown) => (schema instanceof z.ZodObject ? Object.keys(schema.shape) : undefined);

export function makeInputObject(config: ModelConfig) {
  const shape = {
    ...commonFields(config),
    ...(config.sound && { sound: flag('Whether to generate sound.').default(DEFAULTS.sound) }),
  };
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? (issue.keys ?? []).map((key) => unknownFieldMessage(config, key, keysOf(issue.inst))).join('; ')
        : `got ${formatValue(issue.input)}; expected an object such as { "prompt": "…", "images": ["https://…"] }`,
  });
}

/**
 * Adds the image limit with a reference video to an object schema: to zod as a check, and to the JSON Schema as
 * `if`/`then`. For schemas derived from a model's `inputObject` by `.extend`, `.pick` or `.omit`.
 *
 * @example
 * const body = withImageLimit(models[KLING_O1], klingO1InputObject.extend({ projectId: z.uuid() }));
 */
export function withImageLimit<
  Schema extends z.ZodType<{ video?: unknown; images?: unknown[] | undefined }, unknown>,
>(config: Pick<ModelConfig, 'images' | 'imagesWithVideo'>, schema: Schema): Schema {
  const { images, imagesWithVideo } = config;
  return schema
    .superRefine(
      (input, context) => {
        const count = Array.isArray(input.images) ? input.images.length : 0;
        if (input.video === undefined || count <= imagesWithVideo) return;
        context.addIssue({
          code: 'custom',
          path: ['images'],
          input: input.images,
          message: `got ${count} images with a reference video; expected at most ${imagesWithVideo} (${images} without \`video\`)`,
        });
      },
      // Also if another field is invalid, so that all issues are reported together.
      { when: ({ value }) => typeof value === 'object' && value !== null },
    )
    .meta({
      if: { type: 'object', properties: { video: true }, required: ['video'] },
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
      then: { properties: { images: { type: 'array', maxItems: imagesWithVideo } } },
    });
}
