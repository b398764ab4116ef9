/** The built-in models by id, and the lookup of a model. */
import { InvalidInputError } from '../core/errors/index.js';
import { didYouMean, formatValue } from '../utils/messages.js';
import { type DefinedModel, isDefinedModel } from './define-model.js';
import * as family from './family.js';

type Exported = (typeof family)[keyof typeof family];

/** A built-in model. */
type BuiltIn = Extract<Exported, { inputObject: unknown }>;

/** Id of a built-in model. */
export type ModelId = BuiltIn['id'];

/** The built-in models by id. */
export type Models = { readonly [Id in ModelId]: Extract<BuiltIn, { id: Id }> };

/** A model: its id, or the result of `defineModel`. */
export type Model = ModelId | DefinedModel;

/** The defined model of an id, or itself. */
export type ModelOf<M extends Model> = M extends ModelId ? Models[M] : M;

/** The built-in models by id, each as returned by `defineModel`. */
export const models: Models = /* @__PURE__ */ (() =>
  Object.freeze(
    Object.fromEntries(
      // Bundlers differ in the order of the exports.
      Object.entries(family as Record<string, unknown>)
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .flatMap(([, model]) => (isDefinedModel(model) ? [[model.id, model]] : [])),
    ),
  ) as unknown as Models)();

/** Returns true if a value is the id of a built-in model. */
export function isModelId(value: unknown): value is ModelId {
  return typeof value === 'string' && Object.hasOwn(models, value);
}

export function resolveModel(model: unknown): DefinedModel {
  if (isModelId(model)) return models[model];
  return isDefinedModel(model) ? model : throwUnknownModel(model);
}

function throwUnknownModel(model: unknown): never {
  const known = Object.keys(models);
  const meant = typeof model === 'string' ? didYouMean(model, known) : undefined;
  const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
  throw new InvalidInputError(typeof model === 'string' ? model : 'an unknown model', [
    {
      path: ['model'],
      message: `model: got ${formatValue(model)}; expected one of ${known.join(', ')}, or a model made by defineModel${hint}`,
    },
  ]);
}
