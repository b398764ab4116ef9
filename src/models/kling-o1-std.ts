/**
 * Kling O1 Standard reference-to-video. Sources: the price table of its page; the fields from programs that call the
 * endpoint. How many images it takes is not known, and it has no aspect ratio.
 */
import { builtIn, type ModelOfBuiltIn } from './built-in.js';

/** Id of Kling O1 Standard reference-to-video. */
export const KLING_O1_STD = 'kwaivgi/kling-video-o1-std/reference-to-video' as const;

/** Kling O1 Standard reference-to-video. */
export const o1Std = /* @__PURE__ */ builtIn({
  id: KLING_O1_STD,
  name: 'Kling O1 Standard',
  shortName: 'o1-std',
  input: (field) => ({
    /** Description of the video: a non-empty string, not only whitespace. */
    prompt: field.prompt(),
    /** A reference video. With one, the price is 50 % higher. */
    video: field.video(),
    /** Reference images of the element, scene or style. Their limit is not known. */
    images: field.images({ description: 'Reference images of the element, scene or style' }),
    /** Keeps the reference video's own sound. @default the service's */
    keep_original_sound: field.flag("Whether to keep the reference video's own sound.").optional(),
    /** Length of the video in seconds, from 3 to 10. @default 5 */
    duration: field.seconds(3, 10),
  }),
  price: ({ duration, video }) => duration * (video === undefined ? 0.084 : 0.126),
  confirmed: false,
});

/** Type of `klingO1Std`. */
export interface KlingO1Std extends ModelOfBuiltIn<typeof o1Std> {}
