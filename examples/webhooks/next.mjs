/**
 * Webhooks in a route handler of Next, as in app/webhooks/route.ts: node examples/webhooks/next.mjs
 *
 * `secret` is a function, so that `next build` asks the service for nothing. examples/next is a complete application.
 */
import { serve } from '@hono/node-server';
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';
import { onEvent, startDemo } from './demo.mjs';

const { kling, hostname, port, makeVideo } = await startDemo();
const receiver = createWebhookReceiver({ secret: () => kling.webhookSecret(), onEvent });

export const POST = receiver.fetch;

// Stands for Next's server.
await makeVideo(receiver, serve({ fetch: POST, port, hostname }));
