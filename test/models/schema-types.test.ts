// The types, checked by the compiler: what does not fit a model does not compile, and zod infers the named types.
// Nothing here calls the service: the functions are only compiled.
import { describe, expectTypeOf, test } from 'vitest';
import type { ModelInput, WaveSpeedKling } from 'wavespeed-kling';
import {
  type AspectRatio,
  type DefinedModel,
  defineModel,
  estimateCost,
  field,
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
  type KLING_O3_4K,
  KLING_O3_PRO,
  KLING_V4,
  type ModelId,
  models,
  type ParsedInput,
  type Range,
  rule,
  parseInput,
  type Prediction,
  type predictionSchema,
} from 'wavespeed-kling/schemas';
import * as z from 'zod';

const fields = {
  prompt: field.prompt(),
  video: field.video(),
  images: field.images({ max: 7 }),
  aspect_ratio: z.enum(['16:9', '9:16', '1:1']).default('16:9'),
  duration: field.seconds([5, 10]),
};
const o3Pro = defineModel({
  id: 'kwaivgi/kling-video-o3-pro/reference-to-video',
  input: { ...fields, sound: z.boolean().default(false) },
  price: ({ duration, video }) => duration * (video === undefined ? 0.112 : 0.168),
});
const silent = defineModel({
  id: 'kwaivgi/kling-video-o1-std/reference-to-video',
  input: fields,
  price: ({ duration }) => duration * 0.084,
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

  test('as a definition', () => {
    const compiled = () => {
      // @ts-expect-error -- without fields
      defineModel({ id: 'a/b' });
      // @ts-expect-error -- a field that is not a schema
      defineModel({ id: 'a/b', input: { prompt: 'string' } });
      // @ts-expect-error -- misspelt
      defineModel({ id: 'a/b', input: fields, rule: [] });
      // @ts-expect-error -- a price is a function
      defineModel({ id: 'a/b', input: fields, price: 0.1 });
      // @ts-expect-error -- not a price
      defineModel({ id: 'a/b', input: fields, price: () => '0.1' });
      // @ts-expect-error -- not a field
      defineModel({ id: 'a/b', input: fields, price: ({ seconds }) => seconds });
      // @ts-expect-error -- read only
      o3Pro.confirmed = false;
      // @ts-expect-error -- read only
      o3Pro.rules.push(rule.excludes('sound', 'video'));
    };
    expectTypeOf(compiled).toBeFunction();
  });
});

describe('the literal types of a definition are kept', () => {
  test('in the fields of the defined model', () => {
    expectTypeOf(o3Pro.id).toEqualTypeOf<'kwaivgi/kling-video-o3-pro/reference-to-video'>();
    expectTypeOf<z.output<typeof o3Pro.inputSchema>['duration']>().toEqualTypeOf<5 | 10>();
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

  test('and are wide where the definition is not literal', () => {
    const make = (durations: number[]) =>
      defineModel({ id: 'a/b', input: { prompt: field.prompt(), duration: field.seconds(durations) } });
    expectTypeOf<ModelInput<ReturnType<typeof make>>['duration']>().toEqualTypeOf<number | undefined>();
    const compiled = (model: DefinedModel) => estimateCost(model, { duration: 5 });
    expectTypeOf(compiled(models[KLING_O1])).toEqualTypeOf<number | undefined>();
    expectTypeOf(compiled(o3Pro)).toEqualTypeOf<number | undefined>();
  });
});

describe('the types of the six models', () => {
  type Of<M extends ModelId, Field extends keyof ModelInput<M>> = Exclude<ModelInput<M>[Field], undefined>;
  type UpTo<N extends number> = Range<3, N>;

  test('durations are unions', () => {
    expectTypeOf<Of<typeof KLING_O1, 'duration'>>().toEqualTypeOf<UpTo<10>>();
    expectTypeOf<Of<typeof KLING_O3_STD, 'duration'>>().toEqualTypeOf<UpTo<15>>();
    expectTypeOf<Of<typeof KLING_O3_PRO, 'duration'>>().toEqualTypeOf<UpTo<15>>();
    expectTypeOf<Of<typeof KLING_O3_4K, 'duration'>>().toEqualTypeOf<UpTo<15>>();
    expectTypeOf<Of<typeof KLING_V4, 'duration'>>().toEqualTypeOf<UpTo<30>>();
    expectTypeOf<Range<3, 5>>().toEqualTypeOf<3 | 4 | 5>();
    expectTypeOf<Range<3, 3600>>().toEqualTypeOf<number>();
    expectTypeOf<Range<1, 999>>().toExtend<number>();
    expectTypeOf<number>().not.toExtend<Range<1, 999>>();
  });

  test('enums are literal', () => {
    expectTypeOf<Of<typeof KLING_O3_PRO, 'aspect_ratio'>>().toEqualTypeOf<AspectRatio>();
    expectTypeOf<Of<typeof KLING_V4, 'aspect_ratio'>>().toEqualTypeOf<AspectRatio | '21:9'>();
    expectTypeOf<Of<typeof KLING_V4, 'resolution'>>().toEqualTypeOf<'720p' | '1080p' | '4k'>();
    expectTypeOf<Of<typeof KLING_V4, 'dynamic_range'>>().toEqualTypeOf<'hdr'>();
  });

  test('media take files, one or a list', () => {
    expectTypeOf<Of<typeof KLING_O3_4K, 'video'>>().toEqualTypeOf<Media>();
    expectTypeOf<Of<typeof KLING_O3_4K, 'images'>>().toEqualTypeOf<readonly Media[]>();
    expectTypeOf<Of<typeof KLING_V4, 'videos'>>().toEqualTypeOf<readonly Media[]>();
    expectTypeOf<Of<typeof KLING_V4, 'audios'>>().toEqualTypeOf<readonly Media[]>();
    expectTypeOf<ParsedInput<typeof KLING_V4>['audios']>().toExtend<Media[]>();
  });

  test('a price that only the service knows is undefined', () => {
    const compiled = () => {
      expectTypeOf(estimateCost(KLING_O1)).toBeNumber();
      expectTypeOf(estimateCost(KLING_O3_STD)).toBeNumber();
      expectTypeOf(estimateCost(KLING_O3_PRO)).toEqualTypeOf<undefined>();
      expectTypeOf(estimateCost(KLING_V4, { resolution: '4k' })).toEqualTypeOf<number | undefined>();
    };
    expectTypeOf(compiled).toBeFunction();
  });

  test('a variable with another model’s field is refused', () => {
    const compiled = async (kling: WaveSpeedKling) => {
      const prompt = 'A fox';
      const videos = { prompt, videos: ['https://a.b/c.mp4'] };
      const video = { prompt, video: 'https://a.b/c.mp4' };
      const resolution = { prompt, resolution: '4k' as const };
      await kling.run(KLING_V4, videos);
      await kling.run(KLING_V4, resolution);
      await kling.run(KLING_O3_PRO, video);
      // @ts-expect-error -- one video only
      await kling.run(KLING_O3_PRO, videos);
      // @ts-expect-error -- V4 has a list
      await kling.run(KLING_V4, video);
      // @ts-expect-error -- no resolution
      await kling.submit(KLING_O1, resolution);
      // @ts-expect-error -- nor here
      await kling.submit(silent, resolution);
      // @ts-expect-error -- V4 makes sound always
      await kling.run(KLING_V4, { prompt, sound: true });
    };
    expectTypeOf(compiled).toBeFunction();
  });
});

test('isModelId narrows', () => {
  expectTypeOf(isModelId).guards.toEqualTypeOf<ModelId>();
});
