/** What the emulator charges: a model's own price, or what its options say. */
import type { DefinedModel } from '../../models/defined-model.js';

/** Price of a task in US dollars: a number, or a function of the input with its defaults filled in. */
export type EmulatorPrice = number | ((input: Record<string, unknown>) => number);

/** Made up: where neither the model nor the option `prices` knows the price. In US dollars per second. */
export const MADE_UP_PRICE_PER_SECOND = 0.2;

const SECONDS = 5;

export function priceOf(
  model: DefinedModel,
  input: Record<string, unknown>,
  prices: Readonly<Record<string, EmulatorPrice>>,
): number {
  const given = Object.hasOwn(prices, model.id) ? prices[model.id] : undefined;
  if (typeof given === 'number') return given;
  const duration = typeof input['duration'] === 'number' ? input['duration'] : SECONDS;
  const price = given?.(input) ?? model.price(input) ?? duration * MADE_UP_PRICE_PER_SECOND;
  return Math.round(price * 1_000_000) / 1_000_000;
}
