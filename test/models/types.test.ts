// The client's types, checked by the compiler: what the service would ignore does not compile.
// Nothing here calls the service: the functions are only compiled.
import { describe, expectTypeOf, test } from 'vitest';
import {
  type ConnectionError,
  defineModel,
  estimateCost,
  field,
  KLING_O1,
  KLING_O3_STD,
  type ManyRequest,
  type Model,
  type ModelId,
  type ModelInput,
  type RateLimitError,
  type SubmissionUnknownError,
  type WaveSpeedKling,
} from 'wavespeed-kling';
import * as z from 'zod';

const prompts = ['A fox', 'A hare'];

describe('the model ids keep their literal types', () => {
  test('in an object or array made of them', () => {
    const made = prompts.map(() => ({ model: KLING_O1, models: [KLING_O3_STD] }));
    expectTypeOf(made).toEqualTypeOf<{ model: typeof KLING_O1; models: (typeof KLING_O3_STD)[] }[]>();
  });

  test('so that requests of a batch need no type annotation', () => {
    const compiled = (kling: WaveSpeedKling) => {
      const requests = prompts.map((prompt) => ({ model: KLING_O1, input: { prompt } }));
      void kling.runMany(requests);
      void kling.runMany(prompts.map((prompt) => ({ model: KLING_O3_STD, input: { prompt, duration: 8 } })));
    };
    expectTypeOf(compiled).toBeFunction();
  });
});

const fields = {
  prompt: field.prompt(),
  images: field.images({ max: 7 }),
  duration: field.seconds([5, 10]),
};
const price = ({ duration }: { duration: number }) => duration * 0.1;
const silent = defineModel({ id: 'a/silent', input: fields, price });
const loud = defineModel({ id: 'a/loud', input: { ...fields, sound: z.boolean().default(false) }, price });
const prompt = 'A fox';

describe('a batch', () => {
  test('accepts the fields of its models, and no others', () => {
    const compiled = (kling: WaveSpeedKling) => {
      void kling.runMany([
        {
          model: KLING_O1,
          input: { prompt, duration: 10, images: [new URL('file:///a.png'), new Blob([])] },
        },
        { model: KLING_O3_STD, input: { prompt, duration: 15, sound: true } },
        { model: loud, input: { prompt, duration: 10, sound: true } },
      ]);
      void kling.runMany(new Set([{ model: silent, input: { prompt } }]));
      // @ts-expect-error -- O1 has no sound
      void kling.runMany([{ model: KLING_O1, input: { prompt, sound: true } }]);
      // @ts-expect-error -- nor has this one
      void kling.runMany([{ model: silent, input: { prompt, sound: true } }]);
      // @ts-expect-error -- misspelt
      void kling.runMany([{ model: KLING_O3_STD, input: { prompt, aspectRatio: '1:1' } }]);
      // @ts-expect-error -- misspelt, in one of two
      void kling.runMany([
        { model: KLING_O1, input: { prompt } },
        { model: loud, input: { prompt, duraton: 5 } },
      ]);
      // @ts-expect-error -- misspelt, in what a map makes
      void kling.runMany(prompts.map((text) => ({ model: KLING_O1, input: { prompt: text, durations: 5 } })));
      // @ts-expect-error -- O1 makes 10 seconds at most
      void kling.runMany([{ model: KLING_O1, input: { prompt, duration: 15 } }]);
      // @ts-expect-error -- nor does this one make 8
      void kling.runMany([{ model: loud, input: { prompt, duration: 8 } }]);
      // @ts-expect-error -- the prompt is required
      void kling.runMany([{ model: KLING_O1, input: {} }]);
    };
    expectTypeOf(compiled).toBeFunction();
  });

  test('accepts an async iterable, and a list of any requests', () => {
    const compiled = (kling: WaveSpeedKling, many: ManyRequest[], inputs: ModelInput<typeof KLING_O1>[]) => {
      async function* stream() {
        yield { model: KLING_O3_STD, input: { prompt, sound: true } };
      }
      async function* misspelt() {
        yield { model: KLING_O3_STD, input: { prompt, sounds: true } };
      }
      void kling.runMany(many);
      void kling.runMany(stream());
      void kling.runMany(inputs.map((input) => ({ model: KLING_O1, input })));
      // @ts-expect-error -- misspelt, in a stream
      void kling.runMany(misspelt());
    };
    expectTypeOf(compiled).toBeFunction();
  });

  test('returns each request with its own type, additional fields included', () => {
    const compiled = async (kling: WaveSpeedKling) => {
      const requests = prompts.map((text, row) => ({ model: KLING_O1, input: { prompt: text }, row }));
      for await (const { request } of kling.runMany(requests)) {
        expectTypeOf(request.row).toBeNumber();
        expectTypeOf(request.input.prompt).toBeString();
      }
    };
    expectTypeOf(compiled).toBeFunction();
  });
});

test('a variable with sound is rejected if the model has no sound', () => {
  const compiled = async (kling: WaveSpeedKling, id: ModelId) => {
    const input = { prompt, sound: true };
    await kling.run(KLING_O3_STD, input);
    await kling.run(loud, input);
    // @ts-expect-error -- O1 has no sound
    await kling.run(KLING_O1, input);
    // @ts-expect-error -- nor has this one
    await kling.submit(silent, input);
    await kling.run(id, { prompt });
  };
  expectTypeOf(compiled).toBeFunction();
});

test('an unknown field is rejected, in a variable as well', () => {
  const compiled = async (kling: WaveSpeedKling, id: ModelId, model: Model, some: boolean) => {
    const input = { prompt, typo: 1 };
    // @ts-expect-error -- misspelt
    await kling.run(KLING_O3_STD, input);
    // @ts-expect-error -- misspelt
    await kling.submit(silent, input);
    // @ts-expect-error -- misspelt, for any built-in model
    await kling.submit(id, input);
    const mixed = some ? { prompt } : { prompt, typo: 1 };
    // @ts-expect-error -- misspelt, in one of two
    await kling.run(KLING_O1, mixed);
    // @ts-expect-error -- misspelt
    await kling.run(KLING_O1, { prompt, aspectRatio: '1:1' });
    // Not known: it may be a field of any model.
    await kling.run(model, input);
    // Counts as absent.
    await kling.run(KLING_O1, { prompt, typo: undefined });
  };
  expectTypeOf(compiled).toBeFunction();
});

test('an input is accepted however it was made', () => {
  const compiled = async (
    kling: WaveSpeedKling,
    id: ModelId,
    some: boolean,
    given: { prompt: string; duration?: 5 | 10 },
  ) => {
    const annotated: ModelInput<typeof KLING_O1> = { prompt };
    const { duration: _, ...rest } = annotated;
    await kling.run(KLING_O1, rest);
    await kling.run(silent, given);
    await kling.run<typeof KLING_O1>(KLING_O1, { prompt, duration: 10 });
    await kling.run(KLING_O1, some ? { prompt } : { prompt, duration: 5 });
    await kling.run(KLING_O3_STD, { prompt, ...(some && { sound: true }) });
    await kling.run(id, { prompt, aspect_ratio: '9:16' });
  };
  const wrapped = <M extends Model>(kling: WaveSpeedKling, model: M, input: ModelInput<M>) =>
    kling.submit(model, input);
  expectTypeOf([compiled, wrapped]).toBeArray();
});

test('estimateCost accepts a complete input, a part of one, or none', () => {
  const compiled = (model: ModelId, input: ModelInput<typeof KLING_O1>) => {
    expectTypeOf(estimateCost(KLING_O1, { prompt, duration: 5, images: [new Blob([])] })).toBeNumber();
    expectTypeOf(estimateCost(KLING_O1, input)).toBeNumber();
    expectTypeOf(estimateCost(model)).toEqualTypeOf<number | undefined>();
    expectTypeOf(estimateCost(loud, { duration: 10, sound: true })).toBeNumber();
    // @ts-expect-error -- O1 makes 10 seconds at most
    estimateCost(KLING_O1, { duration: 11 });
    // @ts-expect-error -- nor does this one make 8
    estimateCost(loud, { duration: 8 });
    // @ts-expect-error -- misspelt
    estimateCost(KLING_O3_STD, { seconds: 5 });
  };
  expectTypeOf(compiled).toBeFunction();
});

test("an error's name narrows its class", () => {
  const compiled = (error: ConnectionError | RateLimitError | SubmissionUnknownError) => {
    if (error.name === 'RateLimitError') return error.retryAfterMs;
    if (error.name === 'SubmissionUnknownError') return error.submittedAt.getTime();
    expectTypeOf(error.name).toEqualTypeOf<'ConnectionError'>();
    // @ts-expect-error -- not the name of any
    return error.name === 'RatelimitError' ? undefined : error.code;
  };
  expectTypeOf(compiled).toBeFunction();
});
