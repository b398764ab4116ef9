/** Types of an input as the service accepts it, before and after its defaults are filled in. */
import type { CATALOG } from './catalog.js';
import type { ASPECT_RATIOS, KLING_O1, KLING_O3_STD } from './model-config.js';

/** Aspect ratio of the generated video. */
export type AspectRatio = (typeof ASPECT_RATIOS)[number];

/** Input of a model without sound, as the service accepts it. */
export interface ReferenceInput<Duration extends number = number> {
  /** Description of the video: a non-empty string, not only whitespace. */
  prompt: string;
  /** URL of a reference video. With one, at most 4 images are allowed, and the price is 50 % higher. */
  video?: string | undefined;
  /** URLs of reference images of the element, scene or style: at most 7, or 4 with a reference video. @default [] */
  images?: string[] | undefined;
  /** Keeps the reference video's own sound. @default true */
  keep_original_sound?: boolean | undefined;
  /** @default '16:9' */
  aspect_ratio?: AspectRatio | undefined;
  /** Length of the video in whole seconds. @default 5 */
  duration?: Duration | undefined;
}

/** Input of a model with sound, as the service accepts it. */
export interface ReferenceInputWithSound<Duration extends number = number> extends ReferenceInput<Duration> {
  /** Generates sound. @default false */
  sound?: boolean | undefined;
}

/** Parsed input of a model without sound: defaults filled in. */
export interface ReferenceParams<Duration extends number = number> {
  prompt: string;
  video?: string | undefined;
  images: string[];
  keep_original_sound: boolean;
  aspect_ratio: AspectRatio;
  duration: Duration;
}

/** Parsed input of a model with sound: defaults filled in. */
export interface ReferenceParamsWithSound<
  Duration extends number = number,
> extends ReferenceParams<Duration> {
  sound: boolean;
}

/** Durations of Kling O1, in seconds. */
export type KlingO1Duration = (typeof CATALOG)[typeof KLING_O1]['durations'][number];
/** Durations of Kling O3 Standard, in seconds. */
export type KlingO3StdDuration = (typeof CATALOG)[typeof KLING_O3_STD]['durations'][number];

/** Input of Kling O1, as the service accepts it. Source: the model's page. */
export interface KlingO1Input extends ReferenceInput<KlingO1Duration> {}
/** Input of Kling O3 Standard, as the service accepts it. Source: the model's page. */
export interface KlingO3StdInput extends ReferenceInputWithSound<KlingO3StdDuration> {}
/** Parsed input of Kling O1: defaults filled in. */
export interface KlingO1Params extends ReferenceParams<KlingO1Duration> {}
/** Parsed input of Kling O3 Standard: defaults filled in. */
export interface KlingO3StdParams extends ReferenceParamsWithSound<KlingO3StdDuration> {}

export type InputOf<Duration extends number, Sound extends boolean> = Sound extends true
  ? ReferenceInputWithSound<Duration>
  : ReferenceInput<Duration>;

export type ParamsOf<Duration extends number, Sound extends boolean> = Sound extends true
  ? ReferenceParamsWithSound<Duration>
  : ReferenceParams<Duration>;
