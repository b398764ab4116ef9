/** Kling O1 reference-to-video. Source: the model's page, and its later edition for the limit of images with a video. */
import { builtIn, type ModelOfBuiltIn } from './built-in.js';
import { ASPECT_RATIOS } from './aspect-ratio.js';
import { rule } from './rule.js';

/** Id of Kling O1 reference-to-video. */
export const KLING_O1 = 'kwaivgi/kling-video-o1/reference-to-video' as const;

/** Kling O1 reference-to-video. */
export const o1 = /* @__PURE__ */ builtIn({
  id: KLING_O1,
  name: 'Kling O1',
  shortName: 'o1',
  input: (field) => ({
    /** Description of the video: a non-empty string, not only whitespace. */
    prompt: field.prompt(),
    /** A reference video. With one, at most 4 images are allowed, and the price is 50 % higher. */
    video: field.video(),
    /** Reference images of the element, scene or style: at most 7, or 4 with a reference video. @default [] */
    images: field.images({
      max: 7,
      default: [],
      description: 'Reference images of the element, scene or style',
    }),
    /** Keeps the reference video's own sound. @default true */
    keep_original_sound: field.flag("Whether to keep the reference video's own sound.").default(true),
    /** @default '16:9' */
    aspect_ratio: field.choice(ASPECT_RATIOS, 'The aspect ratio of the video.').default('16:9'),
    /** Length of the video in seconds, from 3 to 10. @default 5 */
    duration: field.seconds(3, 10),
  }),
  rules: () => [rule.maxWith('images', 4, 'video')],
  price: ({ duration, video }) => duration * (video === undefined ? 0.112 : 0.168),
});

/** Type of `klingO1`. */
export interface KlingO1 extends ModelOfBuiltIn<typeof o1> {}
