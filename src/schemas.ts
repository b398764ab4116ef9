/**
 * The entry wavespeed-kling/schemas: models, limits, prices, zod schemas and JSON Schemas. Imports nothing from Node, so
 * that it runs in a browser or on an edge.
 */
import type * as z from 'zod';
import { type ModelId, models } from './models/catalog.js';
import type { KlingO1, KlingO3Std } from './models/built-in-models.js';
import { KLING_O1, KLING_O3_STD } from './models/built-in-models.js';
import type { KlingO1Input, KlingO1Params, KlingO3StdInput, KlingO3StdParams } from './models/input-types.js';
import type { JsonSchema } from './models/json-schema.js';
import type { ToolJsonSchema } from './models/tool-schema.js';

export { ConfigurationError, InvalidInputError, type InputIssue } from './core/errors/index.js';
export type { CompletedPrediction, Prediction, PredictionStatus } from './core/prediction.js';
export { ASPECT_RATIOS, type AspectRatio } from './models/aspect-ratio.js';
export { isModelId, type Model, type ModelId, type ModelOf, type Models, models } from './models/catalog.js';
export { defineModel, type ModelDefinition } from './models/define-model.js';
export {
  type DefinedModel,
  type InputObject,
  type InputSchema,
  isDefinedModel,
  type ModelShape,
} from './models/defined-model.js';
export { checkFile, type CheckedFile } from './models/check-file.js';
export { estimateCost } from './models/estimate-cost.js';
export * from './models/built-in-models.js';
export {
  type ChoiceField,
  field,
  type FlagField,
  type MediaField,
  type MediaListField,
  type MediaListOptions,
  type PromptField,
  type Range,
  type SecondsField,
} from './models/field.js';
export type {
  CostOf,
  KlingO1Duration,
  KlingO1Input,
  KlingO1MediaInput,
  KlingO1Params,
  KlingO3StdDuration,
  KlingO3StdInput,
  KlingO3StdMediaInput,
  KlingO3StdParams,
  ModelInput,
  ParsedInput,
} from './models/input-types.js';
export type { JsonSchema, JsonSchemaField } from './models/json-schema.js';
export type { Media, MediaKind, MediaUrl } from './models/media.js';
export type { ModelField, ModelFields } from './models/model-fields.js';
export { parseInput } from './models/parse-input.js';
export { predictionSchema, type PredictionSchema, webhookEventSchema } from './models/prediction-schema.js';
export { type JsonSchemaCondition, type Rule, rule } from './models/rule.js';
export type { ToolJsonSchema } from './models/tool-schema.js';
export { withRules } from './models/with-rules.js';

// The interfaces below give each schema a name of this package: a declaration file that mentions it then needs no
// import of zod, which a program under pnpm cannot resolve.

type O1Object = KlingO1['inputObject'];
type O3StdObject = KlingO3Std['inputObject'];

/** Type of `klingO1InputObject`. */
export interface KlingO1InputObject extends O1Object {}
/** Type of `klingO3StdInputObject`. */
export interface KlingO3StdInputObject extends O3StdObject {}
/** Type of `klingO1InputSchema`. */
export interface KlingO1InputSchema extends z.ZodType<KlingO1Params, KlingO1Input> {}
/** Type of `klingO3StdInputSchema`. */
export interface KlingO3StdInputSchema extends z.ZodType<KlingO3StdParams, KlingO3StdInput> {}

// Each constant below is the result of a call marked pure, so that a bundler drops it, and zod, if it is unused.

/** Fields of Kling O1 without the rules between them: for `.extend`, `.pick` and `.omit`. */
export const klingO1InputObject: KlingO1InputObject = /* @__PURE__ */ (() => models[KLING_O1].inputObject)();

/** Fields of Kling O3 Standard without the rules between them: for `.extend`, `.pick` and `.omit`. */
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

/** Makes an object with one lazy property for each built-in model. */
function byModel<Values>(read: (id: ModelId) => unknown): Values {
  const values = {};
  for (const id of Object.keys(models) as ModelId[]) {
    Object.defineProperty(values, id, { enumerable: true, get: () => read(id) });
  }
  return Object.freeze(values) as Values;
}

/** The input schemas by model id. */
export const inputSchemas: InputSchemas = /* @__PURE__ */ byModel((id) => models[id].inputSchema);

/** Type of `inputSchemas`. */
export type InputSchemas = Omit<
  { readonly [Id in ModelId]: (typeof models)[Id]['inputSchema'] },
  typeof KLING_O1 | typeof KLING_O3_STD
> & {
  readonly [KLING_O1]: KlingO1InputSchema;
  readonly [KLING_O3_STD]: KlingO3StdInputSchema;
};

/** The JSON Schemas (draft 2020-12) of the inputs by model id. They reject what the zod schemas reject. */
export const inputJsonSchemas: Readonly<Record<ModelId, JsonSchema>> = /* @__PURE__ */ byModel(
  (id) => models[id].inputJsonSchema,
);

/**
 * JSON Schemas for tools of language models by model id: what every client accepts, with all limits in the
 * descriptions. They allow more than the model takes: check the arguments with `parseInput` or the client.
 */
export const toolJsonSchemas: Readonly<Record<ModelId, ToolJsonSchema>> = /* @__PURE__ */ byModel(
  (id) => models[id].toolJsonSchema,
);
