/** Finds the config of a model. Does not import zod, which prices do not need. */
import { InvalidInputError } from '../core/errors/index.js';
import { didYouMean, formatValue } from '../utils/messages.js';
import { CATALOG, isModelId, type ModelId } from './catalog.js';
import { type DefinedModel, isDefinedModel } from './defined-model.js';
import type { ModelConfig } from './model-config.js';

/** A model: its id, or the result of `defineModel`. */
export type Model = ModelId | DefinedModel;

export function throwUnknownModel(model: unknown): never {
  const known = Object.keys(CATALOG);
  const meant = typeof model === 'string' ? didYouMean(model, known) : undefined;
  const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
  throw new InvalidInputError(typeof model === 'string' ? model : 'an unknown model', [
    {
      path: ['model'],
      message: `model: got ${formatValue(model)}; expected one of ${known.join(', ')}, or a model made by defineModel${hint}`,
    },
  ]);
}

export function resolveConfig(model: unknown): ModelConfig {
  if (isModelId(model)) return CATALOG[model];
  return isDefinedModel(model) ? model : throwUnknownModel(model);
}
