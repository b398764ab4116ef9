/** Computes the cost of a task, without rounding errors. */
import { InvalidInputError, type InputIssue } from '../core/errors/index.js';
import { formatValue } from '../utils/messages.js';
import { type Model, resolveModel } from './catalog.js';
import { costOf } from './cost-of.js';
import type { DefinedModel } from './define-model.js';
import type { CostOf, ModelInput } from './input-types.js';
import { mediaKindOf } from './media.js';
import { readFields } from './read-fields.js';
import { describeIssue, describeUnknownField, toInputIssues } from './validate-input.js';
import * as z from 'zod';

/**
 * Returns the cost of a task in US dollars, computed from the published prices, or `undefined` where only the service
 * knows it: `kling.quote` asks the service. Accepts a complete input, or only the fields that the price depends on.
 *
 * @throws {InvalidInputError} for an unknown model, or a value that a field does not take.
 * @example
 * estimateCost(KLING_O3_STD, { duration: 8 }); // 0.672
 */
export function estimateCost<M extends Model>(model: M, input: Partial<ModelInput<M>> = {}): CostOf<M> {
  const defined = resolveModel(model);
  if (typeof input !== 'object' || input === null) {
    const message = `got ${formatValue(input)}; expected an object such as { duration: 5 }`;
    throw new InvalidInputError(defined.id, [{ path: [], message }]);
  }
  return costOf(defined, readGiven(defined, readFields(input))) as CostOf<M>;
}

/** Any medium costs the same: it need not be a URL yet. */
const PLACEHOLDER = 'https://local.invalid/';

/** Fills in the defaults. Forms use null for empty fields, and required fields may be absent. */
function readGiven(model: DefinedModel, fields: Record<string, unknown>): Record<string, unknown> {
  const { shape } = model.inputObject;
  const issues: InputIssue[] = [];
  const parsed: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(shape)) {
    const given = fields[name] ?? undefined;
    const media = mediaKindOf(schema);
    const value =
      media === undefined || given === undefined
        ? given
        : media.isList && Array.isArray(given)
          ? given.map(() => PLACEHOLDER)
          : media.isList
            ? given
            : PLACEHOLDER;
    const result = z.safeParse(schema, value, { error: describeIssue });
    if (result.success) parsed[name] = result.data;
    else if (given !== undefined) {
      const nested = result.error.issues.map((issue) => ({ ...issue, path: [name, ...issue.path] }));
      issues.push(...toInputIssues(model, new z.ZodError(nested)));
    }
  }
  for (const name of Object.keys(fields)) {
    if (Object.hasOwn(shape, name) || fields[name] === null) continue;
    issues.push({ path: [name], message: describeUnknownField(model, name) });
  }
  if (issues.length > 0) throw new InvalidInputError(model.id, issues);
  return parsed;
}
