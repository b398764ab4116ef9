// checkFile: what it accepts is what an upload accepts, by the same content and limits.
import { describe, expect, test, vi } from 'vitest';
import { InvalidInputError } from 'wavespeed-kling';
import { checkFile } from 'wavespeed-kling/schemas';
import { validateFile } from '../../src/media/file-type.js';
import { asf, AUDIO_STREAM, latin, ogg, padded, samples } from '../media/support.js';

const MB = 1024 * 1024;

/** A box of an MP4. */
const box = (type: string, ...content: Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
};
const track = (kind: string) =>
  box('trak', box('mdia', box('hdlr', Buffer.alloc(8), latin(kind), Buffer.alloc(13))));
/** An MP4 whose index is at its end, as a camera writes it. */
const mp4 = (brand: string, ...tracks: string[]) =>
  Buffer.concat([
    box('ftyp', latin(`${brand}\0\0\0\0isommp42`)),
    box('mdat', Buffer.alloc(300_000)),
    box('moov', ...tracks.map(track)),
  ]);

const webm = (codec: string) =>
  Buffer.concat([samples.webm?.bytes.subarray(0, 20) ?? Buffer.alloc(0), latin(codec)]);

/** Content, and what it is: a type that is accepted, or part of the reason why it is not. */
const FILES: Record<string, { bytes: Buffer; kind: 'image' | 'video' | 'audio' | undefined; type: string }> =
  {
    ...Object.fromEntries(
      Object.entries(samples).map(([name, { bytes, contentType }]) => [
        name,
        {
          bytes,
          kind: contentType.startsWith('image') ? ('image' as const) : ('video' as const),
          type: contentType,
        },
      ]),
    ),
    mp3: { bytes: padded(latin('ID3\x04\0\0\0\0\0\0\xff\xfb\x90\x64')), kind: 'audio', type: 'audio/mpeg' },
    'mp3 without tags': { bytes: padded(latin('\xff\xfb\x90\x64')), kind: 'audio', type: 'audio/mpeg' },
    wav: { bytes: padded(latin('RIFF\x24\0\0\0WAVEfmt ')), kind: 'audio', type: 'audio/wav' },
    flac: { bytes: padded(latin('fLaC\0\0\0\x22')), kind: 'audio', type: 'audio/flac' },
    aac: { bytes: padded(latin('\xff\xf1\x50\x80')), kind: 'audio', type: 'audio/aac' },
    'ogg audio': { bytes: padded(ogg('\x01vorbis')), kind: 'audio', type: 'audio/ogg' },
    opus: { bytes: padded(ogg('OpusHead')), kind: 'audio', type: 'audio/ogg' },
    'ogg with audio first': {
      bytes: padded(ogg('\x01vorbis', '\x80theora')),
      kind: 'video',
      type: 'video/ogg',
    },
    'webm audio': { bytes: padded(webm('A_OPUS')), kind: 'audio', type: 'audio/webm' },
    'webm video': { bytes: padded(webm('A_OPUS V_VP9')), kind: 'video', type: 'video/webm' },
    m4a: { bytes: mp4('M4A ', 'soun'), kind: 'audio', type: 'audio/mp4' },
    'an M4A brand that holds a video': {
      bytes: mp4('M4A ', 'soun', 'vide'),
      kind: 'video',
      type: 'video/mp4',
    },
    'mp4 video': { bytes: mp4('isom', 'vide', 'soun'), kind: 'video', type: 'video/mp4' },
    'mp4 with audio alone': { bytes: mp4('isom', 'soun'), kind: 'audio', type: 'audio/mp4' },
    'an mp4 cut off in its index': {
      bytes: mp4('isom', 'vide').subarray(0, 300_040),
      kind: 'video',
      type: 'video/mp4',
    },
    'an mp4 with a box of no length': {
      bytes: Buffer.concat([box('ftyp', latin('M4A \0\0\0\0')), latin('\0\0\0\x03free')]),
      kind: 'audio',
      type: 'audio/mp4',
    },
    'wma audio': { bytes: padded(asf(AUDIO_STREAM)), kind: undefined, type: 'is audio/x-ms-asf' },
    avif: { bytes: padded(latin('\0\0\0\x18ftypavif')), kind: undefined, type: 'is image/avif' },
    pdf: { bytes: padded(latin('%PDF-1.7')), kind: undefined, type: 'is application/pdf' },
    text: {
      bytes: Buffer.from('BMX and other text, longer than a header'),
      kind: undefined,
      type: 'unknown file type',
    },
  };

describe.each(Object.entries(FILES))('%s', (_name, { bytes, kind, type }) => {
  test.each(['image', 'video', 'audio'] as const)('as %s', async (asked) => {
    const file = new File([bytes], 'file.bin', { type: 'text/misleading' });
    const checked = checkFile(file, asked);
    const access = {
      size: bytes.length,
      read: async (start: number, end: number) => bytes.subarray(start, end),
    };
    const uploaded = await validateFile(access, [asked]);
    if (asked === kind) {
      expect(await checked).toEqual({ type, size: bytes.length });
      expect(uploaded).toMatchObject({ type: { contentType: type } });
    } else {
      await expect(checked).rejects.toBeInstanceOf(InvalidInputError);
      if (kind === undefined) await expect(checked).rejects.toThrow(type);
      expect(uploaded).toHaveProperty('problem');
    }
  });
});

describe('checkFile rejects', () => {
  const png = samples.png?.bytes ?? Buffer.alloc(0);

  test('an empty file, and says what it expected', async () => {
    const error = await checkFile(new File([], 'a.png'), 'image').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidInputError);
    expect((error as InvalidInputError).issues).toEqual([
      { path: ['file'], message: 'file: "a.png" is empty; expected JPG, PNG, WebP, GIF, BMP or TIFF' },
    ]);
  });

  test.each([
    ['image', 20],
    ['video', 100],
    ['audio', 50],
  ] as const)('%s of more than %i MB, without reading it', async (kind, megabytes) => {
    const read = vi.fn();
    const file = { size: megabytes * MB + 1, name: 'large', slice: read, [Symbol.toStringTag]: 'File' };
    await expect(checkFile(file as unknown as File, kind)).rejects.toThrow(
      `expected at most ${megabytes} MB`,
    );
    expect(read).not.toHaveBeenCalled();
  });

  test.each([undefined, null, 'a.png', {}, new Uint8Array(3)])('%o, which is not a file', async (file) => {
    await expect(checkFile(file as never, 'image')).rejects.toThrow('expected a File or a Blob');
  });

  test.each([undefined, 'images', 1])('the kind %j', async (kind) => {
    await expect(checkFile(new Blob([png]), kind as never)).rejects.toThrow(
      "expected 'image', 'video' or 'audio'",
    );
  });

  test('a file that can no longer be read, with the reason', async () => {
    const cause = new Error('the file was removed');
    const file = Object.assign(new Blob([png]), {
      slice: () => ({ arrayBuffer: () => Promise.reject(cause) }),
    });
    await expect(checkFile(file, 'image')).rejects.toMatchObject({
      cause,
      message: expect.stringContaining('cannot be read: the file was removed'),
    });
  });
});

describe('a File of jsdom, which has no arrayBuffer()', () => {
  const png = samples.png?.bytes ?? Buffer.alloc(0);
  const file = {
    size: png.length,
    name: 'a.png',
    type: 'image/png',
    slice: (start: number, end: number) => ({ part: png.subarray(start, end) }),
    [Symbol.toStringTag]: 'File',
  } as unknown as File;

  test('is read by the FileReader of its window', async () => {
    class FileReader {
      result: unknown;
      onload: () => void = () => undefined;
      readAsArrayBuffer({ part }: { part: Buffer }) {
        this.result = Uint8Array.from(part).buffer;
        queueMicrotask(() => this.onload());
      }
    }
    vi.stubGlobal('FileReader', FileReader);
    expect(await checkFile(file, 'image')).toEqual({ type: 'image/png', size: png.length });
  });

  test('says why it cannot be read where there is none', async () => {
    await expect(checkFile(file, 'image')).rejects.toThrow('no arrayBuffer(), like a File of jsdom');
  });
});

test('checkFile reads the first 64 KB of a large image, and no more', async () => {
  const blob = new Blob([samples.png?.bytes ?? '', Buffer.alloc(5 * MB)]);
  const slice = vi.spyOn(blob, 'slice');
  await checkFile(blob, 'image');
  expect(slice.mock.calls).toEqual([[0, 65_536]]);
});
