/** The aspect ratios of Kling O1 and O3. Source: the models' pages. */

export const ASPECT_RATIOS = ['16:9', '9:16', '1:1'] as const;

/** Aspect ratio of a video of Kling O1 and O3. */
export type AspectRatio = (typeof ASPECT_RATIOS)[number];
