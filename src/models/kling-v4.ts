/**
 * Kling V4 reference-to-video. Sources: the overview and read-me of its page; `4k`, `dynamic_range` and what the aspect
 * ratio follows from elsewhere on wavespeed.ai. The name `audios` and the values of `aspect_ratio` are not confirmed.
 */
import { builtIn, type ModelOfBuiltIn } from './built-in.js';
import { rule } from './rule.js';

/** Id of Kling V4 reference-to-video. */
export const KLING_V4 = 'kwaivgi/kling-v4.0/reference-to-video' as const;

/** Kling V4 reference-to-video. */
export const v4 = /* @__PURE__ */ builtIn({
  id: KLING_V4,
  name: 'Kling V4',
  shortName: 'v4',
  input: (field) => ({
    /** Description of the video, not only whitespace. It names the files as `@Image1`, `@Video1`, `@Audio1`, in their order. */
    prompt: field.prompt(),
    /** Reference images: at most 10, and at most 15 files together. */
    images: field.images({ max: 10, description: 'Reference images' }),
    /** Reference videos: at most 5, and at most 15 files together. */
    videos: field.videos({ max: 5, description: 'Reference videos' }),
    /** Reference audio of 5 to 30 seconds each: at most 3, and at most 15 files together. */
    audios: field.audios({ max: 3, description: 'Reference audio files of 5 to 30 seconds each' }),
    /** Keeps the sound of the reference videos instead of generating new sound: only with `videos`. @default the service's */
    keep_original_sound: field
      .flag('Whether to keep the sound of the reference videos instead of generating new sound.')
      .optional(),
    /** @default the service follows the references */
    aspect_ratio: field
      .choice(['16:9', '9:16', '1:1', '21:9'], 'The aspect ratio; by default that of the references.')
      .optional(),
    /** @default '720p' */
    resolution: field.choice(['720p', '1080p', '4k'], 'The resolution of the video.').default('720p'),
    /** High dynamic range: only with `resolution` 1080p or 4k. @default the service's */
    dynamic_range: field.choice(['hdr'], 'High dynamic range.').optional(),
    /** Length of the video in seconds, from 3 to 30. @default 5 */
    duration: field.seconds(3, 30),
  }),
  rules: () => [
    rule.together(15, ['images', 'videos', 'audios']),
    rule.mentions({ Image: 'images', Video: 'videos', Audio: 'audios' }),
    rule.requires('keep_original_sound', 'videos'),
    rule.requires('dynamic_range', 'resolution', ['1080p', '4k']),
  ],
  // With videos the service counts their seconds too; the page shows no price of 1080p and 4k.
  price: ({ duration, resolution, videos }) =>
    videos.length > 0 || resolution !== '720p' ? undefined : duration * 0.157,
  confirmed: false,
});

/** Type of `klingV4`. */
export interface KlingV4 extends ModelOfBuiltIn<typeof v4> {}
