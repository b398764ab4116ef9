// The main process of an Electron app: makes a video without a window, and ends.
import { app } from 'electron';
import { WaveSpeedKling } from 'wavespeed-kling';
import { makeVideo } from './make-video.mjs';

app.disableHardwareAcceleration();
try {
  await app.whenReady();
  await makeVideo(new WaveSpeedKling());
  app.exit(0);
} catch (error) {
  console.error(error);
  app.exit(1);
}
