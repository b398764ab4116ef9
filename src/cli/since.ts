/** Parses a time that is given as a distance, such as 7d, or in ISO 8601. */
import { InvalidArgumentError } from '@commander-js/extra-typings';
import { once } from './options.js';

export const DAY_MS = 24 * 60 * 60_000;

const UNITS: Record<string, number> = { m: 60_000, h: 60 * 60_000, d: DAY_MS, w: 7 * DAY_MS };

export const since = once((value): Date => {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([mhdw])$/.exec(value) ?? [];
  const ms = amount === undefined ? Date.parse(value) : Date.now() - Number(amount) * (UNITS[unit] ?? 0);
  if (Number.isNaN(ms) || !/\d/.test(value)) {
    throw new InvalidArgumentError(`Got "${value}"; expected 7d, 12h, 30m, or a time in ISO 8601.`);
  }
  return new Date(ms);
});
