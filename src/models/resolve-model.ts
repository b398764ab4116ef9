/** The models of the catalog with their schemas, and their lookup. */
import { once } from '../utils/once.js';
import { CATALOG, isModelId } from './catalog.js';
import { defineModel } from './define-model.js';
import { type DefinedModel, isDefinedModel } from './defined-model.js';
import { KLING_O1, KLING_O3_STD } from './model-config.js';
import { throwUnknownModel } from './resolve-config.js';

/** The models by id, each as returned by `defineModel`. Created on first use: building schemas is slow. */
export const models = /* @__PURE__ */ (() => {
  const klingO1 = once(() => defineModel(CATALOG[KLING_O1]));
  const klingO3Std = once(() => defineModel(CATALOG[KLING_O3_STD]));
  return Object.freeze({
    get [KLING_O1]() {
      return klingO1();
    },
    get [KLING_O3_STD]() {
      return klingO3Std();
    },
  });
})();

export function resolveModel(model: unknown): DefinedModel {
  if (isModelId(model)) return models[model];
  return isDefinedModel(model) ? model : throwUnknownModel(model);
}
