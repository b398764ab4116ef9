import { WaveSpeedKling } from 'wavespeed-kling';
import { makeVideo } from '../../../make-video.mjs';

export const dynamic = 'force-dynamic';

export async function POST() {
  await makeVideo(new WaveSpeedKling());
  return Response.json({ done: true });
}
