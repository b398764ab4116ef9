// A TypeScript user's program: compiled, never run, against the packed package under several settings.
import {
  type CompletedPrediction,
  estimateCost,
  KLING_O1,
  KLING_O3_STD,
  type ModelInput,
  type Prediction,
  RateLimitError,
  type RunOptions,
  SubmissionUnknownError,
  WaveSpeedError,
  WaveSpeedKling,
} from 'wavespeed-kling';
import {
  inputJsonSchemas,
  inputSchemas,
  type KlingO1Input,
  klingO1InputSchema,
  klingO3StdInputSchema,
  predictionSchema,
  webhookEventSchema,
} from 'wavespeed-kling/schemas';
import { emulatorHandlers, startEmulator } from 'wavespeed-kling/testing';
import { verifyWebhook } from 'wavespeed-kling/webhooks';

export async function main(signal: AbortSignal, blob: Blob, file: File): Promise<CompletedPrediction> {
  const emulator = await startEmulator();
  await using kling = new WaveSpeedKling({ apiKey: async () => 'key', baseUrl: emulator.url });
  const input: ModelInput<typeof KLING_O3_STD> = {
    prompt: 'A fox',
    images: ['https://example.com/a.png', new URL('file:///side.png'), blob, file],
    duration: 15,
    sound: true,
  };
  const options: RunOptions = { signal, timeoutMs: 1000, pollIntervalMs: (elapsedMs) => elapsedMs / 10 };
  const video = await kling.run('kwaivgi/kling-video-o3-std/reference-to-video', input, options);
  const first: string = video.outputs[0];
  const cost: number = estimateCost(KLING_O1, { duration: 10 });
  for await (const task of kling.list({ status: 'failed' })) void (task satisfies Prediction);
  for await (const change of kling.watch(video.id)) void change.status;
  try {
    await kling.submit(KLING_O1, { prompt: 'A fox', duration: 10, video: undefined });
  } catch (error) {
    if (error instanceof RateLimitError) void (error.retryAfterMs satisfies number | undefined);
    if (SubmissionUnknownError.isInstance(error)) void (await error.candidates())[0]?.exactMatch;
    if (WaveSpeedError.isInstance(error)) void (error.predictionId satisfies string | undefined);
  }
  const parsed = klingO1InputSchema.parse({ prompt: 'A fox' });
  const duration: number = parsed.duration;
  const wire: KlingO1Input = parsed;
  void [first, cost, duration, wire, inputSchemas, inputJsonSchemas, klingO3StdInputSchema, predictionSchema];
  void [webhookEventSchema, emulatorHandlers];
  const event = await verifyWebhook('{}', { 'webhook-id': 'x' }, ['whsec_a', 'whsec_b'], {
    toleranceSeconds: 60,
  });
  void (event.status satisfies string);
  return video;
}

export async function refused(kling: WaveSpeedKling): Promise<void> {
  // @ts-expect-error: O1 makes 3 to 10 seconds
  await kling.run(KLING_O1, { prompt: 'A fox', duration: 11 });
  // @ts-expect-error: O3 Standard makes 3 to 15 seconds
  await kling.run(KLING_O3_STD, { prompt: 'A fox', duration: 2 });
  // @ts-expect-error: whole seconds
  await kling.run(KLING_O3_STD, { prompt: 'A fox', duration: 5.5 });
  // @ts-expect-error: not a ratio of these models
  await kling.run(KLING_O3_STD, { prompt: 'A fox', aspect_ratio: '4:3' });
  // @ts-expect-error: O1 has no sound
  await kling.run(KLING_O1, { prompt: 'A fox', sound: true });
  // @ts-expect-error: a misspelt field
  await kling.run(KLING_O3_STD, { prompt: 'A fox', aspectRatio: '1:1' });
  // @ts-expect-error: the prompt is required
  await kling.run(KLING_O3_STD, { duration: 5 });
  // @ts-expect-error: not a model of this library
  await kling.run('kwaivgi/kling-video-o2/reference-to-video', { prompt: 'A fox' });
  // @ts-expect-error: nothing is coerced
  await kling.run(KLING_O3_STD, { prompt: 'A fox', duration: '5' });
  // @ts-expect-error: a misspelt option
  await kling.run(KLING_O3_STD, { prompt: 'A fox' }, { timeout: 1000 });
  // @ts-expect-error: a misspelt option
  void new WaveSpeedKling({ key: 'x' });
}
