/** Checks models of `defineModel` on the emulator, with and without a server. */
import { expect, test } from 'vitest';
import { inputJsonSchemas, KLING_O3_PRO, KLING_V4, models as builtIn } from 'wavespeed-kling/schemas';
import { WaveSpeedKling } from 'wavespeed-kling';
import { createEmulator, emulatorHandlers, sampleVideo } from '../../src/testing/index.js';
import { referenceModel } from '../models/support.js';
import { call, O1, O3, result, started } from './support.js';

const o3Pro = referenceModel({
  id: 'kwaivgi/kling-video-o5/reference-to-video',
  durations: [4, 8],
  images: 2,
  imagesWithVideo: 1,
  sound: true,
  price: { images: 0.1125, video: 0.2 },
});

test('serves, checks and prices a model of the option models', async () => {
  const emulator = await started({ models: [o3Pro] });
  const { status, json } = await call(emulator, o3Pro.id, { body: { prompt: 'x' } });
  expect(status).toBe(200);
  expect(await result(emulator, json.data.id)).toMatchObject({
    model: o3Pro.id,
    input: { duration: 4, sound: false },
  });
  expect(emulator.account.charged).toBe(0.45);
  const wrong = await call(emulator, o3Pro.id, { body: { prompt: 'x', duration: 5 } });
  expect(wrong.json.message).toBe("property 'duration' must be one of 4, 8");
  const price = await call(emulator, 'model/price', {
    body: { model_id: o3Pro.id, inputs: { duration: 8 } },
  });
  expect(price.json.data.price).toBe(0.9);
  expect(emulator.requestCount({ operation: 'submit' })).toBe(2);
  expect((await call(emulator, O3, { body: { prompt: 'x' } })).status).toBe(200);
});

test('responds 404 to other models, and does not count that as a submit', async () => {
  const emulator = await started();
  for (const path of [o3Pro.id, 'billings/export', 'media/other', 'kwaivgi', `${O3}/more`]) {
    expect((await call(emulator, path, { body: { prompt: 'x' } })).status).toBe(404);
  }
  expect(emulator.requestCount({ operation: 'submit' })).toBe(0);
  expect(emulator.requestCount({ operation: 'unknown' })).toBe(5);
});

test('emulatorHandlers and createEmulator take models as well', () => {
  const http = { all: () => ({}) };
  expect(emulatorHandlers({ models: [o3Pro] }, { http })).toHaveLength(2);
  expect(() => createEmulator({ models: ['kwaivgi/x/y'] } as object)).toThrow(/models: .*defineModel/);
});

test('GET models lists every model with its JSON Schema and price', async () => {
  const emulator = await started({ models: [o3Pro] });
  const models = (await call(emulator, 'models')).json.data as unknown as {
    model_id: string;
    base_price: number;
    api_schema: { api_schemas: { server: string; api_path: string; request_schema: object }[] };
  }[];
  const prices = Object.fromEntries(models.map((model) => [model.model_id, model.base_price]));
  expect(prices).toMatchObject({ [O1]: 0.56, [O3]: 0.42, [KLING_V4]: 0.785, [o3Pro.id]: 0.45 });
  const o3 = models.find((model) => model.model_id === O3);
  expect(o3).toMatchObject({ name: O3, type: 'reference-to-video' });
  const [schema] = o3?.api_schema.api_schemas ?? [];
  expect(schema).toMatchObject({ server: emulator.url, api_path: `/api/v3/${O3}`, method: 'POST' });
  expect(schema?.request_schema).toEqual({
    ...inputJsonSchemas[O3],
    'x-order-properties': Object.keys(inputJsonSchemas[O3].properties),
  });
  expect((await call(emulator, 'models', { key: null })).status).toBe(401);
});

test('POST model/pricing responds in its own shape, and is not a submit', async () => {
  const emulator = await started();
  const body = { model_id: O3, inputs: { duration: 8, video: 'https://example.com/a.mp4' } };
  expect((await call(emulator, 'model/pricing', { body })).json.data).toEqual({
    unit_price: 1.008,
    currency: 'USD',
  });
  expect((await call(emulator, 'model/pricing', { body: {} })).json).toMatchObject({ error_code: 1400 });
  expect(emulator.requestCount({ operation: 'price' })).toBe(2);
});

test('runs a task of each built-in model, and charges what /model/price says', async () => {
  const emulator = await started();
  for (const id of Object.keys(builtIn)) {
    const before = emulator.account.charged;
    const inputs = { prompt: 'x', duration: 4 };
    const price = (await call(emulator, 'model/price', { body: { model_id: id, inputs } })).json.data.price;
    const { json } = await call(emulator, id, { body: inputs });
    expect(await result(emulator, json.data.id)).toMatchObject({ model: id, input: inputs });
    expect(emulator.account.charged - before).toBeCloseTo(price as number, 6);
  }
});

test('charges a made-up price where the model knows none, and by the option prices', async () => {
  const made = async (options: object, body: object) => {
    const emulator = await started(options);
    await call(emulator, KLING_O3_PRO, { body: { prompt: 'x', ...body } });
    return emulator.account.charged;
  };
  expect(await made({}, { duration: 10 })).toBe(2);
  expect(await made({ prices: { [KLING_O3_PRO]: 1.5 } }, {})).toBe(1.5);
  const prices = { [KLING_O3_PRO]: ({ duration }: { duration: number }) => duration * 0.3 };
  expect(await made({ prices }, { duration: 10 })).toBe(3);
  expect(() => createEmulator({ prices: { [KLING_O3_PRO]: -1 } })).toThrow(/prices: .*got -1/);
});

test('refuses what a rule of the model forbids, and ignores unknown fields', async () => {
  const emulator = await started();
  const clip = 'https://example.com/a.mp4';
  const refused = async (id: string, body: object) =>
    (await call(emulator, id, { body: { prompt: 'x', ...body } })).json.message;
  expect(await refused(O1, { video: clip, images: Array(5).fill(clip) })).toBe(
    "property 'images': at most 4 with `video`",
  );
  expect(await refused(KLING_O3_PRO, { video: clip, sound: true })).toBe(
    "property 'sound': not with `video`",
  );
  expect(await refused(KLING_V4, { prompt: '@Image1' })).toMatch(/^property 'prompt': names files/);
  expect(await refused(KLING_V4, { keep_original_sound: true })).toBe(
    "property 'keep_original_sound': needs `videos`",
  );
  expect(emulator.account.charged).toBe(0);
  expect((await call(emulator, O1, { body: { prompt: 'x', sound: true, seed: 5 } })).status).toBe(200);
});

test('a price request with a made-up URL fails with 4006, and a submit over it sends nothing', async () => {
  const emulator = await started();
  const clip = 'https://clips.invalid/fox.mp4';
  for (const inputs of [{ videos: [clip] }, { images: ['https://example.com/a.png', clip] }]) {
    const { status, json } = await call(emulator, 'model/price', { body: { model_id: KLING_V4, inputs } });
    expect([status, json['error_code']]).toEqual([400, 4006]);
  }
  const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.baseUrl });
  const refused = kling.run(KLING_V4, { prompt: 'A fox', videos: [clip] }, { maxCost: 5 });
  await expect(refused).rejects.toMatchObject({ name: 'ApiError', code: 4006 });
  await expect(refused).rejects.toThrow(
    /'videos': the length or size of https:\/\/clips\.invalid\/fox\.mp4 could not be read.*nothing was submitted/,
  );
  expect(emulator.requestCount({ operation: 'submit' })).toBe(0);
  const real = await kling.upload(new Blob([Uint8Array.from(sampleVideo())]));
  await kling.run(KLING_V4, { prompt: 'A fox', videos: [real] }, { maxCost: 5, pollIntervalMs: 5 });
  expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
});
