// Idempotency keys of `generateVideo`: each key is one task.
import { experimental_generateVideo as generateVideo7, experimental_startVideo as startVideo } from 'ai-7';
import { describe, expect, test } from 'vitest';
import { memoryJournal, type WaveSpeedError } from 'wavespeed-kling';
import { majors, rejectionOf, setup } from './support.js';

const withKey = (idempotencyKey: string) => ({ wavespeedKling: { idempotencyKey } });

describe.each(majors)('$ai idempotency keys', ({ generateVideo }) => {
  test('give the same task to every call with the same key', async () => {
    const { kling, model, submits } = await setup();
    const call = { model, prompt: 'A fox', providerOptions: withKey('order-1'), download: kling.download };
    const [one, other] = await Promise.all([generateVideo(call), generateVideo(call)]);
    const third = await generateVideo(call);
    const ids = [one, other, third].map(({ providerMetadata }) => providerMetadata.wavespeedKling?.id);
    expect(new Set(ids).size).toBe(1);
    expect(submits()).toBe(1);
  });

  test('are numbered for n videos, so that a repeated call gets the same tasks', async () => {
    const keys: (string | undefined)[] = [];
    const { kling, model, submits } = await setup({
      onSubmitted: (_, { idempotencyKey }) => void keys.push(idempotencyKey),
    });
    const call = {
      model,
      prompt: 'A fox',
      n: 3,
      providerOptions: withKey('order-2'),
      download: kling.download,
    };
    const first = await generateVideo(call);
    expect(new Set(keys)).toEqual(new Set(['order-2', 'order-2#2', 'order-2#3']));
    expect(submits()).toBe(3);
    const again = await generateVideo(call);
    expect(submits()).toBe(3);
    expect(idsOf(again)).toEqual(idsOf(first));
    expect(new Set(idsOf(first)).size).toBe(3);
  });

  test('are kept in the journal of the client', async () => {
    const journal = memoryJournal();
    const { kling, model } = await setup({ client: { journal } });
    const call = { model, prompt: 'A fox', providerOptions: withKey('order-3'), download: kling.download };
    const { providerMetadata } = await generateVideo(call);
    expect((await journal.get('order-3'))?.entry).toMatchObject({
      predictionId: providerMetadata.wavespeedKling?.id,
    });
  });

  test('conflict with another input before anything is sent', async () => {
    const { kling, model, submits } = await setup();
    const call = { model, providerOptions: withKey('order-4'), download: kling.download };
    await generateVideo({ ...call, prompt: 'A fox' });
    const error = await rejectionOf(generateVideo({ ...call, prompt: 'An owl' }));
    expect(error?.name).toBe('IdempotencyConflictError');
    expect(submits()).toBe(1);
  });

  test('are taken from the idempotency-key header, unless providerOptions has one', async () => {
    const keys: (string | undefined)[] = [];
    const { kling, model } = await setup({
      onSubmitted: (_, { idempotencyKey }) => void keys.push(idempotencyKey),
    });
    const call = {
      model,
      prompt: 'A fox',
      headers: { 'Idempotency-Key': 'header-1' },
      download: kling.download,
    };
    await generateVideo(call);
    await generateVideo({ ...call, providerOptions: withKey('order-5') });
    expect(keys).toEqual(['header-1', 'order-5']);
  });

  test('find the tasks of a call that failed in part, and submit only the refused one', async () => {
    const { emulator, kling, model, submits } = await setup();
    const call = {
      model,
      prompt: 'A fox',
      n: 3,
      providerOptions: withKey('order-6'),
      download: kling.download,
    };
    emulator.fail({ on: 'submit', kind: 'status', status: 402, after: 1 });
    const error = (await rejectionOf(generateVideo(call))) as WaveSpeedError;
    expect(error.name).toBe('InsufficientCreditsError');
    expect(error.otherPredictionIds).toHaveLength(2);
    const { videos } = await generateVideo(call);
    expect(videos).toHaveLength(3);
    expect(submits()).toBe(4);
    expect(emulator.account.tasks).toHaveLength(3);
  });
});

describe('doGenerate', () => {
  const settings = {
    prompt: 'A fox',
    n: 1,
    aspectRatio: undefined,
    resolution: undefined,
    duration: undefined,
    fps: undefined,
    seed: undefined,
    image: undefined,
    frameImages: undefined,
    inputReferences: undefined,
    generateAudio: undefined,
    headers: { 'user-agent': 'ai/7.0.173' },
  };

  test('gives the same task to calls of its own one after the other, with the same headers and key', async () => {
    const { model, submits } = await setup();
    const call = { ...settings, providerOptions: withKey('order-7') };
    const first = await model.doGenerate({ ...call });
    const second = await model.doGenerate({ ...call });
    expect(second.videos).toEqual(first.videos);
    expect(submits()).toBe(1);
  });

  test('gives the same task to two calls of its own at once, with the same headers object and key', async () => {
    const { model, submits } = await setup();
    const headers = { 'user-agent': 'shop/1.0' };
    const call = { ...settings, headers, providerOptions: withKey('order-9') };
    const [first, second] = await Promise.all([model.doGenerate({ ...call }), model.doGenerate({ ...call })]);
    expect(second?.videos).toEqual(first?.videos);
    expect(submits()).toBe(1);
  });

  test('gives a repeated call the task of its place', async () => {
    const { model, submits } = await setup();
    const calls = [1, 2].map(() => ({ ...settings, providerOptions: withKey('order-8') }));
    const first = await Promise.all(calls.map((call) => model.doGenerate(call)));
    const again = await Promise.all(calls.map((call) => model.doGenerate(call)));
    expect(again.map(({ videos }) => videos)).toEqual(first.map(({ videos }) => videos));
    expect(submits()).toBe(2);
  });
});

describe('ai 7 idempotency keys of starts', () => {
  test('are the ones that ai makes for each start', async () => {
    const keys: (string | undefined)[] = [];
    const { kling, model, submits } = await setup({
      onSubmitted: (_, { idempotencyKey }) => void keys.push(idempotencyKey),
    });
    const poll = { intervalMs: 5 };
    await generateVideo7({ model, prompt: 'A fox', n: 2, poll, download: kling.download });
    expect(submits()).toBe(2);
    expect(new Set(keys).size).toBe(2);
    for (const key of keys) expect(key).toMatch(/^aisdk_vid_/);
  });

  test('give the same task to every start with the same header', async () => {
    const { model, submits } = await setup();
    const call = { model, prompt: 'A fox', headers: { 'Idempotency-Key': 'header-2' } };
    const [one, other] = await Promise.all([startVideo(call), startVideo(call)]);
    expect(one.operation).toEqual(other.operation);
    expect(submits()).toBe(1);
  });
});

function idsOf({ providerMetadata }: { providerMetadata: Record<string, unknown> }): string[] {
  const { videos } = providerMetadata.wavespeedKling as { videos: { id: string }[] };
  return videos.map(({ id }) => id);
}
