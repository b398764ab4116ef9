/** The cost of a parsed input. */
import { ConfigurationError } from '../core/errors/index.js';
import { formatValue } from '../utils/messages.js';
import type { DefinedModel } from './defined-model.js';

/** Returns the cost of a parsed input in US dollars; undefined where only the service knows it. */
export function costOf(
  model: Pick<DefinedModel, 'id' | 'price'>,
  parsed: Readonly<Record<string, unknown>>,
): number | undefined {
  const cost = model.price(parsed);
  if (cost === undefined) return undefined;
  if (typeof cost !== 'number' || !Number.isFinite(cost) || cost < 0) {
    throw new ConfigurationError(
      `The \`price\` of ${model.id} returned ${formatValue(cost)}; expected US dollars, or undefined where only the service knows the price.`,
    );
  }
  // 5 × 0.168 is not exactly 0.84.
  return Math.round(cost * 1_000_000) / 1_000_000;
}
