/** The models of the catalog with their schemas, and their lookup. */
import { CATALOG, isModelId } from './catalog.js';
import { defineModel } from './define-model.js';
import { type DefinedModel, isDefinedModel } from './defined-model.js';
import { KLING_O1, KLING_O3_STD } from './model-config.js';
import { throwUnknownModel } from './resolve-config.js';

/** The models by id, each as returned by `defineModel`. */
export const models = /* @__PURE__ */ (() =>
  Object.freeze({
    [KLING_O1]: defineModel(CATALOG[KLING_O1]),
    [KLING_O3_STD]: defineModel(CATALOG[KLING_O3_STD]),
  }))();

export function resolveModel(model: unknown): DefinedModel {
  if (isModelId(model)) return models[model];
  return isDefinedModel(model) ? model : throwUnknownModel(model);
}
