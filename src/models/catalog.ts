/** The built-in models by id with their schemas, and the lookup of a model. */
import * as exported from './built-in-models.js';
import { type DefinedModel, isDefinedModel } from './defined-model.js';
import { byId, isModelId, type ModelId, throwUnknownModel } from './family-by-id.js';

export { isModelId, type ModelId } from './family-by-id.js';

type Exported = (typeof exported)[keyof typeof exported];

/** A built-in model. */
type BuiltIn = Extract<Exported, { inputObject: unknown }>;

/** The built-in models by id. */
export type Models = { readonly [Id in ModelId]: Extract<BuiltIn, { id: Id }> };

/** A model: its id, or the result of `defineModel`. */
export type Model = ModelId | DefinedModel;

/** The defined model of an id, or itself. */
export type ModelOf<M extends Model> = M extends ModelId ? Models[M] : M;

/** The built-in models by id, each as returned by `defineModel`. */
export const models = /* @__PURE__ */ byId(exported) as Models;

export function resolveModel(model: unknown): DefinedModel {
  if (isModelId(model)) return models[model];
  return isDefinedModel(model) ? model : throwUnknownModel(model);
}
