/**
 * The two models as data: id, limits, prices. A third model is one more entry.
 */

/** Names Kling O1 reference-to-video; pass it, or the id string, as `model`. */
export const KLING_O1 = 'kwaivgi/kling-video-o1/reference-to-video';

/** Names Kling O3 Standard reference-to-video; pass it, or the id string, as `model`. */
export const KLING_O3_STD = 'kwaivgi/kling-video-o3-std/reference-to-video';

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
  /** Price in thousandths of a US dollar per second of video made: whole numbers, so that costs are exact. */
  readonly milliDollarsPerSecond: {
    /** With image references only, or none. */
    readonly images: number;
    /** With a reference video. */
    readonly video: number;
  };
}

/**
 * Lists the models by id. Source: the models' pages; the O1 page prints only "Max 7" images, its later
 * edition and Kling's own API both reduce it to 4 beside a reference video.
 */
export const models = {
  [KLING_O1]: {
    id: KLING_O1,
    durations: [3, 4, 5, 6, 7, 8, 9, 10],
    images: 7,
    imagesWithVideo: 4,
    sound: false,
    milliDollarsPerSecond: { images: 112, video: 168 },
  },
  [KLING_O3_STD]: {
    id: KLING_O3_STD,
    durations: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    images: 7,
    imagesWithVideo: 4,
    sound: true,
    milliDollarsPerSecond: { images: 84, video: 126 },
  },
} as const satisfies Record<string, ModelDefinition>;

/** The id of a model this library knows. */
export type ModelId = keyof typeof models;

/** Tells whether a value is the id of a known model. */
export function isModelId(value: unknown): value is ModelId {
  return typeof value === 'string' && Object.hasOwn(models, value);
}
