// ai 7's polled and webhook-driven `generateVideo`, `startVideo` and `getVideoStatus`.
import {
  experimental_generateVideo as generateVideo,
  experimental_getVideoStatus as getVideoStatus,
  experimental_startVideo as startVideo,
} from 'ai-7';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { KLING_O3_STD, WaveSpeedKling, type WaveSpeedError } from 'wavespeed-kling';
import { createWaveSpeedKling } from 'wavespeed-kling/ai-sdk';
import { createEmulator } from 'wavespeed-kling/testing';
import { deferred } from '../support/client.js';
import { rejectionOf, setup } from './support.js';

const poll = { intervalMs: 5 };

describe('ai 7 generateVideo with poll', () => {
  test('submits once, and reports cost and videos once', async () => {
    const { emulator, kling, model, submits } = await setup();
    const { video, providerMetadata, warnings } = await generateVideo({
      model,
      prompt: 'A fox',
      duration: 8,
      poll,
      download: kling.download,
    });
    expect(video.uint8Array.length).toBeGreaterThan(0);
    expect(submits()).toBe(1);
    expect(warnings).toEqual([]);
    expect(providerMetadata.wavespeedKling).toMatchObject({ id: emulator.account.tasks[0]?.id, cost: 0.672 });
    expect(providerMetadata.wavespeedKling?.videos).toHaveLength(1);
  });

  test('outlives 503s on the status without a second submit', async () => {
    const { emulator, kling, model, submits } = await setup();
    emulator.fail({ on: 'result', kind: 'status', status: 503, times: 3 });
    const { videos } = await generateVideo({ model, prompt: 'A fox', poll, download: kling.download });
    expect(videos).toHaveLength(1);
    expect(submits()).toBe(1);
  });

  test('outlives a task that is not visible yet', async () => {
    const { kling, model, submits } = await setup({ emulator: { resultLagMs: 50 } });
    const { videos } = await generateVideo({ model, prompt: 'A fox', poll, download: kling.download });
    expect(videos).toHaveLength(1);
    expect(submits()).toBe(1);
  });

  test('rejects with the message of a task that failed, which names it', async () => {
    const { emulator, model, submits } = await setup({ emulator: { failWith: 'No foxes today' } });
    const error = await rejectionOf(generateVideo({ model, prompt: 'A fox', poll }));
    expect(error?.message).toContain(emulator.account.tasks[0]?.id);
    expect(error?.message).toContain('No foxes today');
    expect(submits()).toBe(1);
  });

  test('rejects with a refused submit as it is, after one POST', async () => {
    const { emulator, model, submits } = await setup();
    emulator.fail({ on: 'submit', kind: 'status', status: 402 });
    const error = await rejectionOf(generateVideo({ model, prompt: 'A fox', poll }));
    expect(error?.name).toBe('InsufficientCreditsError');
    expect(submits()).toBe(1);
  });

  test('takes up a task whose response was lost, by the key that ai makes', async () => {
    const { emulator, kling, model, submits } = await setup();
    emulator.fail({ on: 'submit', kind: 'reset', when: 'headers' });
    const { videos } = await generateVideo({ model, prompt: 'A fox', poll, download: kling.download });
    expect(videos).toHaveLength(1);
    expect(submits()).toBe(1);
  });

  test('makes a task for each of n videos', async () => {
    const { kling, model, submits } = await setup();
    const { providerMetadata, videos } = await generateVideo({
      model,
      prompt: 'A fox',
      n: 3,
      poll,
      download: kling.download,
    });
    expect(videos).toHaveLength(3);
    expect(submits()).toBe(3);
    const metadata = providerMetadata.wavespeedKling?.videos as { id: string }[];
    expect(new Set(metadata.map(({ id }) => id)).size).toBe(3);
  });

  test('names the tasks of the others when one of n videos is refused', async () => {
    const { emulator, model } = await setup();
    emulator.fail({ on: 'submit', kind: 'status', status: 402, after: 1 });
    const error = (await rejectionOf(
      generateVideo({ model, prompt: 'A fox', n: 3, poll }),
    )) as WaveSpeedError;
    expect(error.name).toBe('InsufficientCreditsError');
    const ids = emulator.account.tasks.map(({ id }) => id);
    expect(error.otherPredictionIds?.toSorted()).toEqual(ids.toSorted());
    expect(ids).toHaveLength(2);
  });

  test('rejects maxVideosPerCall above 1 before anything is sent', async () => {
    const { emulator, model } = await setup();
    const call = { model, prompt: 'A fox', n: 3, maxVideosPerCall: 2, poll };
    await expect(generateVideo(call)).rejects.toThrow(/Leave out `maxVideosPerCall`/);
    expect(emulator.requests).toEqual([]);
  });

  test('warns of options for waiting, which poll replaces', async () => {
    const { kling, model } = await setup();
    const providerOptions = { wavespeedKling: { timeoutMs: 1000, pollIntervalMs: 5 } };
    const { warnings } = await generateVideo({
      model,
      prompt: 'A fox',
      poll,
      providerOptions,
      download: kling.download,
    });
    expect(warnings).toMatchObject([
      { type: 'unsupported', feature: 'providerOptions.wavespeedKling.timeoutMs' },
      { type: 'unsupported', feature: 'providerOptions.wavespeedKling.pollIntervalMs' },
    ]);
  });
});

describe('ai 7 generateVideo with webhook', () => {
  test('asks for the webhook, and reads the result when it was received', async () => {
    const received = deferred<{ headers: Record<string, string>; body: null }>();
    const { emulator, kling, model, submits } = await setup();
    const url = 'http://127.0.0.1:9/hook';
    const generating = generateVideo({
      model,
      prompt: 'A fox',
      webhook: async () => ({ url, received: received.promise }),
      download: kling.download,
    });
    await expect.poll(() => emulator.account.tasks[0]?.status).toBe('completed');
    expect(emulator.account.tasks[0]?.webhook).toBe(url);
    expect(emulator.requestCount({ operation: 'result' })).toBe(0);
    emulator.fail({ on: 'result', kind: 'status', status: 503 });
    received.resolve({ headers: {}, body: null });
    expect((await generating).videos).toHaveLength(1);
    expect(submits()).toBe(1);
  });

  test('rejects a second webhookUrl before anything is sent', async () => {
    const { emulator, model } = await setup();
    const error = await rejectionOf(
      generateVideo({
        model,
        prompt: 'A fox',
        webhook: async () => ({ url: 'http://127.0.0.1:9/a', received: new Promise(() => undefined) }),
        providerOptions: { wavespeedKling: { webhookUrl: 'http://127.0.0.1:9/b' } },
      }),
    );
    expect(error?.message).toMatch(/`webhookUrl`: got two/);
    expect(emulator.requests).toEqual([]);
  });
});

describe('ai 7 startVideo and getVideoStatus', () => {
  test('start a task and follow it to its end, also after a restart', async () => {
    const { emulator, model, submits, kling } = await setup({ emulator: { processingMs: 1e9 } });
    const { operation } = await startVideo({ model, prompt: 'A fox', duration: 8 });
    const [task] = emulator.account.tasks;
    expect(operation).toEqual({ id: task?.id, cost: 0.672 });

    const stored = JSON.parse(JSON.stringify(operation)) as typeof operation;
    const another = kling.video(KLING_O3_STD);
    expect(await getVideoStatus(another, { operation: stored })).toMatchObject({
      status: 'pending',
      providerMetadata: { wavespeedKling: { id: task?.id } },
    });
    task?.complete();
    expect(await getVideoStatus(another, { operation: stored })).toMatchObject({
      status: 'completed',
      videos: [{ type: 'url', url: task?.prediction().outputs[0], mediaType: 'video/mp4' }],
      providerMetadata: { wavespeedKling: { id: task?.id, cost: 0.672 } },
    });
    expect(submits()).toBe(1);
  });

  test('report a failed task as a status', async () => {
    const { emulator, model } = await setup({ emulator: { processingMs: 1e9 } });
    const { operation } = await startVideo({ model, prompt: 'A fox' });
    emulator.account.tasks[0]?.fail('No foxes today');
    expect(await getVideoStatus(model, { operation })).toMatchObject({
      status: 'error',
      error: expect.stringContaining('No foxes today') as string,
    });
  });

  test('report a status that cannot be read for a minute as pending, with a warning', async () => {
    const emulator = createEmulator();
    const client = new WaveSpeedKling({ apiKey: emulator.apiKey, fetch: emulator.fetch });
    const model = createWaveSpeedKling({ client }).video(KLING_O3_STD);
    const { operation } = await startVideo({ model, prompt: 'A fox' });
    emulator.fail({ on: 'result', kind: 'status', status: 503, times: Infinity });
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const status = getVideoStatus(model, { operation });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await status).toMatchObject({
      status: 'pending',
      warnings: [{ type: 'other', message: expect.stringContaining('The task continues') as string }],
    });
  });

  test('reject an operation that is not theirs', async () => {
    const { emulator, model } = await setup();
    await expect(getVideoStatus(model, { operation: { taskId: 'x' } })).rejects.toThrow(
      /`operation`: expected/,
    );
    await expect(getVideoStatus(model, { operation: null })).rejects.toThrow(/`operation`: expected/);
    expect(emulator.requests).toEqual([]);
  });

  test('take up a task by its id, and submit nothing', async () => {
    const { client, model, submits } = await setup();
    const { id } = await client.submit(KLING_O3_STD, { prompt: 'A fox' });
    const providerOptions = { wavespeedKling: { resume: id } };
    const { operation } = await startVideo({ model, prompt: 'A fox', providerOptions });
    expect(operation).toEqual({ id });
    expect(submits()).toBe(1);
  });
});
