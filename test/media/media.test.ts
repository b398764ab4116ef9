import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { KLING_O3_STD, WaveSpeedKling } from 'wavespeed-kling';
import { startEmulator } from 'wavespeed-kling/testing';
import { movie, picture, sha, temporaryDirectory } from './support.js';

it.each([true, false])(
  'takes local media all the way to a video on disk (tickets: %s)',
  async (ticketUploads) => {
    await using emulator = await startEmulator({
      ticketUploads,
      outputBytes: 3_000_000,
      queueMs: 1,
      processingMs: 1,
    });
    await using kling = new WaveSpeedKling({ apiKey: 'key', baseUrl: emulator.url });
    const directory = temporaryDirectory();
    const [front, side, motion] = [picture(1000), picture(2000), movie(1_000_000)];
    writeFileSync(join(directory, 'side.png'), side);

    const video = await kling.run(
      KLING_O3_STD,
      {
        prompt: 'The character walks through a neon city at night',
        images: [new Blob([front]), pathToFileURL(join(directory, 'side.png'))],
        video: new File([motion], 'motion.mp4'),
      },
      { pollIntervalMs: 10 },
    );
    const [file] = await kling.download(video, join(directory, 'out'));

    const uploads = emulator.uploads.map(({ bytes, via }) => `${via} ${sha(bytes)}`);
    const via = ticketUploads ? 'ticket' : 'binary';
    expect(uploads).toHaveLength(3);
    expect(new Set(uploads)).toEqual(new Set([front, side, motion].map((bytes) => `${via} ${sha(bytes)}`)));
    expect(file?.path).toBe(join(directory, 'out', `${video.id}-1.mp4`));
    expect(readFileSync(file?.path ?? '').byteLength).toBe(3_000_000);
  },
);
