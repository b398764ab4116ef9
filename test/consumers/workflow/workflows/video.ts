// A durable video, as docs/ai-sdk.md shows it.
import { experimental_generateVideo as generateVideo } from '@ai-sdk/workflow/video';
import { createWaveSpeedKling } from 'wavespeed-kling/ai-sdk';
import { KLING_O3_STD } from 'wavespeed-kling/schemas';

export async function makeVideo(prompt: string) {
  'use workflow';
  const kling = createWaveSpeedKling({ specificationVersion: 'v4', client: 'main' });
  const { videos } = await generateVideo({ model: kling.video(KLING_O3_STD), prompt, duration: 3 });
  return videos;
}
