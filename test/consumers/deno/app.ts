import { WaveSpeedKling } from 'wavespeed-kling';
import { makeVideo } from './make-video.mjs';

if (!('Deno' in globalThis)) throw new Error('this is not Deno');
await makeVideo(new WaveSpeedKling());
await makeVideo(new WaveSpeedKling({ fetch: (url, init) => fetch(url, init) }));
