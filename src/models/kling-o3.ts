/**
 * Kling O3 reference-to-video in its three tiers. Sources: the page of Standard, an older edition of Pro's page, and for
 * 4K programs that call the endpoint.
 */
import { ASPECT_RATIOS } from './aspect-ratio.js';
import { builtIn, type Fields, type ModelOfBuiltIn } from './built-in.js';
import { rule } from './rule.js';

/** Id of Kling O3 Standard reference-to-video. */
export const KLING_O3_STD = 'kwaivgi/kling-video-o3-std/reference-to-video' as const;

/** Id of Kling O3 Pro reference-to-video. */
export const KLING_O3_PRO = 'kwaivgi/kling-video-o3-pro/reference-to-video' as const;

/** Id of Kling O3 4K reference-to-video. */
export const KLING_O3_4K = 'kwaivgi/kling-video-o3-4k/reference-to-video' as const;

/** The fields of all tiers. */
const fields = (field: Fields) => ({
  /** Description of the video: a non-empty string, not only whitespace. */
  prompt: field.prompt(),
  /** A reference video. With one, at most 4 images are allowed, and the price is higher. */
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
  /** Length of the video in seconds, from 3 to 15. @default 5 */
  duration: field.seconds(3, 15),
});

/** Kling O3 Standard reference-to-video. */
export const o3Std = /* @__PURE__ */ builtIn({
  id: KLING_O3_STD,
  name: 'Kling O3 Standard',
  shortName: 'o3-std',
  input: (field) => ({
    ...fields(field),
    /** Generates sound. @default false */
    sound: field.flag('Whether to generate sound.').default(false),
  }),
  rules: () => [rule.maxWith('images', 4, 'video')],
  price: ({ duration, video }) => duration * (video === undefined ? 0.084 : 0.126),
});

/** Kling O3 Pro reference-to-video. */
export const o3Pro = /* @__PURE__ */ builtIn({
  id: KLING_O3_PRO,
  name: 'Kling O3 Pro',
  shortName: 'o3-pro',
  input: (field) => ({
    ...fields(field),
    /** Generates sound: only without a reference video. @default false */
    sound: field.flag('Whether to generate sound.').default(false),
  }),
  // The page says that `sound` has an effect only without a reference video.
  rules: () => [rule.maxWith('images', 4, 'video'), rule.excludes('sound', 'video')],
  // No page shows its prices.
});

/** Kling O3 4K reference-to-video. */
export const o34k = /* @__PURE__ */ builtIn({
  id: KLING_O3_4K,
  name: 'Kling O3 4K',
  shortName: 'o3-4k',
  input: (field) => ({
    ...fields(field),
    /** Reference images of the element, scene or style: at most 7, or 4 with a reference video. */
    images: field.images({ max: 7, description: 'Reference images of the element, scene or style' }),
    /** Keeps the reference video's own sound. @default the service's */
    keep_original_sound: field.flag("Whether to keep the reference video's own sound.").optional(),
    /** @default the service's */
    aspect_ratio: field.choice(ASPECT_RATIOS, 'The aspect ratio of the video.').optional(),
    /** Generates sound. @default the service's */
    sound: field.flag('Whether to generate sound.').optional(),
  }),
  rules: () => [rule.maxWith('images', 4, 'video')],
  confirmed: false,
});

/** Type of `klingO3Std`. */
export interface KlingO3Std extends ModelOfBuiltIn<typeof o3Std> {}
/** Type of `klingO3Pro`. */
export interface KlingO3Pro extends ModelOfBuiltIn<typeof o3Pro> {}
/** Type of `klingO34k`. */
export interface KlingO34k extends ModelOfBuiltIn<typeof o34k> {}
