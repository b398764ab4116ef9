/**
 * The types of a request, before and after its defaults are filled in.
 */
import type { ASPECT_RATIOS, KLING_O1, KLING_O3_STD } from './definition.js';
import type { FACTS } from './catalog.js';

/** The aspect ratio of the video made. */
export type AspectRatio = (typeof ASPECT_RATIOS)[number];

/** A request to a model that makes these durations and no sound, as the service takes it. */
export interface ReferenceInput<Duration extends number = number> {
  /** What the video shall show. Not blank. */
  prompt: string;
  /** URL of a reference video. With one, at most 4 images are allowed, and the price is half as much again. */
  video?: string | undefined;
  /** URLs of reference images of the element, scene or style: at most 7, at most 4 beside a reference video. Default: none. */
  images?: string[] | undefined;
  /** Whether the reference video's own sound is kept. Default: true. */
  keep_original_sound?: boolean | undefined;
  /** Default: `16:9`. */
  aspect_ratio?: AspectRatio | undefined;
  /** Length of the video in whole seconds. Default: 5. */
  duration?: Duration | undefined;
}

/** A request to a model that makes these durations, and sound. */
export interface ReferenceInputWithSound<Duration extends number = number> extends ReferenceInput<Duration> {
  /** Whether sound is made for the video. Default: false. */
  sound?: boolean | undefined;
}

/** A parsed request to a model without sound: defaults filled in. */
export interface ReferenceRequest<Duration extends number = number> {
  /** What the video shall show. */
  prompt: string;
  /** URL of a reference video. */
  video?: string | undefined;
  /** URLs of reference images. */
  images: string[];
  /** Whether the reference video's own sound is kept. */
  keep_original_sound: boolean;
  aspect_ratio: AspectRatio;
  /** Length of the video in whole seconds. */
  duration: Duration;
}

/** A parsed request to a model with sound: defaults filled in. */
export interface ReferenceRequestWithSound<
  Duration extends number = number,
> extends ReferenceRequest<Duration> {
  /** Whether sound is made for the video. */
  sound: boolean;
}

/** The durations that Kling O1 makes, in seconds. */
export type KlingO1Duration = (typeof FACTS)[typeof KLING_O1]['durations'][number];
/** The durations that Kling O3 Standard makes, in seconds. */
export type KlingO3StdDuration = (typeof FACTS)[typeof KLING_O3_STD]['durations'][number];

/** A request to Kling O1, as the service takes it. Source: the model's page. */
export interface KlingO1Input extends ReferenceInput<KlingO1Duration> {}
/** A request to Kling O3 Standard, as the service takes it. Source: the model's page. */
export interface KlingO3StdInput extends ReferenceInputWithSound<KlingO3StdDuration> {}
/** A parsed request to Kling O1: defaults filled in. */
export interface KlingO1Request extends ReferenceRequest<KlingO1Duration> {}
/** A parsed request to Kling O3 Standard: defaults filled in. */
export interface KlingO3StdRequest extends ReferenceRequestWithSound<KlingO3StdDuration> {}

/** The request to a model, by its durations and whether it makes sound. */
export type InputOf<Duration extends number, Sound extends boolean> = Sound extends true
  ? ReferenceInputWithSound<Duration>
  : ReferenceInput<Duration>;

/** The parsed request to a model, by its durations and whether it makes sound. */
export type RequestOf<Duration extends number, Sound extends boolean> = Sound extends true
  ? ReferenceRequestWithSound<Duration>
  : ReferenceRequest<Duration>;
