// The provider's types against those of @ai-sdk/provider 3 and 4; registries and custom providers of both majors.
import { customProvider as customProvider6, experimental_generateVideo as generateVideo6 } from 'ai';
import {
  createProviderRegistry,
  customProvider as customProvider7,
  experimental_generateVideo as generateVideo7,
} from 'ai-7';
import type { Experimental_VideoModelV3 as VideoModelV3, ProviderV3 } from 'provider-3';
import type {
  Experimental_VideoModelV3 as VideoModelV3In4,
  Experimental_VideoModelV4 as VideoModelV4,
  ProviderV3 as ProviderV3In4,
} from 'provider-4';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { KLING_O1, KLING_O3_STD } from 'wavespeed-kling';
import type { KlingProvider, KlingVideoModel } from 'wavespeed-kling/ai-sdk';
import { referenceModel } from '../models/support.js';
import { setup } from './support.js';

describe('types', () => {
  test('a model is a VideoModelV3 of both majors', () => {
    expectTypeOf<KlingVideoModel>().toExtend<VideoModelV3>();
    expectTypeOf<KlingVideoModel>().toExtend<VideoModelV3In4>();
  });

  test('the start and status methods are those of VideoModelV4', () => {
    type Methods = Omit<VideoModelV4, 'specificationVersion'>;
    expectTypeOf<Omit<KlingVideoModel, 'specificationVersion'>>().toExtend<Methods>();
  });

  test('a provider is a ProviderV3 of both majors', () => {
    expectTypeOf<KlingProvider>().toExtend<ProviderV3>();
    expectTypeOf<KlingProvider>().toExtend<ProviderV3In4>();
  });

  test('download fits generateVideo of both majors', () => {
    type Download<Call extends (options: never) => unknown> = NonNullable<
      Parameters<Call>[0] extends { download?: infer Given } ? Given : never
    >;
    expectTypeOf<KlingProvider['download']>().toExtend<Download<typeof generateVideo6>>();
    expectTypeOf<KlingProvider['download']>().toExtend<Download<typeof generateVideo7>>();
  });
});

describe('registries', () => {
  test('customProvider of ai 6 resolves a model by its alias', async () => {
    const { kling, submits } = await setup();
    const studio = customProvider6({
      videoModels: { fox: kling.video(KLING_O3_STD) },
      fallbackProvider: kling,
    });
    await generateVideo6({ model: studio.videoModel('fox'), prompt: 'A fox', download: kling.download });
    expect(submits()).toBe(1);
  });

  test('customProvider of ai 7 resolves a model by its alias', async () => {
    const { kling, submits } = await setup();
    const studio = customProvider7({ videoModels: { fox: kling.video(KLING_O3_STD) } });
    const model = studio.videoModel('fox');
    await generateVideo7({ model, prompt: 'A fox', download: kling.download });
    await generateVideo7({ model, prompt: 'A fox', poll: { intervalMs: 5 }, download: kling.download });
    expect(submits()).toBe(2);
  });

  test('createProviderRegistry of ai 7 resolves a model by its id', async () => {
    const { emulator, kling, submits } = await setup();
    const registry = createProviderRegistry({ kling });
    const model = registry.videoModel(`kling:${KLING_O1}`);
    await generateVideo7({ model, prompt: 'A fox', download: kling.download });
    await generateVideo7({ model, prompt: 'A fox', poll: { intervalMs: 5 }, download: kling.download });
    expect(submits()).toBe(2);
    expect(emulator.account.tasks[0]?.model).toBe(KLING_O1);
  });

  test('a model made by defineModel is taken as well', async () => {
    const model = referenceModel({
      id: 'kwaivgi/kling-video-o3-pro/reference-to-video',
      durations: [5, 10],
      images: 7,
      imagesWithVideo: 4,
      sound: true,
      price: { images: 0.112, video: 0.168 },
    });
    const { kling, submits } = await setup({ emulator: { models: [model] } });
    const { providerMetadata } = await generateVideo6({
      model: kling.video(model),
      prompt: 'A fox',
      generateAudio: true,
      download: kling.download,
    });
    expect(providerMetadata.wavespeedKling).toMatchObject({ cost: 0.56 });
    expect(submits()).toBe(1);
  });
});
