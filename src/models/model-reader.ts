/** How the input of a model is read: of a built-in one by its specs, of another by its zod schemas. */
import type * as z from 'zod';
import { formatValue } from '../utils/messages.js';
import type { BuiltIn } from './built-in.js';
import { type DefinedModel, isDefinedModel } from './defined-model.js';
import { builtIns, isModelId, throwUnknownModel } from './family-by-id.js';
import { formatChoices } from './field-messages.js';
import { type MediaKind, mediaKindOf, sendsEmpty } from './media.js';
import { type Reading, readField, readInput } from './read-spec.js';

/** What an input is read, checked and priced by. */
export interface ModelReader {
  readonly model: Pick<DefinedModel, 'id' | 'fields' | 'rules' | 'price'>;
  /** Names of its fields. */
  readonly names: readonly string[];
  mediaOf(name: string): { kind: MediaKind; isList: boolean } | undefined;
  /** Whether an empty list of media is sent. */
  sendsEmpty(name: string): boolean;
  readField(name: string, value: unknown): Reading;
  readInput(input: Readonly<Record<string, unknown>>): Reading<Record<string, unknown>>;
}

export function readerOf(model: unknown): ModelReader {
  if (isModelId(model)) return specReader(builtIns[model]);
  return isDefinedModel(model) ? schemaReader(model) : throwUnknownModel(model);
}

function specReader(model: BuiltIn): ModelReader {
  const { specs } = model;
  return {
    model,
    names: Object.keys(specs),
    mediaOf(name) {
      const { media, kind } = specs[name] ?? {};
      return media && { kind: media, isList: kind === 'list' };
    },
    sendsEmpty(name) {
      const spec = specs[name];
      return spec?.kind === 'list' && spec.sendsEmpty;
    },
    readField(name, value) {
      const spec = specs[name];
      return spec === undefined ? { value, issues: [] } : readField(spec, value);
    },
    readInput: (input) => readInput(model, input),
  };
}

/** For fields whose zod schema has no message of its own. */
const error: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'invalid_value') {
    return `got ${formatValue(issue.input)}; expected one of ${formatChoices(issue.values as unknown[])}`;
  }
  return issue.code === 'invalid_type'
    ? `got ${formatValue(issue.input)}; expected ${issue.expected}`
    : undefined;
};

function schemaReader(model: DefinedModel): ModelReader {
  const { shape } = model.inputObject;
  return {
    model,
    names: Object.keys(shape),
    mediaOf: (name) => mediaKindOf(shape[name]),
    sendsEmpty: (name) => sendsEmpty(shape[name]),
    readField(name, value) {
      const result = shape[name]?.safeParse(value, { error });
      return { value: result?.data, issues: result?.error?.issues ?? [] };
    },
    readInput(input) {
      const result = model.inputSchema.safeParse(input, { error });
      return { value: result.data ?? {}, issues: result.error?.issues ?? [] };
    },
  };
}
