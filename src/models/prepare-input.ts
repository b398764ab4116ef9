/** Prepares an input for a submit. */
import { resolveModel } from './catalog.js';
import { type CheckedInput, checkInput } from './check-input.js';
import type { DefinedModel } from './defined-model.js';

export { type PendingUpload, replaceMedia } from './check-input.js';

export interface PreparedInput extends CheckedInput {
  model: DefinedModel;
}

export function prepareInput(model: unknown, input: unknown): PreparedInput {
  return { ...checkInput(model, input), model: resolveModel(model) };
}
