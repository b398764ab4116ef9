/**
 * Webhooks with Express: npm i express, node examples/webhooks/express.mjs
 */
import express from 'express';
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';
import { onEvent, startDemo } from './demo.mjs';

const { kling, hostname, port, makeVideo } = await startDemo();
const receiver = createWebhookReceiver({ secret: () => kling.webhookSecret(), onEvent });

const app = express();
// Before any express.json(): the signature is over the bytes as they came.
app.post('/webhooks', receiver.node);
app.use(express.json());
await makeVideo(receiver, app.listen(port, hostname));
