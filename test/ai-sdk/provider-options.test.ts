// `providerOptions.wavespeedKling` and the options of the provider.
import { describe, expect, test } from 'vitest';
import { KLING_O3_STD, KLING_V4 } from 'wavespeed-kling';
import { createWaveSpeedKling, type KlingVideoOptions } from 'wavespeed-kling/ai-sdk';
import { majors, setup } from './support.js';

describe.each(majors)('$ai providerOptions', ({ generateVideo }) => {
  test.each([
    [{ maxcost: 2 }, /`maxcost`: not an option; did you mean `maxCost`\?/],
    [{ timeout: 2 }, /`timeout`: not an option; did you mean `timeoutMs`\?/],
    [{ onSubmitted: 'x' }, /`onSubmitted`: not an option; the options are idempotencyKey, resume/],
    [{ maxCost: '2' }, /`maxCost`: got a string; expected an amount/],
    [{ maxCost: null }, /`maxCost`: got null/],
    [{ timeoutMs: 0 }, /`timeoutMs`: got 0/],
    [{ pollIntervalMs: -1 }, /`pollIntervalMs`: got -1/],
    [{ resume: '' }, /`resume`: got a string; expected the id of a task/],
    [{ resume: 7 }, /`resume`: got 7/],
    [{ idempotencyKey: '  ' }, /`idempotencyKey`: got a string; expected 1 to 250 characters/],
    [{ idempotencyKey: 'k'.repeat(251) }, /`idempotencyKey`: .* 250 characters/],
    [{ idempotencyKey: 7 }, /`idempotencyKey`: got 7/],
    [{ webhookUrl: 'http://example.com' }, /`webhookUrl`: expected an https URL/],
    [{ sound: 'yes' }, /sound: got "yes"/],
    [{ keep_original_sound: 1 }, /keep_original_sound: got 1/],
    ['maxCost', /`providerOptions.wavespeedKling`: got a string/],
  ])('rejects %j before anything is sent', async (wavespeedKling, message) => {
    const { emulator, model } = await setup();
    const providerOptions = { wavespeedKling } as unknown as Record<string, KlingVideoOptions>;
    // Three calls at once: none of them may be sent.
    await expect(generateVideo({ model, prompt: 'A fox', n: 3, providerOptions })).rejects.toThrow(message);
    expect(emulator.requests).toEqual([]);
  });

  test.each(['wavespeed', 'waveSpeedKling', 'wave_speed_kling'])(
    'rejects the key %s, whose options would be ignored',
    async (name) => {
      const { emulator, model } = await setup();
      const call = { model, prompt: 'A fox', providerOptions: { [name]: { maxCost: 0.1 } } };
      await expect(generateVideo(call)).rejects.toThrow(/did you mean `wavespeedKling`/);
      expect(emulator.requests).toEqual([]);
    },
  );

  test('ignores the options of other providers', async () => {
    const { kling, model, submits } = await setup();
    const providerOptions = { fal: { motion: 2 } };
    await generateVideo({ model, prompt: 'A fox', providerOptions, download: kling.download });
    expect(submits()).toBe(1);
  });

  test('rejects a video that costs more than maxCost before anything is sent', async () => {
    const { emulator, model } = await setup();
    const call = {
      model,
      prompt: 'A fox',
      duration: 15,
      providerOptions: { wavespeedKling: { maxCost: 1 } },
    };
    await expect(generateVideo(call)).rejects.toMatchObject({ name: 'BudgetExceededError', cost: 1.26 });
    expect(emulator.requests).toEqual([]);
  });

  test('stops waiting after timeoutMs, and names the task', async () => {
    const { client, model, submits } = await setup({ emulator: { processingMs: 1e9 } });
    const { id } = await client.submit(KLING_O3_STD, { prompt: 'A fox' });
    const providerOptions = { wavespeedKling: { resume: id, timeoutMs: 50, pollIntervalMs: 5 } };
    await expect(generateVideo({ model, prompt: 'A fox', providerOptions })).rejects.toMatchObject({
      name: 'WaitTimeoutError',
      predictionId: id,
    });
    expect(submits()).toBe(1);
  });

  test('asks for a webhook at webhookUrl', async () => {
    const { emulator, kling, model } = await setup();
    const providerOptions = { wavespeedKling: { webhookUrl: 'http://127.0.0.1:9/hook' } };
    await generateVideo({ model, prompt: 'A fox', providerOptions, download: kling.download });
    expect(emulator.account.tasks[0]?.webhook).toBe('http://127.0.0.1:9/hook');
  });

  test('rejects resume with n above 1', async () => {
    const { client, emulator, model, submits } = await setup();
    const { id } = await client.submit(KLING_O3_STD, { prompt: 'A fox' });
    const call = { model, prompt: 'A fox', n: 2, providerOptions: { wavespeedKling: { resume: id } } };
    await expect(generateVideo(call)).rejects.toThrow(/`resume`: cannot be combined with `n` above 1/);
    expect(submits()).toBe(1);
    expect(emulator.account.tasks).toHaveLength(1);
  });

  test.each([2, 3])('rejects maxVideosPerCall above 1 for n: %i, before anything is sent', async (n) => {
    const { emulator, model } = await setup();
    // With n: 3, ai makes one call of two videos and one of one.
    const call = { model, prompt: 'A fox', n, maxVideosPerCall: 2 };
    await expect(generateVideo(call)).rejects.toThrow(/Leave out `maxVideosPerCall`/);
    expect(emulator.requests).toEqual([]);
  });
});

describe('createWaveSpeedKling', () => {
  test.each([
    [{ onSubmit: () => undefined }, /`onSubmit`: not an option; did you mean `onSubmitted`\?/],
    [{ apiKey: 'secret-key-123' }, /`apiKey`: not an option; the options are client/],
    [{ client: {} }, /`client`: got an object; expected a WaveSpeedKling client/],
    [{ onSubmitted: 'x' }, /`onSubmitted`: got a string; expected a function/],
    [null, /`options`: got null/],
  ])('rejects the options %j', (options, message) => {
    expect(() => createWaveSpeedKling(options as never)).toThrow(message);
  });

  test('rejects models that are not for video', () => {
    const kling = createWaveSpeedKling();
    for (const make of [kling.languageModel, kling.embeddingModel, kling.imageModel]) {
      expect(() => make('gpt')).toThrow(/"gpt": this provider has video models only/);
    }
  });
});

test('a call of V4 has the fields of its model, from settings and options', async () => {
  const { kling, bodies } = await setup();
  const { generateVideo } = majors[0] ?? expect.fail('no major of ai');
  const wavespeedKling = { dynamic_range: 'hdr' } satisfies KlingVideoOptions;
  const { warnings } = await generateVideo({
    model: kling.video(KLING_V4),
    prompt: 'A fox',
    duration: 12,
    aspectRatio: '21:9',
    resolution: '1920x1080',
    providerOptions: { wavespeedKling },
    download: kling.download,
  });
  expect(warnings).toEqual([]);
  expect(bodies()).toEqual([
    { prompt: 'A fox', duration: 12, aspect_ratio: '21:9', resolution: '1080p', dynamic_range: 'hdr' },
  ]);
});

test('an option of another model is refused, and names the model that has it', async () => {
  const { model, submits } = await setup();
  const { generateVideo } = majors[0] ?? expect.fail('no major of ai');
  const providerOptions = { wavespeedKling: { dynamic_range: 'hdr' } satisfies KlingVideoOptions };
  await expect(generateVideo({ model, prompt: 'A fox', providerOptions })).rejects.toThrow(
    /dynamic_range: not supported by .*; remove it, or use kwaivgi\/kling-v4\.0/,
  );
  expect(submits()).toBe(0);
});
