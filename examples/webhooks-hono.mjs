/**
 * A Hono server that takes webhooks in, and a task that reports to it; should the webhook get lost, the video does not.
 *
 *   npm i wavespeed-kling hono @hono/node-server
 *   node examples/webhooks-hono.mjs
 *
 * It runs on the local emulator and costs nothing. With WAVESPEED_API_KEY set it makes one real video on the live
 * service (3 seconds, $0.252), and then needs PUBLIC_URL: the https address under which the service reaches this
 * machine's port PORT (default 3000), such as a tunnel's.
 */
import { setTimeout } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { KLING_O3_STD, WaveSpeedKling } from 'wavespeed-kling';
import { createWebhookReceiver, isCompleted } from 'wavespeed-kling/webhooks';

const live = process.env.WAVESPEED_API_KEY !== undefined;
const publicUrl = process.env.PUBLIC_URL;
if (live && publicUrl === undefined) {
  throw new Error('Set PUBLIC_URL to the https address under which the service reaches this machine.');
}

const emulator = live ? undefined : await (await import('wavespeed-kling/testing')).startEmulator();
const kling = new WaveSpeedKling(emulator && { apiKey: emulator.apiKey, baseUrl: emulator.url });

const receiver = createWebhookReceiver({
  secret: await kling.webhookSecret(),
  // Called once for each event, however often it is delivered; when it throws, the service delivers it again.
  onEvent(event) {
    console.log(`webhook: ${event.id} ${event.status}`, isCompleted(event) ? event.outputs[0] : event.error);
  },
  onError(error) {
    console.error('webhook refused:', error);
  },
});

const app = new Hono();
app.post('/webhooks', (context) => receiver.fetch(context.req.raw));

const server = serve({
  fetch: app.fetch,
  port: live ? Number(process.env.PORT ?? 3000) : 0,
  hostname: live ? '0.0.0.0' : '127.0.0.1',
});
if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
const address = server.address();
const port = typeof address === 'object' && address !== null ? address.port : 3000;

const webhook = new URL('/webhooks', publicUrl ?? `http://127.0.0.1:${port}`).href;
const task = await kling.submit(
  KLING_O3_STD,
  { prompt: 'A paper boat drifts down a rainy street', duration: 3 },
  { webhookUrl: webhook },
);
console.log(`submitted: ${task.id}`);

// Settles when the webhook comes, and polls slowly meanwhile, in case it never does.
const video = await kling.wait(task.id, { webhookReceiver: receiver });
console.log(`video: ${video.outputs[0]}`);

// The last poll may come before the webhook: leave the server up for it, a minute at most.
await Promise.race([
  new Promise((resolve) => receiver.subscribe(task.id, resolve)),
  setTimeout(60_000, undefined, { ref: false }),
]);
await emulator?.settled();
await new Promise((resolve) => server.close(resolve));
await kling.close();
await emulator?.close();
