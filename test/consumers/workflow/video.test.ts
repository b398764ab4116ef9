// In the workflow's own test runtime: the model is serialized, restored in each step, and handed the webhook.
import { expect, test } from 'vitest';
import { WaveSpeedKling } from 'wavespeed-kling';
import { registerClient } from 'wavespeed-kling/ai-sdk';
import { start } from 'workflow/api';
import { startWebhookServer } from './webhook-server.mjs';
import { makeVideo } from './workflows/video.js';

test('a workflow makes a video and gets its webhook', async () => {
  const server = await startWebhookServer();
  registerClient('main', new WaveSpeedKling());
  const run = await start(makeVideo, ['A fox']);
  expect(await run.returnValue).toEqual([
    { type: 'url', url: expect.stringContaining('http'), mediaType: 'video/mp4' },
  ]);
  server.close();
});
