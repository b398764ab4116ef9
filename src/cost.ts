/**
 * Prices → cost: what a task costs, exact in money.
 */
import { defaultDuration } from './definition.js';
import { InvalidInputError } from './errors.js';
import { findDefinition, type Model } from './known-models.js';
import { costOf, type PricedInput } from './price.js';
import { durationsInWords, show } from './wording.js';

export type { PricedInput } from './price.js';

/**
 * Says what a task costs, in US dollars, by the prices on the models' pages (`quote` asks the service instead).
 *
 * @throws {InvalidInputError} for an unknown model, or a duration that it does not make.
 * @example
 * estimateCost(KLING_O3_STD, { duration: 8 }); // 0.672
 */
export function estimateCost(model: Model, input: PricedInput): number {
  const definition = findDefinition(model);
  const duration = input.duration ?? defaultDuration(definition.durations);
  if (!definition.durations.includes(duration)) {
    throw new InvalidInputError(definition.id, [
      {
        path: ['duration'],
        message: `duration: got ${show(duration)}; expected ${durationsInWords(definition.durations)}`,
      },
    ]);
  }
  return costOf(definition, duration, input.video !== undefined);
}
