/** What the tests of batches share: an emulator behind `fetch` with its client, and requests. */
import { KLING_O3_STD, type ManyRequest, WaveSpeedKling, type WaveSpeedKlingOptions } from 'wavespeed-kling';
import { createEmulator, type EmulatorOptions } from 'wavespeed-kling/testing';

export function setUp(options: EmulatorOptions = {}, clientOptions: WaveSpeedKlingOptions = {}) {
  const emulator = createEmulator({ balance: 10_000, queueMs: 1000, processingMs: 1000, ...options });
  const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, fetch: emulator.fetch, ...clientOptions });
  return { emulator, kling };
}

export const requests = (count: number): ManyRequest[] =>
  Array.from({ length: count }, (_, index) => ({ model: KLING_O3_STD, input: { prompt: `Fox ${index}` } }));
