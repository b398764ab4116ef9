/**
 * What describes a model, and what all of them share: ids, aspect ratios, defaults. Data alone.
 */

// `as const`, for a literal that TypeScript does not widen to `string` in an object or an array made of it.

/** Names Kling O1 reference-to-video; pass it, or the id string, as `model`. */
export const KLING_O1 = 'kwaivgi/kling-video-o1/reference-to-video' as const;

/** Names Kling O3 Standard reference-to-video; pass it, or the id string, as `model`. */
export const KLING_O3_STD = 'kwaivgi/kling-video-o3-std/reference-to-video' as const;

/** The aspect ratios both models make. Source: the models' pages. */
export const ASPECT_RATIOS = ['16:9', '9:16', '1:1'] as const;

/** What a request gets when it leaves a field out. Source: the models' pages. */
export const DEFAULTS = {
  images: [],
  keep_original_sound: true,
  sound: false,
  aspect_ratio: '16:9',
  duration: 5,
} as const;

/** Describes one model: everything that the schemas, the prices and the emulator are made from. */
export interface ModelDefinition {
  /** The id, which is also the path of its endpoint: `/api/v3/{id}`. */
  readonly id: string;
  /** The durations it makes, in whole seconds, ascending. */
  readonly durations: readonly number[];
  /** How many reference images it takes without a reference video. */
  readonly images: number;
  /** How many reference images it takes beside a reference video. */
  readonly imagesWithVideo: number;
  /** Whether it has the `sound` parameter. */
  readonly sound: boolean;
  /** Price in thousandths of a US dollar per second of video made, down to a tenth of one. */
  readonly milliDollarsPerSecond: {
    /** With image references only, or none. */
    readonly images: number;
    /** With a reference video. */
    readonly video: number;
  };
}

/** Gives the duration, in seconds, of a request that names none: the pages' 5, or the shortest where 5 is not made. */
export function defaultDuration(durations: readonly number[]): number {
  return durations.includes(DEFAULTS.duration) ? DEFAULTS.duration : Math.min(...durations);
}
