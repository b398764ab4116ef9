// Requires every entry as CommonJS and makes a video on the emulator; throws when anything is not as it should be.
const assert = require('node:assert/strict');
const { KLING_O1, InvalidInputError, WaveSpeedKling } = require('wavespeed-kling');
const schemas = require('wavespeed-kling/schemas');
const { startEmulator } = require('wavespeed-kling/testing');
const { verifyWebhook } = require('wavespeed-kling/webhooks');

async function main() {
  const emulator = await startEmulator({ queueMs: 10, processingMs: 10 });
  const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
  const pixel = new Blob([
    Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    ),
  ]);
  const video = await kling.run(
    KLING_O1,
    { prompt: 'A fox', duration: 3, images: [pixel] },
    { pollIntervalMs: 10 },
  );
  assert.equal(emulator.uploads.length, 1);
  assert.equal(video.status, 'completed');
  // @ts-expect-error: too short for this model
  const refused = await kling.run(KLING_O1, { prompt: 'A fox', duration: 2 }).catch((error) => error);
  // One class across the entries of one copy.
  assert.ok(refused instanceof InvalidInputError);
  assert.equal(schemas.InvalidInputError, InvalidInputError);
  await assert.rejects(verifyWebhook('{}', {}, 'whsec_x'), { name: 'WebhookVerificationError' });
  await kling.close();
  await emulator.close();
  console.log(`CommonJS on Node ${process.version}: ok`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
