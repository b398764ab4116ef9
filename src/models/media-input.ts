/** Types of an input as the client accepts it: with local media in place of URLs. */
import type { DefinedModel } from './defined-model.js';
import type {
  InputOf,
  KlingO1Input,
  KlingO1Params,
  KlingO3StdInput,
  KlingO3StdParams,
  ParamsOf,
} from './input-types.js';
import type { KLING_O1, KLING_O3_STD } from './model-config.js';
import type { Model } from './resolve-config.js';

/** A reference image or video: a URL, or a `file:` URL, Blob or File, which is uploaded first. */
export type Media = string | URL | Blob | File;

type WithMedia<Input> = Omit<Input, 'images' | 'video'> & {
  /** A reference video. With one, at most 4 images are allowed, and the price is 50 % higher. */
  video?: Media | undefined;
  /** Reference images of the element, scene or style: at most 7, or 4 with a reference video. @default [] */
  images?: readonly Media[] | undefined;
};

/** Rejects `sound` in a variable as well, where TypeScript does not check for undeclared properties. */
interface WithoutSound {
  /** Not supported by this model. */
  sound?: never;
}

/** Input of Kling O1, as the client accepts it. */
export interface KlingO1MediaInput extends WithMedia<KlingO1Input>, WithoutSound {}
/** Input of Kling O3 Standard, as the client accepts it. */
export interface KlingO3StdMediaInput extends WithMedia<KlingO3StdInput> {}

type MediaInputOf<Duration extends number, Sound extends boolean> = Sound extends true
  ? WithMedia<InputOf<Duration, true>>
  : WithMedia<InputOf<Duration, false>> & WithoutSound;

/** Input of a model as the client accepts it, by the model's id or the result of `defineModel`. */
export type ModelInput<M extends Model> = M extends typeof KLING_O1
  ? KlingO1MediaInput
  : M extends typeof KLING_O3_STD
    ? KlingO3StdMediaInput
    : M extends DefinedModel
      ? MediaInputOf<M['durations'][number], M['sound']>
      : never;

type ModelParams<M extends Model> = M extends typeof KLING_O1
  ? KlingO1Params
  : M extends typeof KLING_O3_STD
    ? KlingO3StdParams
    : M extends DefinedModel
      ? ParamsOf<M['durations'][number], M['sound']>
      : never;

/** Result of `parseInput`: an input for the client with its defaults filled in. */
export type ParsedInput<M extends Model> = ModelInput<M> &
  Omit<ModelParams<M>, 'images' | 'video'> & { images: Media[] };
