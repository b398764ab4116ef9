// NODE_USE_ENV_PROXY and HTTP_PROXY alone, no code.
import { WaveSpeedKling } from 'wavespeed-kling';
import { makeVideo } from './make-video.mjs';

await makeVideo(new WaveSpeedKling());
