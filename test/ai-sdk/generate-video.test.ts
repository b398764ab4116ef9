// `generateVideo` of ai 6 and 7 on the emulator: settings, results and callbacks.
import { describe, expect, test, vi } from 'vitest';
import { KLING_O1, KLING_O3_STD, KLING_V4, type Prediction } from 'wavespeed-kling';
import { createWaveSpeedKling } from 'wavespeed-kling/ai-sdk';
import { defineModel, field } from 'wavespeed-kling/schemas';
import * as z from 'zod';
import { majors, setup } from './support.js';

describe.each(majors)('$ai generateVideo', ({ generateVideo }) => {
  test('submits the settings of the call once, and returns the video', async () => {
    const { emulator, kling, model, submits, bodies } = await setup();
    const { video, warnings } = await generateVideo({
      model,
      prompt: 'A fox in the snow',
      aspectRatio: '9:16',
      duration: 8,
      providerOptions: { wavespeedKling: { sound: true, keep_original_sound: false, maxCost: 2 } },
      download: kling.download,
    });

    expect(video.mediaType).toBe('video/mp4');
    expect(Buffer.from(video.uint8Array).subarray(4, 8).toString()).toBe('ftyp');
    expect(warnings).toEqual([]);
    expect(submits()).toBe(1);
    expect(bodies()[0]).toMatchObject({
      prompt: 'A fox in the snow',
      aspect_ratio: '9:16',
      duration: 8,
      sound: true,
      keep_original_sound: false,
    });
    expect(emulator.keyLeaks).toEqual([]);
  });

  test('reports id, cost, URLs and timings of the task in providerMetadata', async () => {
    const { emulator, kling, model } = await setup();
    const { providerMetadata, responses } = await generateVideo({
      model,
      prompt: 'A fox',
      duration: 8,
      download: kling.download,
    });
    const task = emulator.account.tasks[0]?.prediction() as Prediction;
    const about = { id: task.id, cost: 0.672, timings: task.timings };
    expect(providerMetadata).toEqual({
      wavespeedKling: {
        ...about,
        status: 'completed',
        urls: task.outputs,
        videos: [{ ...about, url: task.outputs[0], nsfw: false }],
      },
    });
    expect(task.timings.inference).toBeGreaterThan(0);
    expect(responses[0]?.modelId).toBe(task.model);
    expect(responses[0]?.timestamp).toEqual(new Date(task.created_at));
  });

  test('makes a task for each of n videos, and reports each', async () => {
    const told: string[] = [];
    const { emulator, kling, model, submits } = await setup({
      onSubmitted: (task) => void told.push(task.id),
    });
    const { videos, providerMetadata } = await generateVideo({
      model,
      prompt: 'A fox',
      n: 3,
      download: kling.download,
    });
    expect(videos).toHaveLength(3);
    expect(submits()).toBe(3);
    const ids = emulator.account.tasks.map(({ id }) => id);
    expect(told.toSorted()).toEqual(ids.toSorted());
    const metadata = providerMetadata.wavespeedKling?.videos as unknown as { id: string; cost: number }[];
    expect(metadata.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(metadata.map(({ cost }) => cost)).toEqual([0.42, 0.42, 0.42]);
  });

  test('awaits onSubmitted before the first poll', async () => {
    let pollsBefore = -1;
    const { emulator, kling, model } = await setup({
      onSubmitted: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        pollsBefore = emulator.requestCount({ operation: 'result' });
      },
    });
    await generateVideo({ model, prompt: 'A fox', download: kling.download });
    expect(pollsBefore).toBe(0);
  });

  test('calls onUpdate at every change of status', async () => {
    const seen: string[] = [];
    const { kling, model } = await setup({
      onUpdate: (task, context) => void seen.push(`${task.status} ${context.idempotencyKey}`),
    });
    const providerOptions = { wavespeedKling: { idempotencyKey: 'order-1' } };
    await generateVideo({ model, prompt: 'A fox', providerOptions, download: kling.download });
    expect(seen[0]).toBe('created order-1');
    expect(seen.at(-1)).toBe('completed order-1');
  });

  test('waits for a task by its id, and submits nothing', async () => {
    const { client, kling, model, submits } = await setup();
    const task = await client.submit(KLING_O3_STD, { prompt: 'A fox', duration: 4 });
    const providerOptions = { wavespeedKling: { resume: task.id } };
    const { video, providerMetadata } = await generateVideo({
      model,
      prompt: 'A fox',
      duration: 4,
      providerOptions,
      download: kling.download,
    });
    expect(video.uint8Array.length).toBeGreaterThan(0);
    expect(providerMetadata.wavespeedKling).toMatchObject({ id: task.id, cost: 0.336 });
    expect(submits()).toBe(1);
  });

  test('maps generateAudio to sound on O3, and warns on O1', async () => {
    const { kling, model, bodies } = await setup();
    const call = { prompt: 'A fox', generateAudio: true, download: kling.download };
    await generateVideo({ ...call, model });
    expect(bodies()[0]?.sound).toBe(true);
    const { warnings } = await generateVideo({ ...call, model: kling.video(KLING_O1) });
    expect(warnings).toMatchObject([{ type: 'unsupported', feature: 'generateAudio' }]);
    expect(bodies()[1]).not.toHaveProperty('sound');
    const silent = await generateVideo({ ...call, generateAudio: false, model: kling.video(KLING_O1) });
    expect(silent.warnings).toEqual([]);
  });

  test('prefers the sound of providerOptions to generateAudio', async () => {
    const { kling, model, bodies } = await setup();
    const providerOptions = { wavespeedKling: { sound: false } };
    await generateVideo({
      model,
      prompt: 'A fox',
      generateAudio: true,
      providerOptions,
      download: kling.download,
    });
    expect(bodies()[0]?.sound).toBe(false);
  });

  test('warns of settings that the model does not have', async () => {
    const { kling, model, bodies } = await setup();
    const { warnings } = await generateVideo({
      model,
      prompt: 'A fox',
      seed: 1,
      fps: 24,
      resolution: '1280x720',
      aspectRatio: 'adaptive',
      download: kling.download,
    });
    const features = warnings.map((warning) => ('feature' in warning ? warning.feature : warning.type));
    expect(features.toSorted()).toEqual(['aspectRatio', 'fps', 'resolution', 'seed']);
    expect(bodies()[0]?.aspect_ratio).toBe('16:9');
  });

  test('a setting is the field of a model that has it, whatever the model', async () => {
    const seeded = defineModel({
      id: 'kwaivgi/kling-video-o5/reference-to-video',
      input: { prompt: field.prompt(), seed: z.int().optional() },
    });
    const { kling, bodies } = await setup({ emulator: { models: [seeded] } });
    const settings = { seed: 7, duration: 6, resolution: '1920x1080', aspectRatio: '21:9' } as const;
    const call = { prompt: 'A fox', download: kling.download, ...settings };
    const made = await generateVideo({ ...call, model: kling.video(seeded) });
    expect(bodies()[0]).toEqual({ prompt: 'A fox', seed: 7 });
    expect(made.warnings.map((warning) => 'feature' in warning && warning.feature)).toEqual([
      'duration',
      'aspectRatio',
      'resolution',
    ]);
    const v4 = await generateVideo({ ...call, model: kling.video(KLING_V4) });
    expect(bodies()[1]).toEqual({
      prompt: 'A fox',
      aspect_ratio: '21:9',
      resolution: '1080p',
      duration: 6,
    });
    expect(v4.warnings).toMatchObject([{ feature: 'seed', details: 'The model takes no seed.' }]);
    const other = await generateVideo({ ...call, resolution: '640x480', model: kling.video(KLING_V4) });
    expect(other.warnings[0]).toMatchObject({ details: 'The model makes 720p, 1080p, 4k, not 640x480.' });
  });

  test.each([
    ['an aspect ratio', { aspectRatio: '4:3' as const }, 'aspect_ratio'],
    ['a duration', { duration: 20 }, 'duration'],
    ['a fractional duration', { duration: 5.5 }, 'duration'],
    ['a missing text', { prompt: { image: 'https://example.com/a.png' } }, 'prompt'],
  ])('rejects %s that the model does not make before anything is sent', async (_, settings, field) => {
    const { emulator, kling, model } = await setup();
    const call = { model, prompt: 'A fox', ...settings, download: kling.download };
    await expect(generateVideo(call)).rejects.toMatchObject({
      name: 'InvalidInputError',
      issues: [{ path: [field] }],
    });
    expect(emulator.requests).toEqual([]);
  });

  test('rejects a model that does not exist before anything is sent', async () => {
    const { emulator, kling } = await setup();
    const model = kling.video('kwaivgi/kling-video-o3-st/reference-to-video');
    await expect(generateVideo({ model, prompt: 'A fox' })).rejects.toThrow(/did you mean/);
    expect(emulator.requests).toEqual([]);
  });

  test('makes its client from the environment at the first call', async () => {
    const { emulator, submits } = await setup();
    vi.stubEnv('WAVESPEED_API_KEY', '');
    const kling = createWaveSpeedKling();
    const model = kling.video(KLING_O3_STD);
    const providerOptions = { wavespeedKling: { pollIntervalMs: 5 } };
    const call = { model, prompt: 'A fox', providerOptions, download: kling.download };
    await expect(generateVideo(call)).rejects.toMatchObject({ name: 'ConfigurationError' });
    vi.stubEnv('WAVESPEED_API_KEY', emulator.apiKey);
    vi.stubEnv('WAVESPEED_BASE_URL', emulator.url);
    const { video } = await generateVideo(call);
    expect(video.uint8Array.length).toBeGreaterThan(0);
    expect(submits()).toBe(1);
  });

  test('downloads videos with kling.download from an address that ai refuses, after a failure', async () => {
    const { emulator, kling, model, submits } = await setup();
    const own = await generateVideo({ model, prompt: 'A fox' }).catch((error: Error) => error);
    expect(own).toBeInstanceOf(Error);
    emulator.fail({ on: 'output', kind: 'truncate' });
    emulator.fail({ on: 'output', kind: 'status', status: 503 });
    const { video } = await generateVideo({ model, prompt: 'A fox', download: kling.download });
    const file = await fetch(emulator.account.tasks[1]?.prediction().outputs[0] ?? '');
    expect(Buffer.from(video.uint8Array).equals(Buffer.from(await file.arrayBuffer()))).toBe(true);
    expect(submits()).toBe(2);
  });
});
