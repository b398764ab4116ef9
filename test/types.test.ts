// The client's types, checked by the compiler: what is meant compiles, and what the service would ignore does not.
// Nothing here calls the service: the functions are only compiled.
import { describe, expectTypeOf, test } from 'vitest';
import { KLING_O1, KLING_O3_STD, type WaveSpeedKling } from 'wavespeed-kling';

const prompts = ['A fox', 'A hare'];

describe('the ids keep their literal types', () => {
  test('in an object or an array made of them', () => {
    const made = prompts.map(() => ({ model: KLING_O1, models: [KLING_O3_STD] }));
    expectTypeOf(made).toEqualTypeOf<{ model: typeof KLING_O1; models: (typeof KLING_O3_STD)[] }[]>();
  });

  test('so that requests need no type of their own', () => {
    const compiled = (kling: WaveSpeedKling) => {
      const requests = prompts.map((prompt) => ({ model: KLING_O1, input: { prompt } }));
      void kling.runMany(requests);
      void kling.runMany(prompts.map((prompt) => ({ model: KLING_O3_STD, input: { prompt, duration: 8 } })));
    };
    expectTypeOf(compiled).toBeFunction();
  });
});
