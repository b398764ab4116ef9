// Next's edge runtime: two waits at once and a webhook, without Node's modules.
import { KLING_O3_STD, WaveSpeedKling } from 'wavespeed-kling';
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';

export const runtime = 'edge';
export const dynamic = 'force-dynamic';

export async function POST(request) {
  const kling = new WaveSpeedKling({ pollIntervalMs: 20 });
  if (request.headers.has('webhook-id')) {
    return createWebhookReceiver({ secret: () => kling.webhookSecret(), onEvent: () => undefined }).fetch(
      request,
    );
  }
  const make = (prompt) => kling.run(KLING_O3_STD, { prompt, duration: 3 });
  const videos = await Promise.all([make('A fox'), make('A heron')]);
  return Response.json(videos.map(({ status }) => status));
}
