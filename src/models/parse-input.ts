/**
 * Checks an input against its model, and says in this library's own words what is wrong with it.
 */
import type * as z from 'zod';
import type { DefinedModel } from './define-model.js';
import type { KLING_O1, KLING_O3_STD, ModelDefinition } from './definition.js';
import { type InputIssue, InvalidInputError } from '../core/errors/index.js';
import type { KlingO1Request, KlingO3StdRequest, RequestOf } from './input-types.js';
import { findModel, type Model } from './registry.js';
import { unknownField } from '../core/messages.js';

/** The parsed request to a model, by its id or what `defineModel` made. */
export type ModelRequest<M extends Model> = M extends typeof KLING_O1
  ? KlingO1Request
  : M extends typeof KLING_O3_STD
    ? KlingO3StdRequest
    : M extends DefinedModel
      ? RequestOf<M['durations'][number], M['sound']>
      : never;

/** Turns zod's issues into ours: one an unknown field, and each message names its field. */
function toInputIssues(definition: ModelDefinition, error: z.core.$ZodError): InputIssue[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: [key], message: unknownField(definition, key) }));
    }
    const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
    const field = path.map((key) => (typeof key === 'number' ? `[${key}]` : key)).join('');
    return [{ path, message: field === '' ? issue.message : `${field}: ${issue.message}` }];
  });
}

/**
 * Checks an input against its model and fills in the defaults.
 *
 * @throws {InvalidInputError} with everything that is wrong with it.
 * @example
 * const request = parseInput(KLING_O1, { prompt: 'A fox' }); // { prompt, images: [], duration: 5, … }
 */
export function parseInput<M extends Model>(model: M, input: unknown): ModelRequest<M> {
  const found = findModel(model);
  const result = found.inputSchema.safeParse(input);
  if (result.success) return result.data as ModelRequest<M>;
  throw new InvalidInputError(found.id, toInputIssues(found, result.error));
}
