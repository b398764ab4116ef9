/**
 * Webhooks in AWS Lambda, behind a function URL or an HTTP API: node examples/webhooks/lambda.mjs
 */
import { serve } from '@hono/node-server';
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';
import { onEvent, startDemo } from './demo.mjs';

const { kling, hostname, port, makeVideo } = await startDemo();
const receiver = createWebhookReceiver({ secret: () => kling.webhookSecret(), onEvent });

/** @param {{ headers: Record<string, string>, body?: string, isBase64Encoded: boolean }} event Of payload format 2.0. */
export async function handler({ headers, body = '', isBase64Encoded }) {
  const response = await receiver.fetch(
    new Request('https://lambda.invalid/webhooks', {
      method: 'POST',
      headers,
      // The bytes as they came: the signature is over them.
      body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
    }),
  );
  return { statusCode: response.status, body: await response.text() };
}

/** Stands for API Gateway. @param {Request} request */
async function invoke(request) {
  const body = Buffer.from(await request.arrayBuffer()).toString('base64');
  const { statusCode, ...rest } = await handler({
    headers: Object.fromEntries(request.headers),
    body,
    isBase64Encoded: true,
  });
  return new Response(rest.body, { status: statusCode });
}
await makeVideo(receiver, serve({ fetch: invoke, port, hostname }));
