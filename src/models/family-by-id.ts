/** The built-in models by id, without their schemas. */
import { InvalidInputError } from '../core/errors/index.js';
import { didYouMean, formatValue } from '../utils/messages.js';
import type { BuiltIn } from './built-in.js';
import * as family from './family.js';

/** Id of a built-in model. */
export type ModelId = Extract<(typeof family)[keyof typeof family], { id: string }>['id'];

/** Returns the models among the exports of a module, by id. */
export function byId(exported: Readonly<Record<string, string | { id: string }>>): object {
  // Bundlers differ in the order of the exports.
  const inOrder = Object.entries(exported).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.freeze(
    Object.fromEntries(inOrder.flatMap(([, one]) => (typeof one === 'string' ? [] : [[one.id, one]]))),
  );
}

export const builtIns = /* @__PURE__ */ byId(family) as { readonly [Id in ModelId]: BuiltIn<Id> };

/** Returns true if a value is the id of a built-in model. */
export function isModelId(value: unknown): value is ModelId {
  return typeof value === 'string' && Object.hasOwn(builtIns, value);
}

export function throwUnknownModel(model: unknown): never {
  const known = Object.keys(builtIns);
  const meant = typeof model === 'string' ? didYouMean(model, known) : undefined;
  const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
  throw new InvalidInputError(typeof model === 'string' ? model : 'an unknown model', [
    {
      path: ['model'],
      message: `model: got ${formatValue(model)}; expected one of ${known.join(', ')}, or a model made by defineModel${hint}`,
    },
  ]);
}
