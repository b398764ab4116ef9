// Imports every entry as ESM and makes a video on the emulator; throws when anything is not as it should be.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import {
  estimateCost,
  KLING_O1,
  KLING_O3_STD,
  NotFoundError,
  WaveSpeedError,
  WaveSpeedKling,
} from 'wavespeed-kling';
import { inputJsonSchemas, klingO1InputSchema } from 'wavespeed-kling/schemas';
import { startEmulator } from 'wavespeed-kling/testing';
import { verifyWebhook } from 'wavespeed-kling/webhooks';

const emulator = await startEmulator({ queueMs: 10, processingMs: 10 });
const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
const pixel = new Blob([
  Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  ),
]);
const video = await kling.run(
  KLING_O3_STD,
  { prompt: 'A fox', duration: 3, images: [pixel] },
  { pollIntervalMs: 10 },
);
assert.equal(emulator.uploads.length, 1);
assert.equal(video.outputs.length, 1);
assert.equal(emulator.account.charged, estimateCost(KLING_O3_STD, { duration: 3 }));

const missing = await kling.get('nothing').catch((error) => error);
assert.ok(missing instanceof NotFoundError);
// A CommonJS copy recognises the errors of this one.
const commonJs = createRequire(import.meta.url)('wavespeed-kling');
assert.notEqual(commonJs.NotFoundError, NotFoundError);
assert.ok(commonJs.NotFoundError.isInstance(missing));
assert.ok(commonJs.WaveSpeedError.isInstance(missing) && WaveSpeedError.isInstance(missing));

// The CommonJS copy intercepts the clients of this one.
const stop = createRequire(import.meta.url)('wavespeed-kling/testing')
  .createEmulator({ balance: 7 })
  .intercept();
assert.equal(await new WaveSpeedKling({ baseUrl: 'http://192.0.2.1' }).balance(), 7);
stop();

assert.equal(klingO1InputSchema.parse({ prompt: 'A fox' }).duration, 5);
assert.equal(inputJsonSchemas[KLING_O1].type, 'object');
await assert.rejects(verifyWebhook('{}', {}, 'whsec_x'), { name: 'WebhookVerificationError' });

await kling.close();
await emulator.close();
console.log(`ESM on Node ${process.version}: ok`);
