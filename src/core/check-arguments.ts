/** Checks arguments: ids, tasks, and the fields that several queries share. */
import { InvalidInputError } from './errors/index.js';
import { isTaskId, normalizePrediction, type Prediction } from './prediction.js';
import type { Check } from './validate-options.js';

export function invalid(call: string, field: string, problem: string): InvalidInputError {
  return new InvalidInputError(call, [{ path: [field], message: `${field}: ${problem}` }]);
}

export const timeOf =
  (call: string): Check =>
  (value, name) => {
    const at = value instanceof Date ? value.getTime() : Date.parse(String(value));
    if (Number.isNaN(at)) {
      throw invalid(call, name, `got ${String(value)}; expected a Date, or a time in ISO 8601`);
    }
  };

export const anything: Check = () => undefined;

/** @throws {InvalidInputError} unless the value is the id of a task. */
export function checkId(id: unknown): string {
  if (isTaskId(id)) return id;
  const shown =
    typeof id === 'string' ? JSON.stringify(id) : id === null ? 'null' : `a value of type ${typeof id}`;
  throw invalid('a task', 'id', `got ${shown}; expected the id of a task, as in \`prediction.id\``);
}

/** @throws {InvalidInputError} unless the value is a task id or a list of ids. */
export function checkIds(ids: unknown, call = 'delete'): string[] {
  const list: unknown[] = typeof ids === 'string' ? [ids] : Array.isArray(ids) ? ids : [];
  if (list.length === 0) throw invalid(call, 'ids', 'got none; expected at least one id');
  return list.map(checkId);
}

/** @throws {InvalidInputError} unless the value is a task, such as the body of a webhook. */
export function checkPrediction(value: unknown): Prediction {
  const prediction = normalizePrediction(value);
  if (prediction !== undefined) return prediction;
  throw invalid('settle', 'prediction', 'expected a task, such as the event of a webhook');
}
