/** The video that the emulator returns for an input: a sample of its aspect ratio, as long as it was asked for. */
import { createHash } from 'node:crypto';
import { SAMPLE_VIDEOS } from './sample-videos.js';

/** Length of a sample, in the units of its time scale: divisible by most numbers of seconds. */
const UNITS = 720_720;
/** Number of cached videos: a client may fetch one in several ranges. */
const KEPT = 16;

const made = new Map<string, Uint8Array>();

/** Fields of an input that determine its video. */
export interface SampleVideoInput {
  /** Determines the colours. @default '' */
  prompt?: unknown;
  /** `'16:9'`, `'9:16'` or `'1:1'`. @default '16:9' */
  aspect_ratio?: unknown;
  /** Length in seconds. @default 0.5 */
  duration?: unknown;
}

/**
 * Returns the video that the emulator makes for an input: a real MP4 of its aspect ratio and duration, in one of three
 * colours by its prompt. The same input gives the same bytes, and another input other bytes.
 */
export function sampleVideo(input: SampleVideoInput = {}): Uint8Array {
  const prompt = typeof input.prompt === 'string' ? input.prompt : '';
  const ratio = input.aspect_ratio === '9:16' || input.aspect_ratio === '1:1' ? input.aspect_ratio : '16:9';
  const seconds =
    typeof input.duration === 'number' && input.duration > 0 ? Math.min(input.duration, 60) : 0.5;
  const key = JSON.stringify([prompt, ratio, seconds]);
  const known = made.get(key);
  if (known !== undefined) return known;
  const bytes = make(createHash('sha256').update(prompt).digest(), ratio, seconds);
  made.set(key, bytes);
  for (const oldest of made.keys()) {
    if (made.size <= KEPT) break;
    made.delete(oldest);
  }
  return bytes;
}

function make(digest: Buffer, ratio: keyof typeof SAMPLE_VIDEOS, seconds: number): Uint8Array {
  const samples = SAMPLE_VIDEOS[ratio];
  const sample = samples[digest.readUInt8() % samples.length] ?? samples[0];
  // The prompt's digest, in a box that players skip.
  const mark = Buffer.concat([Buffer.from('\0\0\0\x28free', 'latin1'), digest]);
  const bytes = Buffer.concat([Buffer.from(sample, 'base64'), mark]);
  for (const header of ['mvhd', 'mdhd']) {
    // A slower time scale is a longer video. In both headers it follows the flags and two dates.
    bytes.writeUInt32BE(Math.round(UNITS / seconds), bytes.indexOf(header) + 16);
  }
  return bytes;
}
