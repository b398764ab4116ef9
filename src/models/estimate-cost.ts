/**
 * Prices → cost: what a task costs, exact in money.
 */
import { defaultDuration } from './definition.js';
import { InvalidInputError } from '../core/errors/index.js';
import { findDefinition, type Model } from './catalog.js';
import type { ModelInput } from './prepare-input.js';
import { costOf } from './pricing.js';
import { durationsInWords, show } from '../core/messages.js';

/**
 * Says what a task costs, in US dollars, by the prices on the models' pages (`quote` asks the service instead). Takes a
 * whole input, or as much of it as the price depends on: `duration`, and whether there is a `video`.
 *
 * @throws {InvalidInputError} for an unknown model, or a duration that it does not make.
 * @example
 * estimateCost(KLING_O3_STD, { duration: 8 }); // 0.672
 */
export function estimateCost<M extends Model>(model: M, input: Partial<ModelInput<M>> = {}): number {
  const definition = findDefinition(model);
  if (typeof input !== 'object' || input === null) {
    const message = `got ${show(input)}; expected an object such as { duration: 5 }`;
    throw new InvalidInputError(definition.id, [{ path: [], message }]);
  }
  // A form has null for what was not filled in; what is no duration at all is refused below.
  const { duration: given, video }: { duration?: number | null | undefined; video?: unknown } = input;
  const duration = given ?? defaultDuration(definition.durations);
  if (!definition.durations.includes(duration)) {
    throw new InvalidInputError(definition.id, [
      {
        path: ['duration'],
        message: `duration: got ${show(duration)}; expected ${durationsInWords(definition.durations)}`,
      },
    ]);
  }
  return costOf(definition, duration, video !== undefined && video !== null);
}
