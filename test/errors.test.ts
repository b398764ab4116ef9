// The errors themselves: their names, at run time and as types.
import { expect, test } from 'vitest';
import * as library from 'wavespeed-kling';

const { WaveSpeedError } = library;

test('every class has its own name, on its prototype alone', () => {
  const classes = Object.entries(library).filter(
    ([, value]) => typeof value === 'function' && value.prototype instanceof Error,
  );
  expect(classes.length).toBeGreaterThan(18);
  for (const [name, errorClass] of classes) {
    const { prototype } = errorClass as typeof WaveSpeedError;
    expect(prototype.name).toBe(name);
  }
  expect(Object.keys(new library.ConfigurationError('No key.'))).toEqual([]);
});
