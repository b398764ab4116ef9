// Runs in workerd without nodejs_compat: two waits at once, a webhook, and what a Worker cannot do.
import { fileJournal, KLING_O3_STD, memoryJournal, WaveSpeedKling } from 'wavespeed-kling';
import { createWaveSpeedKling } from 'wavespeed-kling/ai-sdk';
import { parseInput } from 'wavespeed-kling/schemas';
import { sqlSchema } from 'wavespeed-kling/sql';
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const events = [];

async function nameOf(work) {
  try {
    await work();
    return 'no error';
  } catch (error) {
    return error.name;
  }
}

async function makeVideos(kling, webhookUrl) {
  const png = new Blob([Uint8Array.from(atob(PIXEL), (character) => character.charCodeAt(0))]);
  const options = { pollIntervalMs: 20 };
  const [fox, heron] = await Promise.all([
    kling.run(KLING_O3_STD, { prompt: 'A fox', duration: 3, images: [png] }, { ...options, webhookUrl }),
    kling.run(KLING_O3_STD, { prompt: 'A heron', duration: 3 }, { ...options, idempotencyKey: 'order-42' }),
  ]);
  return [fox, heron];
}

export default {
  async fetch(request, env) {
    const { pathname, origin } = new URL(request.url);
    const kling = new WaveSpeedKling({
      apiKey: env.WAVESPEED_API_KEY,
      baseUrl: env.WAVESPEED_BASE_URL,
      journal: memoryJournal(),
    });
    if (pathname === '/webhook') {
      const secret = () => kling.webhookSecret();
      return createWebhookReceiver({ secret, onEvent: ({ id }) => void events.push(id) }).fetch(request);
    }
    if (pathname === '/events') return Response.json(events);
    if (pathname === '/videos') return Response.json(await makeVideos(kling, `${origin}/webhook`));
    return Response.json({
      noKey: await nameOf(() => new WaveSpeedKling()),
      path: await nameOf(() => kling.upload('side.png')),
      download: await nameOf(() => kling.download('https://example.com/1.mp4', './out')),
      fileJournal: await nameOf(() => fileJournal('./journal.jsonl')),
      duration: parseInput(KLING_O3_STD, { prompt: 'A fox' }).duration,
      provider: createWaveSpeedKling({ client: kling }).specificationVersion,
      hasTables: sqlSchema('sqlite').length > 0,
    });
  },
};
