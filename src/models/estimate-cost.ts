/** Computes the cost of a task, without rounding errors. */
import { InvalidInputError, type InputIssue } from '../core/errors/index.js';
import { formatValue } from '../utils/messages.js';
import type { Model } from './catalog.js';
import { costOf } from './cost-of.js';
import type { CostOf, ModelInput } from './input-types.js';
import { type ModelReader, readerOf } from './model-reader.js';
import { readFields } from './read-fields.js';
import { describeUnknownField, toInputIssues } from './validate-input.js';

/**
 * Returns the cost of a task in US dollars, computed from the published prices, or `undefined` where only the service
 * knows it: `kling.quote` asks the service. Accepts a complete input, or only the fields that the price depends on.
 *
 * @throws {InvalidInputError} for an unknown model, or a value that a field does not take.
 * @example
 * estimateCost(KLING_O3_STD, { duration: 8 }); // 0.672
 */
export function estimateCost<M extends Model>(model: M, input: Partial<ModelInput<M>> = {}): CostOf<M> {
  const reader = readerOf(model);
  if (typeof input !== 'object' || input === null) {
    const message = `got ${formatValue(input)}; expected an object such as { duration: 5 }`;
    throw new InvalidInputError(reader.model.id, [{ path: [], message }]);
  }
  return costOf(reader.model, readGiven(reader, readFields(input))) as CostOf<M>;
}

/** Any medium costs the same: it need not be a URL yet. */
const PLACEHOLDER = 'https://local.invalid/';

/** Fills in the defaults. Forms use null for empty fields, and required fields may be absent. */
function readGiven(reader: ModelReader, fields: Record<string, unknown>): Record<string, unknown> {
  const problems: InputIssue[] = [];
  const parsed: Record<string, unknown> = {};
  for (const name of reader.names) {
    const given = fields[name] ?? undefined;
    const { value, issues } = reader.readField(name, withPlaceholders(reader, name, given));
    if (issues.length === 0) parsed[name] = value;
    else if (given !== undefined) {
      const nested = issues.map((issue) => ({ ...issue, path: [name, ...issue.path] }));
      problems.push(...toInputIssues(reader, nested));
    }
  }
  for (const name of Object.keys(fields)) {
    if (reader.names.includes(name) || fields[name] === null) continue;
    problems.push({ path: [name], message: describeUnknownField(reader, name) });
  }
  if (problems.length > 0) throw new InvalidInputError(reader.model.id, problems);
  return parsed;
}

function withPlaceholders(reader: ModelReader, name: string, given: unknown): unknown {
  const media = reader.mediaOf(name);
  if (media === undefined || given === undefined) return given;
  if (!media.isList) return PLACEHOLDER;
  return Array.isArray(given) ? given.map(() => PLACEHOLDER) : given;
}
