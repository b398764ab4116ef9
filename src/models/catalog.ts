/** The two models' configs. */
import { KLING_O1, KLING_O3_STD, type ModelConfig } from './model-config.js';

/**
 * Source: the models' pages. The O1 page prints only "Max 7" images; its later edition and Kling's own API both reduce
 * it to 4 with a reference video.
 */
export const CATALOG = {
  [KLING_O1]: {
    id: KLING_O1,
    durations: [3, 4, 5, 6, 7, 8, 9, 10],
    images: 7,
    imagesWithVideo: 4,
    sound: false,
    price: { images: 0.112, video: 0.168 },
  },
  [KLING_O3_STD]: {
    id: KLING_O3_STD,
    durations: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    images: 7,
    imagesWithVideo: 4,
    sound: true,
    price: { images: 0.084, video: 0.126 },
  },
} as const satisfies Record<string, ModelConfig>;

/** Id of a model in the catalog. */
export type ModelId = keyof typeof CATALOG;

/** Returns true if a value is the id of a model in the catalog. */
export function isModelId(value: unknown): value is ModelId {
  return typeof value === 'string' && Object.hasOwn(CATALOG, value);
}
