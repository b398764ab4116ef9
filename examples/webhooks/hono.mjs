/**
 * Webhooks with Hono: npm i hono @hono/node-server, node examples/webhooks/hono.mjs
 */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';
import { onEvent, startDemo } from './demo.mjs';

const { kling, hostname, port, makeVideo } = await startDemo();
const receiver = createWebhookReceiver({ secret: () => kling.webhookSecret(), onEvent });

const app = new Hono();
app.post('/webhooks', (context) => receiver.fetch(context.req.raw));
await makeVideo(receiver, serve({ fetch: app.fetch, port, hostname }));
