/**
 * The two models, made of their facts. A third model is one more entry.
 */
import { type DefinedModel, defineModel } from './define-model.js';
import { KLING_O1, KLING_O3_STD } from './definition.js';
import { FACTS, isDefinedModel, isModelId, refuseModel } from './catalog.js';

export { ASPECT_RATIOS, DEFAULTS, KLING_O1, KLING_O3_STD, type ModelDefinition } from './definition.js';
export { isDefinedModel, isModelId, type Model, type ModelId } from './catalog.js';

/** Lists the models by id, each as `defineModel` makes it. */
export const models = /* @__PURE__ */ (() =>
  Object.freeze({
    [KLING_O1]: defineModel(FACTS[KLING_O1]),
    [KLING_O3_STD]: defineModel(FACTS[KLING_O3_STD]),
  }))();

/**
 * Finds a model by its id; one made by `defineModel` is given as it is.
 *
 * @throws {InvalidInputError} for anything else, with the id that may have been meant.
 */
export function findModel(model: unknown): DefinedModel {
  if (isModelId(model)) return models[model];
  return isDefinedModel(model) ? model : refuseModel(model);
}
