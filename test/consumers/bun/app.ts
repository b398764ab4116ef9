import { WaveSpeedKling } from 'wavespeed-kling';
import { makeVideo } from './make-video.mjs';

if (!('Bun' in globalThis)) throw new Error('this is not Bun');
await makeVideo(new WaveSpeedKling());
await makeVideo(new WaveSpeedKling({ fetch: (url, init) => fetch(url, init) }));
