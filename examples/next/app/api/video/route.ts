/** POST /api/video: makes a video, and streams its progress. */
import { experimental_generateVideo as generateVideo } from 'ai';
import { KLING_O3_STD, type Prediction, WaveSpeedError } from 'wavespeed-kling';
import { createWaveSpeedKling } from 'wavespeed-kling/ai-sdk';
import { getClient } from '../../../lib/client.ts';
import type { Progress } from '../../../lib/progress.ts';

/** How long the platform lets the function run, in seconds. */
export const maxDuration = 800;

export async function POST(request: Request): Promise<Response> {
  const { prompt, key } = (await request.json()) as { prompt?: unknown; key?: unknown };
  if (typeof prompt !== 'string' || typeof key !== 'string') {
    return Response.json({ error: 'Expected { prompt, key }.' }, { status: 400 });
  }
  const lines = new TransformStream<Progress, Uint8Array>({
    transform: (progress, controller) =>
      controller.enqueue(new TextEncoder().encode(`${JSON.stringify(progress)}\n`)),
  });
  void streamVideo(prompt, key, lines.writable.getWriter());
  return new Response(lines.readable, { headers: { 'content-type': 'application/x-ndjson' } });
}

async function streamVideo(
  prompt: string,
  key: string,
  writer: WritableStreamDefaultWriter<Progress>,
): Promise<void> {
  // The reader may have left. The task continues, and the same key finds it again.
  const send = (progress: Progress) => void writer.write(progress).catch(() => undefined);
  try {
    send(await makeVideo(prompt, key, ({ id, status }) => send({ id, status })));
  } catch (error) {
    send(toProgress(error));
  }
  await writer.close().catch(() => undefined);
}

async function makeVideo(
  prompt: string,
  key: string,
  sendStatus: (task: Prediction) => void,
): Promise<Progress> {
  // A provider per request, for its callbacks; all share one client.
  const kling = createWaveSpeedKling({ client: getClient(), onUpdate: sendStatus });
  const { providerMetadata } = await generateVideo({
    model: kling.video(KLING_O3_STD),
    prompt,
    duration: 5,
    // Every request with the same key gets the same task: a second click, or a retry, pays nothing.
    providerOptions: { wavespeedKling: { idempotencyKey: key } },
    download: kling.download,
  });
  // The service keeps the video for 7 days. `generateVideo` also returns its bytes: store them to keep it longer.
  const { id, urls } = providerMetadata.wavespeedKling as unknown as { id: string; urls: string[] };
  return { id, url: urls[0] };
}

/** Errors of the library name the task, and hold no secret. */
function toProgress(error: unknown): Progress {
  if (WaveSpeedError.isInstance(error)) return { id: error.predictionId, error: error.message };
  console.error(error);
  return { error: 'The video could not be made.' };
}
