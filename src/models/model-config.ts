/** The config of a model, and the constants that both models share. */

// `as const`, so that TypeScript does not widen the literal to `string` in an object or array.

/** Id of Kling O1 reference-to-video. */
export const KLING_O1 = 'kwaivgi/kling-video-o1/reference-to-video' as const;

/** Id of Kling O3 Standard reference-to-video. */
export const KLING_O3_STD = 'kwaivgi/kling-video-o3-std/reference-to-video' as const;

/** Aspect ratios of both models. Source: the models' pages. */
export const ASPECT_RATIOS = ['16:9', '9:16', '1:1'] as const;

/** Defaults of omitted fields. Source: the models' pages. */
export const DEFAULTS = {
  images: [],
  keep_original_sound: true,
  sound: false,
  aspect_ratio: '16:9',
  duration: 5,
} as const;

/** Limits and prices of a model, as published on its page. */
export interface ModelConfig<
  Id extends string = string,
  Duration extends number = number,
  Sound extends boolean = boolean,
> {
  /** Model id, which is also the path of its endpoint: `provider/model/variant`. */
  readonly id: Id;
  /** Supported durations in whole seconds, ascending. The default is 5, or the shortest if 5 is not supported. */
  readonly durations: readonly Duration[];
  /** Maximum number of reference images without a reference video. */
  readonly images: number;
  /** Maximum number of reference images with a reference video: at most `images`. */
  readonly imagesWithVideo: number;
  /** True if the model has the `sound` parameter. */
  readonly sound: Sound;
  /** US dollars per second of generated video: multiples of 0.0001. */
  readonly price: {
    /** Without a reference video. */
    readonly images: number;
    /** With a reference video. */
    readonly video: number;
  };
}

export function defaultDuration(durations: readonly number[]): number {
  return durations.includes(DEFAULTS.duration) ? DEFAULTS.duration : Math.min(...durations);
}
