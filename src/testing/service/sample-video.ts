/** Draws the video that the emulator returns: a light moving over two colours, as H.264 in MP4. */
import { encodePicture, pictureParameters, sequenceParameters, tileGrid, type TileColour } from './h264.js';
import { makeMp4 } from './mp4.js';

const SIZES = {
  '16:9': { width: 256, height: 144 },
  '9:16': { width: 144, height: 256 },
  '1:1': { width: 192, height: 192 },
} as const;
const FRAMES_PER_SECOND = 8;
/** Number of cached videos: a client may fetch one in several ranges. */
const KEPT = 16;

const drawn = new Map<string, Uint8Array>();

/** Fields of an input that determine its video. */
export interface SampleVideoInput {
  /** Determines the colours and the path of the light. @default '' */
  prompt?: unknown;
  /** `'16:9'`, `'9:16'` or `'1:1'`. @default '16:9' */
  aspect_ratio?: unknown;
  /** Length in seconds. @default 0.5 */
  duration?: unknown;
}

/**
 * Returns the video that the emulator makes for an input: a real MP4 of its aspect ratio and duration, in colours that
 * depend on its prompt. The same input gives the same bytes.
 */
export function sampleVideo(input: SampleVideoInput = {}): Uint8Array {
  const prompt = typeof input.prompt === 'string' ? input.prompt : '';
  const ratio = input.aspect_ratio === '9:16' || input.aspect_ratio === '1:1' ? input.aspect_ratio : '16:9';
  const seconds =
    typeof input.duration === 'number' && input.duration > 0 ? Math.min(input.duration, 60) : 0.5;
  const key = JSON.stringify([prompt, ratio, seconds]);
  const known = drawn.get(key);
  if (known !== undefined) return known;
  const bytes = draw(hash(prompt), ratio, seconds);
  drawn.set(key, bytes);
  for (const oldest of drawn.keys()) {
    if (drawn.size <= KEPT) break;
    drawn.delete(oldest);
  }
  return bytes;
}

function draw(seed: number, ratio: keyof typeof SIZES, seconds: number): Uint8Array {
  const size = SIZES[ratio];
  const { columns, rows } = tileGrid(size);
  const hue = 360 * fraction(seed, 1);
  const ground = colour(hue, 0.6, 0.16);
  const sky = colour(hue + 30 + 110 * fraction(seed, 2), 0.55, 0.46);
  const light = colour(hue + 130 + 120 * fraction(seed, 3), 0.9, 0.74);
  const angle = 2 * Math.PI * fraction(seed, 4);
  const [turnsX, turnsY] = [0.5 + fraction(seed, 5), 0.5 + fraction(seed, 6)];
  const pictures = Array.from({ length: Math.round(seconds * FRAMES_PER_SECOND) }, (_, number) => {
    const time = number / FRAMES_PER_SECOND;
    const lightX = 0.36 * Math.sin(turnsX * time + angle);
    const lightY = 0.34 * Math.cos(turnsY * time);
    return encodePicture(size, number, (column, row) => {
      const x = (column + 0.5) / columns - 0.5;
      const y = (row + 0.5) / rows - 0.5;
      const height = 0.5 + x * Math.cos(angle) + y * Math.sin(angle) + 0.08 * Math.sin(time + column / 3);
      const distance = Math.hypot(x - lightX, ((y - lightY) * rows) / columns);
      return mix(mix(sky, ground, height), light, 1.25 - distance * 5);
    });
  });
  return makeMp4({
    size,
    framesPerSecond: FRAMES_PER_SECOND,
    sequenceParameters: sequenceParameters(size),
    pictureParameters: pictureParameters(),
    pictures,
  });
}

/** 32-bit FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

function fraction(seed: number, number: number): number {
  let value = Math.imul(seed ^ Math.imul(number, 0x9e3779b1), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return ((value ^ (value >>> 16)) >>> 0) / 2 ** 32;
}

/** Converts HSL to a colour in video range (BT.601). */
function colour(hue: number, saturation: number, lightness: number): TileColour {
  const channel = (offset: number) => {
    const place = (offset + hue / 30) % 12;
    return (
      lightness -
      saturation * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(place - 3, 9 - place, 1))
    );
  };
  const [red, green, blue] = [channel(0), channel(8), channel(4)];
  const luma = 0.299 * red + 0.587 * green + 0.114 * blue;
  return [16 + 219 * luma, 128 + (224 * (blue - luma)) / 1.772, 128 + (224 * (red - luma)) / 1.402];
}

function mix(from: TileColour, to: TileColour, share: number): TileColour {
  const part = Math.min(1, Math.max(0, share));
  const blend = (index: 0 | 1 | 2) => Math.round(from[index] + (to[index] - from[index]) * part);
  return [blend(0), blend(1), blend(2)];
}
