/** What the tests of the AI SDK provider share: both majors of `ai`, and a provider on an emulator. */
import { experimental_generateVideo as generateVideo6 } from 'ai';
import { experimental_generateVideo as generateVideo7 } from 'ai-7';
import { onTestFinished } from 'vitest';
import { KLING_O3_STD, WaveSpeedKling, type WaveSpeedKlingOptions } from 'wavespeed-kling';
import { createWaveSpeedKling, type KlingProviderOptions } from 'wavespeed-kling/ai-sdk';
import { startEmulator, type StartEmulatorOptions } from 'wavespeed-kling/testing';

// ai prints warnings to the console.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

export type GenerateVideo = typeof generateVideo6;

/** Both majors, under the type of ai 6, which ai 7 extends. */
export const majors: { ai: string; generateVideo: GenerateVideo }[] = [
  { ai: 'ai 6', generateVideo: generateVideo6 },
  { ai: 'ai 7', generateVideo: generateVideo7 as unknown as GenerateVideo },
];

interface SetupOptions extends Omit<KlingProviderOptions, 'client'> {
  emulator?: StartEmulatorOptions;
  client?: WaveSpeedKlingOptions;
}

/** A provider whose client talks to an emulator of its own; both are closed when the test is over. */
export async function setup({
  emulator: emulatorOptions,
  client: clientOptions,
  ...options
}: SetupOptions = {}) {
  const emulator = await startEmulator({ queueMs: 5, processingMs: 10, ...emulatorOptions });
  const client = new WaveSpeedKling({
    apiKey: emulator.apiKey,
    baseUrl: emulator.url,
    pollIntervalMs: 5,
    ...clientOptions,
  });
  const kling = createWaveSpeedKling({ client, ...options });
  onTestFinished(async () => {
    await client.close();
    await emulator.close();
  });
  return {
    emulator,
    client,
    kling,
    model: kling.video(KLING_O3_STD),
    submits: () => emulator.requestCount({ operation: 'submit' }),
    /** Bodies of the submits, in order. */
    bodies: () =>
      emulator.requests.filter(({ operation }) => operation === 'submit').map(({ body }) => body) as Body[],
  };
}

export interface Body {
  prompt: string;
  images: string[];
  video?: string;
  [field: string]: unknown;
}

/** What a call without `providerOptions` is rejected with, or `undefined`. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error | undefined> {
  return promise.then(
    () => undefined,
    (error: Error) => error,
  );
}
