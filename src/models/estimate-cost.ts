/** Computes the cost of a task, without rounding errors. */
import { InvalidInputError } from '../core/errors/index.js';
import { formatValue } from '../utils/messages.js';
import { formatDurations } from './field-messages.js';
import { defaultDuration } from './model-config.js';
import type { ModelInput } from './media-input.js';
import { type Model, resolveConfig } from './resolve-config.js';

/** Prices are multiples of 0.0001 dollars; integers multiply exactly. */
const STEPS_PER_DOLLAR = 10_000;

/**
 * Returns the cost of a task in US dollars, computed from the published prices (`kling.quote` asks the service instead).
 * Accepts a complete input, or only the fields that the price depends on: `duration` and `video`.
 *
 * @throws {InvalidInputError} for an unknown model, or a duration that the model does not support.
 * @example
 * estimateCost(KLING_O3_STD, { duration: 8 }); // 0.672
 */
export function estimateCost<M extends Model>(model: M, input: Partial<ModelInput<M>> = {}): number {
  const { id, durations, price } = resolveConfig(model);
  if (typeof input !== 'object' || input === null) {
    const message = `got ${formatValue(input)}; expected an object such as { duration: 5 }`;
    throw new InvalidInputError(id, [{ path: [], message }]);
  }
  // Forms use null for empty fields.
  const { duration: given, video }: { duration?: number | null | undefined; video?: unknown } = input;
  const duration = given ?? defaultDuration(durations);
  if (!durations.includes(duration)) {
    const message = `duration: got ${formatValue(duration)}; expected ${formatDurations(durations)}`;
    throw new InvalidInputError(id, [{ path: ['duration'], message }]);
  }
  const perSecond = video === undefined || video === null ? price.images : price.video;
  return (duration * Math.round(perSecond * STEPS_PER_DOLLAR)) / STEPS_PER_DOLLAR;
}
