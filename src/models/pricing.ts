/**
 * The reckoning of a price: exact, because it is done in whole ten-thousandths of a dollar.
 */
import type { ModelDefinition } from './definition.js';

/** The finest step of a price: ten-thousandths of a dollar. */
const STEPS_PER_DOLLAR = 10_000;

/** Dearer than this, in US dollars a second, is a slip of the pen; and up to it, every cost is reckoned exactly. */
const DEAREST = 1000;

/** Turns US dollars into thousandths of one; undefined for what is no price, or finer than a ten-thousandth. */
export function toMilliDollars(dollars: unknown): number | undefined {
  if (typeof dollars !== 'number' || !(dollars > 0 && dollars <= DEAREST)) return undefined;
  const steps = Math.round(dollars * STEPS_PER_DOLLAR);
  // 0.1 + 0.2 is not 0.3: what was meant cannot be told from what was reckoned.
  return steps / STEPS_PER_DOLLAR === dollars ? steps / 10 : undefined;
}

/** Gives the cost in US dollars: the number that its decimal notation reads as, with no remainder of a fraction. */
export function costOf(definition: ModelDefinition, seconds: number, hasVideo: boolean): number {
  const { images, video } = definition.milliDollarsPerSecond;
  return (seconds * Math.round((hasVideo ? video : images) * 10)) / STEPS_PER_DOLLAR;
}
