/**
 * Webhooks with Node's own HTTP server: node examples/webhooks/http.mjs
 */
import { createServer } from 'node:http';
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';
import { onEvent, startDemo } from './demo.mjs';

const { kling, hostname, port, makeVideo } = await startDemo();
const receiver = createWebhookReceiver({ secret: () => kling.webhookSecret(), onEvent });

const server = createServer((request, response) => {
  if (request.url === '/webhooks') void receiver.node(request, response);
  else response.writeHead(404).end();
});
server.listen(port, hostname);
await makeVideo(receiver, server);
