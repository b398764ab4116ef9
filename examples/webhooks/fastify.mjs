/**
 * Webhooks with Fastify: npm i fastify, node examples/webhooks/fastify.mjs
 */
import fastify from 'fastify';
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';
import { onEvent, startDemo } from './demo.mjs';

const { kling, hostname, port, makeVideo } = await startDemo();
const receiver = createWebhookReceiver({ secret: () => kling.webhookSecret(), onEvent });

const app = fastify();
// A plugin of its own, whose parser leaves the body unread: the signature is over the bytes as they came.
await app.register(async (scope) => {
  scope.addContentTypeParser('application/json', (_request, _payload, done) => done(null));
  scope.post('/webhooks', async (request, reply) => {
    reply.hijack();
    await receiver.node(request.raw, reply.raw);
  });
});
await app.listen({ port, host: hostname });
await makeVideo(receiver, app.server);
