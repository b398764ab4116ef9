/**
 * Webhooks in a Cloudflare Worker: node examples/webhooks/workers.mjs
 *
 * In a Worker, make the client in `fetch`, with `env.WAVESPEED_API_KEY`: it may not do I/O outside of a request.
 */
import { serve } from '@hono/node-server';
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';
import { onEvent, startDemo } from './demo.mjs';

const { kling, hostname, port, makeVideo } = await startDemo();
const receiver = createWebhookReceiver({ secret: () => kling.webhookSecret(), onEvent });

const worker = {
  /** @param {Request} request */
  async fetch(request) {
    if (new URL(request.url).pathname === '/webhooks') return receiver.fetch(request);
    return new Response('Not found', { status: 404 });
  },
};
export { worker as default };

// Stands for the Workers runtime.
await makeVideo(receiver, serve({ ...worker, port, hostname }));
