// The program of every project: uploads an image, makes a video on the emulator and saves it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

export async function makeVideo(kling) {
  const directory = await mkdtemp(join(tmpdir(), 'wavespeed-kling-'));
  try {
    const images = [new Blob([Buffer.from(PIXEL, 'base64')])];
    const video = await kling.run(
      'kwaivgi/kling-video-o3-std/reference-to-video',
      { prompt: 'A paper boat in the rain', duration: 3, images },
      { pollIntervalMs: 10 },
    );
    const [{ path }] = await kling.download(video, directory);
    const bytes = await readFile(path);
    if (bytes.toString('latin1', 4, 8) !== 'ftyp') throw new Error(`${path} is not an MP4 file`);
  } finally {
    await rm(directory, { recursive: true });
    await kling.close();
  }
}
