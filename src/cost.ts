/**
 * Prices → cost, exact in money: reckoned in whole thousandths of a dollar.
 */
import { InvalidInputError } from './errors.js';
import { DEFAULTS, type ModelDefinition, type ModelId, models } from './models.js';

/** The fields of an input that its price depends on. */
export interface PricedInput {
  /** Seconds; default 5. */
  duration?: number | undefined;
  /** A reference video, in whatever form: only whether there is one counts. */
  video?: unknown;
}

/**
 * Says what a task costs, in US dollars, by the prices on the models' pages (`quote` asks the service instead).
 *
 * @throws {InvalidInputError} for an unknown model, or a duration that it does not make.
 * @example
 * estimateCost(KLING_O3_STD, { duration: 8 }); // 0.672
 */
export function estimateCost(model: ModelId, input: PricedInput): number {
  const definition: ModelDefinition | undefined = Object.hasOwn(models, model) ? models[model] : undefined;
  if (definition === undefined) {
    throw new InvalidInputError('estimateCost', [
      { path: ['model'], message: `model: unknown; expected one of ${Object.keys(models).join(', ')}` },
    ]);
  }
  const duration = input.duration ?? DEFAULTS.duration;
  if (!definition.durations.includes(duration)) {
    throw new InvalidInputError(model, [
      {
        path: ['duration'],
        message: `duration: got ${String(duration)}; expected one of ${definition.durations.join(', ')} (seconds)`,
      },
    ]);
  }
  const { images, video } = definition.milliDollarsPerSecond;
  return (duration * (input.video === undefined ? images : video)) / 1000;
}
