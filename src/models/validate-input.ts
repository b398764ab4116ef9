/** Validates an input against a model's schema, and throws this library's error. */
import type * as z from 'zod';
import { type InputIssue, InvalidInputError } from '../core/errors/index.js';
import type { DefinedModel } from './defined-model.js';
import { unknownFieldMessage } from './field-messages.js';
import type { ReferenceParams, ReferenceParamsWithSound } from './input-types.js';
import type { ModelConfig } from './model-config.js';

function toInputIssues(config: ModelConfig, error: z.core.$ZodError): InputIssue[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: [key], message: unknownFieldMessage(config, key) }));
    }
    const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
    const field = path.map((key) => (typeof key === 'number' ? `[${key}]` : key)).join('');
    return [{ path, message: field === '' ? issue.message : `${field}: ${issue.message}` }];
  });
}

export function validateInput(
  model: DefinedModel,
  input: unknown,
): ReferenceParams | ReferenceParamsWithSound {
  const result = model.inputSchema.safeParse(input);
  if (result.success) return result.data;
  throw new InvalidInputError(model.id, toInputIssues(model, result.error));
}
