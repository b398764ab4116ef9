import { WaveSpeedKling } from 'wavespeed-kling';
import { makeVideo } from './make-video.mjs';

await makeVideo(new WaveSpeedKling());
