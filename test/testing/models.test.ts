/** Checks models of `defineModel` on the emulator, with and without a server. */
import { expect, test } from 'vitest';
import { defineModel } from 'wavespeed-kling/schemas';
import { createEmulator, emulatorHandlers } from '../../src/testing/index.js';
import { call, O3, result, started } from './support.js';

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
