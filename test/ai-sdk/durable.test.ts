// Models of specification v4: what a workflow stores of them, and which client a restored one uses.
import * as serde from '@workflow/serde';
import { experimental_generateVideo as generateVideo7 } from 'ai-7';
import type { Experimental_VideoModelV4 as VideoModelV4, ProviderV4 } from 'provider-4';
import { describe, expect, expectTypeOf, onTestFinished, test, vi } from 'vitest';
import { KLING_O3_STD, memoryJournal, WaveSpeedKling } from 'wavespeed-kling';
import {
  createWaveSpeedKling,
  type KlingDurableProvider,
  type KlingDurableVideoModel,
  registerClient,
} from 'wavespeed-kling/ai-sdk';
import { startEmulator } from 'wavespeed-kling/testing';
import { setup } from './support.js';

/** What the workflow's compiler registers, and its serializer calls. */
type Durable = Record<symbol, (value: unknown) => unknown>;

/** Takes a model through a workflow's storage, as between two steps. */
function restore(model: KlingDurableVideoModel): KlingDurableVideoModel {
  const durable = model.constructor as unknown as Durable;
  const stored = durable[serde.WORKFLOW_SERIALIZE]?.(model);
  return durable[serde.WORKFLOW_DESERIALIZE]?.(JSON.parse(JSON.stringify(stored))) as KlingDurableVideoModel;
}

async function setupDurable(journal = memoryJournal()) {
  const emulator = await startEmulator({ queueMs: 5, processingMs: 10 });
  onTestFinished(() => emulator.close());
  const { apiKey, url } = emulator;
  const client = new WaveSpeedKling({ apiKey, baseUrl: url, pollIntervalMs: 5, journal });
  return { emulator, client, submits: () => emulator.requestCount({ operation: 'submit' }) };
}

const call = {
  prompt: 'A fox',
  n: 1,
  aspectRatio: undefined,
  resolution: undefined,
  duration: 3,
  fps: undefined,
  seed: undefined,
  image: undefined,
  frameImages: undefined,
  inputReferences: [],
  generateAudio: undefined,
  providerOptions: {},
};

describe('a model of specification v4', () => {
  test('has the types of provider 4', () => {
    expectTypeOf<KlingDurableVideoModel>().toExtend<VideoModelV4>();
    expectTypeOf<Pick<KlingDurableProvider, 'specificationVersion'>>().toExtend<
      Pick<ProviderV4, 'specificationVersion'>
    >();
    expectTypeOf(createWaveSpeedKling({ specificationVersion: 'v4' })).toEqualTypeOf<KlingDurableProvider>();
  });

  test('is stored as its id and the name of its client, and restored with both', () => {
    const model = createWaveSpeedKling({ specificationVersion: 'v4', client: 'main' }).videoModel(
      KLING_O3_STD,
    );
    const durable = model.constructor as unknown as Durable;
    expect(durable[serde.WORKFLOW_SERIALIZE]?.(model)).toEqual({ modelId: KLING_O3_STD, client: 'main' });
    expect(restore(model)).toEqual(model);
    expect(restore(model)).not.toBe(model);
  });

  test('submits once for one idempotency-key header, however often its step is repeated', async () => {
    const { client, submits } = await setupDurable();
    registerClient('main', client);
    const model = createWaveSpeedKling({ specificationVersion: 'v4', client }).video(KLING_O3_STD);
    const headers = { 'Idempotency-Key': 'aisdk_workflow_video_step-1' };
    const first = await restore(model).doStart({ ...call, headers });
    const again = await restore(model).doStart({ ...call, headers: { ...headers } });
    expect(again.operation).toEqual(first.operation);
    expect(submits()).toBe(1);
    const status = await client
      .wait(first.operation.id)
      .then(() => restore(model).doStatus({ operation: first.operation }));
    expect(status).toMatchObject({ status: 'completed', videos: [{ type: 'url' }] });
  });

  test('takes its client from the environment when it has no name', async () => {
    const { emulator, submits } = await setupDurable();
    vi.stubEnv('WAVESPEED_API_KEY', emulator.apiKey);
    vi.stubEnv('WAVESPEED_BASE_URL', emulator.url);
    const model = createWaveSpeedKling({ specificationVersion: 'v4' }).video(KLING_O3_STD);
    await restore(model).doStart(call);
    expect(submits()).toBe(1);
  });

  test('works in generateVideo of ai 7, which wraps it in a Proxy', async () => {
    const { client, submits } = await setupDurable();
    registerClient('proxied', client);
    const kling = createWaveSpeedKling({ specificationVersion: 'v4', client: 'proxied' });
    const { video } = await generateVideo7({
      model: kling.video(KLING_O3_STD),
      prompt: 'A fox',
      download: kling.download,
    });
    expect(video.mediaType).toBe('video/mp4');
    expect(submits()).toBe(1);
  });

  test('says which client is missing in this process', async () => {
    const model = createWaveSpeedKling({ specificationVersion: 'v4', client: 'absent' }).video(KLING_O3_STD);
    await expect(model.doStart(call)).rejects.toThrow('call registerClient("absent", client)');
  });

  test.each<[string, () => unknown, string]>([
    [
      'a client without a name',
      () =>
        createWaveSpeedKling({ specificationVersion: 'v4', client: new WaveSpeedKling({ apiKey: 'key' }) }),
      'registerClient("main", client)',
    ],
    [
      'a callback',
      () => createWaveSpeedKling({ specificationVersion: 'v4', onSubmitted: () => undefined } as never),
      'onSubmitted',
    ],
    [
      'a model made by defineModel',
      () => createWaveSpeedKling({ specificationVersion: 'v4' }).video({ id: 'other' } as never),
      'defineModel',
    ],
    ['another version', () => createWaveSpeedKling({ specificationVersion: 'v2' as never }), "'v3' or 'v4'"],
    ['an empty name', () => registerClient('', new WaveSpeedKling({ apiKey: 'key' })), '`name`'],
    ['another value as client', () => registerClient('main', {} as never), 'a WaveSpeedKling client'],
  ])('rejects %s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe('two calls of doGenerate at once with one headers object', () => {
  const headers = { 'idempotency-key': 'order-42' };

  test('get the same task for their key when a program makes them', async () => {
    const { model, submits } = await setup();
    const [one, other] = await Promise.all([
      model.doGenerate({ ...call, headers }),
      model.doGenerate({ ...call, headers }),
    ]);
    expect(other.videos).toEqual(one.videos);
    expect(submits()).toBe(1);
  });

  test('get a task each when they are the videos of one generateVideo', async () => {
    const { kling, model, submits } = await setup();
    await generateVideo7({ model, prompt: 'A fox', n: 2, headers, download: kling.download });
    expect(submits()).toBe(2);
  });
});
