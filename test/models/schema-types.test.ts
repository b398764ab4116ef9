// The types, checked by the compiler: what does not fit a model does not compile, and zod infers the named types.
// Nothing here calls the service: the functions are only compiled.
import { describe, expectTypeOf, test } from 'vitest';
import type { ModelInput, WaveSpeedKling } from 'wavespeed-kling';
import {
  type AspectRatio,
  type DefinedModel,
  defineModel,
  estimateCost,
  type InputSchema,
  type inputSchemas,
  isModelId,
  KLING_O1,
  KLING_O3_STD,
  type KlingO1Duration,
  type KlingO1Input,
  type klingO1InputObject,
  type klingO1InputSchema,
  type KlingO1Params,
  type KlingO3StdDuration,
  type KlingO3StdInput,
  type klingO3StdInputObject,
  type klingO3StdInputSchema,
  type KlingO3StdParams,
  type Media,
  type Model,
  type ModelId,
  models,
  parseInput,
  type Prediction,
  type predictionSchema,
} from 'wavespeed-kling/schemas';
import type * as z from 'zod';

const o3Pro = defineModel({
  id: 'kwaivgi/kling-video-o3-pro/reference-to-video',
  durations: [5, 10],
  images: 7,
  imagesWithVideo: 4,
  sound: true,
  price: { images: 0.112, video: 0.168 },
});
const silent = defineModel({
  id: 'kwaivgi/kling-video-o1-std/reference-to-video',
  durations: [5, 10],
  images: 7,
  imagesWithVideo: 4,
  sound: false,
  price: { images: 0.084, video: 0.126 },
});

/** Holds where each type can stand in for the other. */
type Same<One, Other> = [One, Other] extends [Other, One] ? true : false;
const holds = <_Fact extends true>() => undefined;

describe('zod infers the named types', () => {
  test('of the complete schemas', () => {
    holds<Same<z.input<typeof klingO1InputSchema>, KlingO1Input>>();
    holds<Same<z.output<typeof klingO1InputSchema>, KlingO1Params>>();
    holds<Same<z.input<typeof klingO3StdInputSchema>, KlingO3StdInput>>();
    holds<Same<z.output<typeof klingO3StdInputSchema>, KlingO3StdParams>>();
    holds<Same<z.output<typeof predictionSchema>, Prediction>>();
    expectTypeOf<(typeof inputSchemas)[typeof KLING_O1]>().toEqualTypeOf<typeof klingO1InputSchema>();
  });

  test('of the objects, field by field', () => {
    holds<Same<z.input<typeof klingO1InputObject>, KlingO1Input>>();
    holds<Same<z.output<typeof klingO1InputObject>, KlingO1Params>>();
    holds<Same<z.input<typeof klingO3StdInputObject>, KlingO3StdInput>>();
    holds<Same<z.output<typeof klingO3StdInputObject>, KlingO3StdParams>>();
  });

  test('under exactOptionalPropertyTypes, with undefined allowed', () => {
    const input: KlingO1Input = { prompt: 'A fox', video: undefined, duration: undefined };
    const inferred: z.input<typeof klingO1InputObject> = {
      prompt: 'A fox',
      video: undefined,
      images: undefined,
    };
    expectTypeOf(input).toExtend<z.input<typeof klingO1InputObject>>();
    expectTypeOf(inferred).toExtend<KlingO1Input>();
  });

  test('that differ between the two models', () => {
    expectTypeOf<KlingO1Duration>().toEqualTypeOf<3 | 4 | 5 | 6 | 7 | 8 | 9 | 10>();
    expectTypeOf<Exclude<KlingO3StdDuration, KlingO1Duration>>().toEqualTypeOf<11 | 12 | 13 | 14 | 15>();
    expectTypeOf<AspectRatio>().toEqualTypeOf<'16:9' | '9:16' | '1:1'>();
    expectTypeOf<keyof KlingO1Params>().toEqualTypeOf<
      'prompt' | 'video' | 'images' | 'keep_original_sound' | 'aspect_ratio' | 'duration'
    >();
    expectTypeOf<Exclude<keyof KlingO3StdParams, keyof KlingO1Params>>().toEqualTypeOf<'sound'>();
    // @ts-expect-error -- O1 makes no sound: its schema is not O3's
    holds<Same<KlingO1Params, KlingO3StdParams>>();
  });
});

describe('what a model does not support does not compile', () => {
  test('as a named type', () => {
    const compiled = () => {
      const common = { prompt: 'A fox' };
      // @ts-expect-error -- O1 makes 10 seconds at most
      const long: KlingO1Input = { ...common, duration: 11 };
      // @ts-expect-error -- not a whole number
      const fraction: KlingO3StdInput = { ...common, duration: 3.5 };
      // @ts-expect-error -- a text is no number
      const text: KlingO3StdInput = { ...common, duration: '5' };
      // @ts-expect-error -- O1 has no sound
      const sound: KlingO1Input = { ...common, sound: true };
      // @ts-expect-error -- not a ratio of the page
      const ratio: KlingO1Input = { ...common, aspect_ratio: '4:3' };
      // @ts-expect-error -- misspelt
      const misspelt: KlingO3StdInput = { ...common, aspectRatio: '16:9' };
      // @ts-expect-error -- the prompt is required
      const empty: KlingO1Input = {};
      // @ts-expect-error -- null is not "left out"
      const nothing: KlingO1Input = { ...common, video: null };
      return [long, fraction, text, sound, ratio, misspelt, empty, nothing];
    };
    expectTypeOf(compiled).toBeFunction();
  });

  test('in a call of the client', () => {
    const compiled = async (kling: WaveSpeedKling, id: ModelId) => {
      const prompt = 'A fox';
      await kling.run(KLING_O3_STD, { prompt, duration: 15, sound: true });
      await kling.run(id, { prompt, duration: 10 });
      await kling.run('kwaivgi/kling-video-o1/reference-to-video', {
        prompt,
        images: [new URL('file:///a.png'), new Blob([])],
      });
      // @ts-expect-error -- an unknown model
      await kling.run('kwaivgi/kling-video-o1/reference-to-vidio', { prompt });
      // @ts-expect-error -- a plain object is no model
      await kling.run({ id: KLING_O1 }, { prompt });
      // @ts-expect-error -- O1 makes 10 seconds at most
      await kling.run(KLING_O1, { prompt, duration: 11 });
      // @ts-expect-error -- O1 has no sound
      await kling.submit(KLING_O1, { prompt, sound: true });
      // @ts-expect-error -- not a ratio of the page
      await kling.quote(KLING_O3_STD, { prompt, aspect_ratio: '4:3' });
      // @ts-expect-error -- misspelt
      await kling.run(KLING_O3_STD, { prompt, durations: 5 });
    };
    expectTypeOf(compiled).toBeFunction();
  });

  test('for a defined model', () => {
    const compiled = async (kling: WaveSpeedKling) => {
      const prompt = 'A fox';
      await kling.run(o3Pro, { prompt, duration: 10, sound: true, images: [new Blob([])] });
      await kling.submit(silent, { prompt, duration: 5 });
      await kling.quote(models[KLING_O1], { prompt, duration: 3 });
      // @ts-expect-error -- it makes 5 or 10 seconds
      await kling.run(o3Pro, { prompt, duration: 8 });
      // @ts-expect-error -- it has no sound
      await kling.run(silent, { prompt, sound: true });
      // @ts-expect-error -- not a ratio
      await kling.run(o3Pro, { prompt, aspect_ratio: '4:3' });
      // @ts-expect-error -- misspelt
      await kling.run(silent, { prompt, ratio: '16:9' });
      // @ts-expect-error -- the prompt is required
      await kling.run(silent, { duration: 5 });
    };
    expectTypeOf(compiled).toBeFunction();
  });

  test('as a config of defineModel', () => {
    const compiled = () => {
      const facts = { id: 'a/b', durations: [5], images: 7, imagesWithVideo: 4, sound: true } as const;
      // @ts-expect-error -- without a price
      defineModel(facts);
      // @ts-expect-error -- without the price with a video
      defineModel({ ...facts, price: { images: 0.1 } });
      // @ts-expect-error -- misspelt
      defineModel({ ...facts, price: { images: 0.1, video: 0.1 }, image: 7 });
      // @ts-expect-error -- not a number
      defineModel({ ...facts, price: { images: '0.1', video: 0.1 } });
      // @ts-expect-error -- read only
      o3Pro.images = 8;
      // @ts-expect-error -- read only
      o3Pro.durations.push(15);
    };
    expectTypeOf(compiled).toBeFunction();
  });
});

describe('the literal types of a config are kept', () => {
  test('in the fields of the defined model', () => {
    expectTypeOf(o3Pro).toEqualTypeOf<
      DefinedModel<'kwaivgi/kling-video-o3-pro/reference-to-video', 5 | 10, true>
    >();
    expectTypeOf(o3Pro.inputSchema).toEqualTypeOf<InputSchema<5 | 10, true>>();
    expectTypeOf<z.input<typeof o3Pro.inputObject>['sound']>().toEqualTypeOf<boolean | undefined>();
    expectTypeOf<z.output<typeof silent.inputObject>>().not.toHaveProperty('sound');
    holds<Same<z.input<typeof o3Pro.inputObject>, z.input<typeof o3Pro.inputSchema>>>();
    holds<Same<z.output<typeof silent.inputObject>, z.output<typeof silent.inputSchema>>>();
  });

  test('in the result of parseInput', () => {
    const parsed = () => parseInput(o3Pro, {});
    expectTypeOf<ReturnType<typeof parsed>['duration']>().toEqualTypeOf<5 | 10>();
    const parsedById = () => parseInput(KLING_O3_STD, {});
    type Parsed = ReturnType<typeof parsedById>;
    expectTypeOf<Parsed['duration']>().toEqualTypeOf<KlingO3StdDuration>();
    expectTypeOf<Parsed['sound']>().toEqualTypeOf<boolean>();
    expectTypeOf<Parsed['aspect_ratio']>().toEqualTypeOf<AspectRatio>();
    expectTypeOf<Parsed['images'][number]>().toEqualTypeOf<Media>();
    expectTypeOf<Parsed['video']>().toEqualTypeOf<Media | undefined>();
  });

  test('so that the result of parseInput can be passed to the client', () => {
    const compiled = async (kling: WaveSpeedKling, duration: number, file: Blob) => {
      const input = { prompt: 'A fox', duration, images: [file] };
      // @ts-expect-error -- any number
      await kling.run(KLING_O3_STD, input);
      await kling.run(KLING_O3_STD, parseInput(KLING_O3_STD, input));
      await kling.run(KLING_O1, parseInput(KLING_O1, input));
      await kling.submit(o3Pro, parseInput(o3Pro, input));
      await kling.quote(silent, parseInput(silent, input));
      void kling.runMany([{ model: KLING_O1, input: parseInput(KLING_O1, input) }]);
      // @ts-expect-error -- O3 Standard supports more durations, and sound
      await kling.run(KLING_O1, parseInput(KLING_O3_STD, input));
    };
    const generic = <M extends Model>(kling: WaveSpeedKling, model: M, input: unknown) =>
      kling.run(model, parseInput(model, input));
    const union = (kling: WaveSpeedKling, id: ModelId, input: unknown) =>
      kling.run(id, parseInput(id, input));
    expectTypeOf([compiled, generic, union]).toBeArray();
  });

  test('in the input of the client', () => {
    expectTypeOf<ModelInput<typeof o3Pro>['duration']>().toEqualTypeOf<5 | 10 | undefined>();
    expectTypeOf<ModelInput<typeof silent>['sound']>().toEqualTypeOf<undefined>();
    expectTypeOf<ModelInput<typeof KLING_O1>['duration']>().toEqualTypeOf<KlingO1Duration | undefined>();
  });

  test('and are wide where the config is not literal', () => {
    const make = (durations: number[], sound: boolean) =>
      defineModel({
        id: 'a/b',
        durations,
        images: 7,
        imagesWithVideo: 4,
        sound,
        price: { images: 0.1, video: 0.1 },
      });
    expectTypeOf<ModelInput<ReturnType<typeof make>>['duration']>().toEqualTypeOf<number | undefined>();
    const compiled = (model: DefinedModel) => estimateCost(model, { duration: 5 });
    expectTypeOf(compiled(models[KLING_O1])).toBeNumber();
    expectTypeOf(compiled(o3Pro)).toBeNumber();
  });
});

test('isModelId narrows', () => {
  expectTypeOf(isModelId).guards.toEqualTypeOf<ModelId>();
});
