/**
 * The entry of wavespeed-kling/schemas: models, limits, prices, zod schemas and JSON Schemas; imports nothing of Node,
 * so that it runs in a browser or on an edge.
 */
import type * as z from 'zod';
import type { InputObject } from './models/input-schema.js';
import type {
  KlingO1Duration,
  KlingO1Input,
  KlingO1Request,
  KlingO3StdDuration,
  KlingO3StdInput,
  KlingO3StdRequest,
} from './models/input-types.js';
import type { JsonSchema } from './models/json-schema.js';
import { KLING_O1, KLING_O3_STD, models } from './models/registry.js';

export { estimateCost } from './models/estimate-cost.js';
export { type DefinedModel, defineModel } from './models/define-model.js';
export { ConfigurationError, InvalidInputError, type InputIssue } from './core/errors/index.js';
export type { ModelFacts } from './models/validate-definition.js';
export type { Media, ModelInput } from './models/prepare-input.js';
export { type InputObject, type InputSchema, withImageLimit } from './models/input-schema.js';
export type {
  AspectRatio,
  KlingO1Duration,
  KlingO1Input,
  KlingO1Request,
  KlingO3StdDuration,
  KlingO3StdInput,
  KlingO3StdRequest,
  ReferenceInput,
  ReferenceInputWithSound,
  ReferenceRequest,
  ReferenceRequestWithSound,
} from './models/input-types.js';
export type { JsonSchema, JsonSchemaField } from './models/json-schema.js';
export {
  ASPECT_RATIOS,
  KLING_O1,
  KLING_O3_STD,
  type Model,
  type ModelDefinition,
  type ModelId,
  isDefinedModel,
  isModelId,
  models,
} from './models/registry.js';
export { type ModelRequest, parseInput } from './models/parse-input.js';
export type { CompletedPrediction, Prediction, PredictionStatus } from './core/prediction.js';
export { predictionSchema, webhookEventSchema } from './models/prediction-schema.js';

// Each constant below is made by a call marked pure, so that a bundler drops it, and zod, where nobody uses it.

/** The fields of a request to Kling O1 without the limit that spans two fields: for `.extend`, `.pick` and `.omit`. */
export const klingO1InputObject: InputObject<KlingO1Duration, false> = /* @__PURE__ */ (() =>
  models[KLING_O1].inputObject)();

/** The fields of a request to Kling O3 Standard without the limit that spans two fields: for `.extend`, `.pick` and `.omit`. */
export const klingO3StdInputObject: InputObject<KlingO3StdDuration, true> = /* @__PURE__ */ (() =>
  models[KLING_O3_STD].inputObject)();

/**
 * Checks a request to Kling O1: every limit of its page, unknown fields refused, nothing coerced, defaults filled in.
 *
 * @example
 * const request = klingO1InputSchema.parse({ prompt: 'A fox', duration: 10 });
 */
export const klingO1InputSchema: z.ZodType<KlingO1Request, KlingO1Input> = /* @__PURE__ */ (() =>
  models[KLING_O1].inputSchema)();

/**
 * Checks a request to Kling O3 Standard: every limit of its page, unknown fields refused, nothing coerced, defaults
 * filled in.
 *
 * @example
 * const request = klingO3StdInputSchema.parse({ prompt: 'A fox', duration: 15, sound: true });
 */
export const klingO3StdInputSchema: z.ZodType<KlingO3StdRequest, KlingO3StdInput> = /* @__PURE__ */ (() =>
  models[KLING_O3_STD].inputSchema)();

/** The input schemas by model id. */
export const inputSchemas = /* @__PURE__ */ (() => ({
  [KLING_O1]: klingO1InputSchema,
  [KLING_O3_STD]: klingO3StdInputSchema,
}))();

/** The JSON Schemas (draft 2020-12) of the inputs by model id; they refuse what the zod schemas refuse. */
export const inputJsonSchemas: Readonly<Record<keyof typeof inputSchemas, JsonSchema>> =
  /* @__PURE__ */ (() => ({
    get [KLING_O1]() {
      return models[KLING_O1].inputJsonSchema;
    },
    get [KLING_O3_STD]() {
      return models[KLING_O3_STD].inputJsonSchema;
    },
  }))();
