/** Packs H.264 pictures into an MP4 file with its index first, so that it plays while it downloads. */
import type { VideoSize } from './h264.js';

export interface Mp4Video {
  size: VideoSize;
  framesPerSecond: number;
  sequenceParameters: Uint8Array;
  pictureParameters: Uint8Array;
  pictures: readonly Uint8Array[];
}

const u8 = (...values: number[]) => Buffer.from(values);

function u16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => bytes.writeUInt16BE(value, index * 2));
  return bytes;
}

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32BE(value, index * 4));
  return bytes;
}

function box(type: string, ...contents: Uint8Array[]): Buffer {
  const length = contents.reduce((sum, content) => sum + content.byteLength, 8);
  return Buffer.concat([u32(length), Buffer.from(type, 'latin1'), ...contents]);
}

const fullBox = (type: string, flags: number, ...contents: Uint8Array[]) =>
  box(type, u32(flags), ...contents);

const prefixed = (unit: Uint8Array, prefix: Buffer) => Buffer.concat([prefix, unit]);

const TIMESCALE = 1000;
const UNITY = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

export function makeMp4(video: Mp4Video): Uint8Array {
  const samples = video.pictures.map((picture) => prefixed(picture, u32(picture.byteLength)));
  const type = box('ftyp', Buffer.from('isom'), u32(512), Buffer.from('isomiso2avc1mp41'));
  const sizes = samples.map((sample) => sample.byteLength);
  const length = movie(video, sizes, 0).byteLength;
  const start = type.byteLength + length + 8;
  return Buffer.concat([type, movie(video, sizes, start), box('mdat', ...samples)]);
}

function movie(video: Mp4Video, sizes: readonly number[], start: number): Buffer {
  const { width, height } = video.size;
  const duration = Math.round((sizes.length * TIMESCALE) / video.framesPerSecond);
  const movieHeader = fullBox(
    'mvhd',
    0,
    u32(0, 0, TIMESCALE, duration, 0x10000),
    u16(0x100, 0),
    u32(0, 0),
    UNITY,
    Buffer.alloc(24),
    u32(2),
  );
  const trackHeader = fullBox(
    'tkhd',
    3,
    u32(0, 0, 1, 0, duration, 0, 0),
    u16(0, 0, 0, 0),
    UNITY,
    u32(width << 16, height << 16),
  );
  const mediaHeader = fullBox('mdhd', 0, u32(0, 0, TIMESCALE, duration), u16(0x55c4, 0));
  const handler = fullBox('hdlr', 0, u32(0), Buffer.from('vide'), Buffer.alloc(12), Buffer.from('video\0'));
  const information = box(
    'minf',
    fullBox('vmhd', 1, u16(0, 0, 0, 0)),
    box('dinf', fullBox('dref', 0, u32(1), fullBox('url ', 1))),
    box(
      'stbl',
      fullBox('stsd', 0, u32(1), sampleEntry(video)),
      fullBox('stts', 0, u32(1, sizes.length, TIMESCALE / video.framesPerSecond)),
      fullBox('stsc', 0, u32(1, 1, sizes.length, 1)),
      fullBox('stsz', 0, u32(0, sizes.length, ...sizes)),
      fullBox('stco', 0, u32(1, start)),
    ),
  );
  return box('moov', movieHeader, box('trak', trackHeader, box('mdia', mediaHeader, handler, information)));
}

function sampleEntry({ size, sequenceParameters: sps, pictureParameters: pps }: Mp4Video): Buffer {
  const configuration = box(
    'avcC',
    u8(1, ...sps.subarray(1, 4), 0xff, 0xe1),
    prefixed(sps, u16(sps.byteLength)),
    u8(1),
    prefixed(pps, u16(pps.byteLength)),
  );
  return box(
    'avc1',
    u8(0, 0, 0, 0, 0, 0),
    u16(1),
    Buffer.alloc(16),
    u16(size.width, size.height),
    u32(0x480000, 0x480000, 0),
    u16(1),
    Buffer.alloc(32),
    u16(0x18, 0xffff),
    configuration,
  );
}
