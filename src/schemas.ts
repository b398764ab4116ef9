/**
 * The entry wavespeed-kling/schemas: models, limits, prices, zod schemas and JSON Schemas. Imports nothing from Node, so
 * that it runs in a browser or on an edge.
 */
import type * as z from 'zod';
import type { ReferenceShape, ReferenceShapeWithSound } from './models/input-schema.js';
import type {
  KlingO1Duration,
  KlingO1Input,
  KlingO1Params,
  KlingO3StdDuration,
  KlingO3StdInput,
  KlingO3StdParams,
} from './models/input-types.js';
import type { JsonSchema } from './models/json-schema.js';
import { KLING_O1, KLING_O3_STD } from './models/model-config.js';
import { models } from './models/resolve-model.js';

export { ConfigurationError, InvalidInputError, type InputIssue } from './core/errors/index.js';
export type { CompletedPrediction, Prediction, PredictionStatus } from './core/prediction.js';
export { isModelId, type ModelId } from './models/catalog.js';
export { defineModel } from './models/define-model.js';
export { type DefinedModel, isDefinedModel } from './models/defined-model.js';
export { estimateCost } from './models/estimate-cost.js';
export {
  type InputObject,
  type InputSchema,
  type ReferenceShape,
  type ReferenceShapeWithSound,
  withImageLimit,
} from './models/input-schema.js';
export type {
  AspectRatio,
  KlingO1Duration,
  KlingO1Input,
  KlingO1Params,
  KlingO3StdDuration,
  KlingO3StdInput,
  KlingO3StdParams,
  ReferenceInput,
  ReferenceInputWithSound,
  ReferenceParams,
  ReferenceParamsWithSound,
} from './models/input-types.js';
export type { JsonSchema, JsonSchemaField } from './models/json-schema.js';
export type {
  KlingO1MediaInput,
  KlingO3StdMediaInput,
  Media,
  ModelInput,
  ParsedInput,
} from './models/media-input.js';
export { ASPECT_RATIOS, KLING_O1, KLING_O3_STD, type ModelConfig } from './models/model-config.js';
export { parseInput } from './models/parse-input.js';
export { predictionSchema, type PredictionSchema, webhookEventSchema } from './models/prediction-schema.js';
export type { Model } from './models/resolve-config.js';
export { models } from './models/resolve-model.js';

// The interfaces below give each schema a name of this package: a declaration file that mentions it then needs no
// import of zod, which a program under pnpm cannot resolve.

/** Type of `klingO1InputObject`. */
export interface KlingO1InputObject extends z.ZodObject<ReferenceShape<KlingO1Duration>, z.core.$strict> {}
/** Type of `klingO3StdInputObject`. */
export interface KlingO3StdInputObject extends z.ZodObject<
  ReferenceShapeWithSound<KlingO3StdDuration>,
  z.core.$strict
> {}
/** Type of `klingO1InputSchema`. */
export interface KlingO1InputSchema extends z.ZodType<KlingO1Params, KlingO1Input> {}
/** Type of `klingO3StdInputSchema`. */
export interface KlingO3StdInputSchema extends z.ZodType<KlingO3StdParams, KlingO3StdInput> {}

// Each constant below is the result of a call marked pure, so that a bundler drops it, and zod, if it is unused.

/** Fields of Kling O1 without the image limit that depends on `video`: for `.extend`, `.pick` and `.omit`. */
export const klingO1InputObject: KlingO1InputObject = /* @__PURE__ */ (() => models[KLING_O1].inputObject)();

/** Fields of Kling O3 Standard without the image limit that depends on `video`: for `.extend`, `.pick` and `.omit`. */
export const klingO3StdInputObject: KlingO3StdInputObject = /* @__PURE__ */ (() =>
  models[KLING_O3_STD].inputObject)();

/**
 * Schema of an input of Kling O1: every limit of its page, no unknown fields, no coercion, defaults filled in.
 *
 * @example
 * const params = klingO1InputSchema.parse({ prompt: 'A fox', duration: 10 });
 */
export const klingO1InputSchema: KlingO1InputSchema = /* @__PURE__ */ (() => models[KLING_O1].inputSchema)();

/**
 * Schema of an input of Kling O3 Standard: every limit of its page, no unknown fields, no coercion, defaults filled in.
 *
 * @example
 * const params = klingO3StdInputSchema.parse({ prompt: 'A fox', duration: 15, sound: true });
 */
export const klingO3StdInputSchema: KlingO3StdInputSchema = /* @__PURE__ */ (() =>
  models[KLING_O3_STD].inputSchema)();

/** The input schemas by model id. */
export const inputSchemas = /* @__PURE__ */ (() => ({
  [KLING_O1]: klingO1InputSchema,
  [KLING_O3_STD]: klingO3StdInputSchema,
}))();

/** The JSON Schemas (draft 2020-12) of the inputs by model id. They reject what the zod schemas reject. */
export const inputJsonSchemas: Readonly<Record<keyof typeof inputSchemas, JsonSchema>> =
  /* @__PURE__ */ (() => ({
    get [KLING_O1]() {
      return models[KLING_O1].inputJsonSchema;
    },
    get [KLING_O3_STD]() {
      return models[KLING_O3_STD].inputJsonSchema;
    },
  }))();
