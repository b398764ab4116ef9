/** Checks models of `defineModel` on the emulator, with and without a server. */
import { expect, test } from 'vitest';
import { defineModel, inputJsonSchemas } from 'wavespeed-kling/schemas';
import { createEmulator, emulatorHandlers } from '../../src/testing/index.js';
import { call, O1, O3, result, started } from './support.js';

const o3Pro = defineModel({
  id: 'kwaivgi/kling-video-o3-pro/reference-to-video',
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
  expect(models.map((model) => [model.model_id, model.base_price])).toEqual([
    [O1, 0.56],
    [O3, 0.42],
    [o3Pro.id, 0.45],
  ]);
  expect(models[1]).toMatchObject({
    name: O3,
    type: 'reference-to-video',
    formula: '{"total_price": duration * (video ? 0.126 : 0.084)}',
  });
  const [schema] = models[1]?.api_schema.api_schemas ?? [];
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
