// Which files are accepted: types by content, sizes, and what cannot be read.
import { execFileSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { InvalidInputError, KLING_V4 } from 'wavespeed-kling';
import {
  asf,
  AUDIO_STREAM,
  failure,
  file,
  latin,
  movie,
  ogg,
  padded,
  samples,
  temporaryDirectory,
  uploadClient,
  uploadService,
  VIDEO_STREAM,
} from './support.js';

describe('detecting the type of an upload', () => {
  it.each(Object.entries(samples))('detects %s by its content, whatever its name', async (ending, sample) => {
    const { api } = await uploadService();
    await uploadClient(api.url).upload(file('misnamed.txt', sample.bytes));
    expect(JSON.parse(String(api.requests[0]?.body))).toEqual({
      filename: `misnamed.txt.${ending}`,
      size: sample.bytes.byteLength,
      content_type: sample.contentType,
    });
  });

  it.each([
    ['WMV', 'wmv', asf(AUDIO_STREAM, VIDEO_STREAM)],
    ['OGV with Vorbis first', 'ogv', ogg('\x01vorbis', '\x80theora')],
    ['OGV with Opus first', 'ogv', ogg('OpusHead', '\x80theora')],
    ['OGV with a skeleton first', 'ogv', ogg('fishead\0', '\x80theora')],
    ['OGM with FLAC first', 'ogv', ogg('\x7fFLAC', '\x01video\0\0')],
  ])('detects a %s whose audio stream comes before its video stream', async (_what, ending, bytes) => {
    const { api } = await uploadService();
    await uploadClient(api.url).upload(new Blob([padded(bytes)]));
    const { contentType = '' } = samples[ending] ?? {};
    expect(JSON.parse(String(api.requests[0]?.body))).toMatchObject({
      filename: `video.${ending}`,
      content_type: contentType,
    });
  });

  const images: [string, Buffer][] = [
    ['GIF87a', padded(latin('GIF87a\x01\0\x01\0'), 26)],
    ['PNG of one pixel', padded(samples.png?.bytes.subarray(0, 41) ?? Buffer.alloc(0), 67)],
  ];
  for (const size of [12, 16, 40, 52, 56, 64, 108, 124]) {
    const head = latin(`BM\x46\0\0\0\0\0\0\0\x36\0\0\0${String.fromCharCode(size)}`);
    images.push([`BMP with a header of ${size} bytes`, padded(head)]);
  }
  for (const chunk of ['VP8 ', 'VP8L', 'VP8X']) {
    images.push([`WebP with ${chunk}`, padded(latin(`RIFF\x24\0\0\0WEBP${chunk}`))]);
  }
  // What may follow a JPEG's begin: APP0, APP1, APP14, tables, frames, a restart interval, a comment, a fill byte.
  for (const marker of [0xe0, 0xe1, 0xee, 0xdb, 0xc4, 0xc0, 0xc2, 0xdd, 0xfe, 0xff]) {
    images.push([
      `JPEG with ${marker.toString(16)} first`,
      padded(Buffer.from([0xff, 0xd8, 0xff, marker, 0, 16]), 107),
    ]);
  }
  it.each(images)('accepts a %s', async (_what, bytes) => {
    const { api, storage } = await uploadService();
    await uploadClient(api.url).upload(new Blob([bytes]));
    expect([api.requests.length, storage.requests.length]).toEqual([1, 1]);
  });

  it('detects a TIFF whose directory is at its end', async () => {
    const { api } = await uploadService();
    const bytes = Buffer.alloc(1_000_000);
    bytes.write('II*\0', 0, 'latin1');
    bytes.writeUInt32LE(999_000, 4);
    await uploadClient(api.url).upload(new Blob([bytes]));
    expect(JSON.parse(String(api.requests[0]?.body))).toMatchObject({ content_type: 'image/tiff' });
  });
});

describe('validation before an upload', () => {
  const png = samples.png?.bytes ?? Buffer.alloc(0);
  const sized = (name: string, head: Buffer, size: number) => {
    const path = file(name, head);
    truncateSync(path, size);
    return path;
  };
  const mb = 1024 * 1024;
  const cases: [string, () => string | URL | Blob, RegExp][] = [
    ['a missing file', () => join(temporaryDirectory(), 'gone.png'), /"gone\.png" does not exist/],
    ['a directory', () => temporaryDirectory(), /is a directory; expected a file/],
    ['an empty file', () => file('empty.png', Buffer.alloc(0)), /"empty\.png" is empty/],
    ['an empty Blob', () => new Blob([], { type: 'image/png' }), /the Blob of type image\/png is empty/],
    [
      'a text file with the extension of an image',
      () => file('fake.png', Buffer.from('hello, world')),
      /"fake\.png" has an unknown file type/,
    ],
    ['an ASF without video', () => new Blob([padded(asf(AUDIO_STREAM))]), /is audio\/x-ms-asf; expected/],
    [
      'an unsupported type',
      () => new File([Buffer.from('%PDF-1.7\n')], 'a.png'),
      /"a\.png" is application\/pdf; expected JPG/,
    ],
    [
      'audio of a type that is not accepted',
      () => file('a.mp3', Buffer.from('MThd\0\0\0\x06')),
      /"a\.mp3" is audio\/midi/,
    ],
    [
      'an image over 20 MB',
      () => sized('big.png', png, 20 * mb + 1),
      /"big\.png" has 20\.01 MB; expected at most 20 MB for an image/,
    ],
    [
      'a video over 100 MB',
      () => sized('big.mp4', movie(100), 100 * mb + 1),
      /"big\.mp4" has 100\.01 MB; expected at most 100 MB/,
    ],
    ['a URL', () => 'https://cdn.example/a.png?token=secret', /got an http\(s\) URL/],
    ['a URL object', () => new URL('https://cdn.example/a.png'), /got an http\(s\) URL/],
    ['a data: URL', () => 'data:image/png;base64,AAAA', /got a data: URL/],
    [
      'the file: URL of another machine',
      () => new URL('file://server/share/a.png'),
      /"a\.png" is not the URL of a file on this machine|does not exist/,
    ],
    ['an empty path', () => '', /empty path/],
    ['a path with NUL', () => 'a\0.png', /NUL/],
  ];
  it.each(cases)('rejects %s before any request', async (_what, make, message) => {
    const { api, storage } = await uploadService();
    const error = await failure<InvalidInputError>(uploadClient(api.url).upload(make()));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error.issues).toHaveLength(1);
    expect(error.issues[0]?.path).toEqual(['file']);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('secret');
    expect([api.requests.length, storage.requests.length]).toEqual([0, 0]);
  });

  it.skipIf(process.platform === 'win32')('rejects a named pipe without waiting for a writer', async () => {
    const path = join(temporaryDirectory(), 'pipe.png');
    execFileSync('mkfifo', [path]);
    const { api } = await uploadService();
    expect(String(await failure(uploadClient(api.url).upload(path)))).toMatch(
      /"pipe\.png" is not a regular file/,
    );
  });

  it('accepts exactly 20 MB and 100 MB', async () => {
    const { api } = await uploadService();
    const kling = uploadClient(api.url);
    await kling.upload(sized('a.png', png, 20 * mb));
    await kling.upload(sized('a.mp4', movie(100), 100 * mb));
    expect(api.requests.map(({ body }) => (JSON.parse(String(body)) as { size: number }).size)).toEqual([
      20 * mb,
      100 * mb,
    ]);
  });

  const header = (text: string) => padded(Buffer.from(text, 'latin1'));
  const webm = (codec: string) => header(`\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67${codec}`);
  const audio: [string, Buffer, string][] = [
    ['MP3', header('ID3\x03\0\0\0\0\0\0\xff\xfb\x90\x64'), 'audio/mpeg'],
    ['WAV', header('RIFF\x24\0\0\0WAVEfmt '), 'audio/wav'],
    ['OGG', padded(ogg('\x01vorbis')), 'audio/ogg'],
    ['Opus', padded(ogg('OpusHead')), 'audio/ogg'],
    ['AAC', header('\xff\xf1\x50\x80\x02\x1f\xfc'), 'audio/aac'],
    ['FLAC', header('fLaC\0\0\0\x22'), 'audio/flac'],
    ['M4A', header('\0\0\0\x1cftypM4A \0\0\0\0'), 'audio/mp4'],
    ['WebM', webm('A_OPUS'), 'audio/webm'],
  ];
  it.each(audio)(
    'uploads %s for `audios`, by content, and refuses it as an image or video',
    async (_, bytes, type) => {
      const { api } = await uploadService();
      const kling = uploadClient(api.url);
      const sound = new Blob([bytes]);
      await kling.upload(sound);
      expect((JSON.parse(String(api.requests[0]?.body)) as { content_type: string }).content_type).toBe(type);
      const wrong = { prompt: 'A fox', images: [sound], videos: [sound], audios: [new Blob([png])] };
      const error = await failure<InvalidInputError>(kling.submit(KLING_V4, wrong));
      expect(error).toBeInstanceOf(InvalidInputError);
      expect(error.issues.map(({ path }) => path.join('.'))).toEqual(['images.0', 'videos.0', 'audios.0']);
      expect(error.message).toContain('audios[0]: the Blob');
      expect(error.message).toContain('is image/png; expected MP3, WAV, OGG, AAC, FLAC, WebM, M4A or Opus');
      expect(api.of('POST')).toHaveLength(1);
    },
  );

  it('refuses audio over 50 MB, and WebM with a video as audio', async () => {
    const { api } = await uploadService();
    const kling = uploadClient(api.url);
    const audios = [
      sized('long.wav', header('RIFF\x24\0\0\0WAVEfmt '), 50 * mb + 1),
      new Blob([webm('V_VP9 A_OPUS')]),
    ];
    const given = audios.map((one) => (typeof one === 'string' ? pathToFileURL(one) : one));
    const error = await failure<InvalidInputError>(
      kling.submit(KLING_V4, { prompt: 'A fox', audios: given }),
    );
    expect(error.message).toMatch(/audios\[0\]: "long\.wav" has 50\.01 MB; expected at most 50 MB/);
    expect(error.message).toMatch(/audios\[1\]: .* is video\/webm; expected MP3/);
    expect(api.of('POST')).toHaveLength(0);
  });

  it('rejects an unknown option of upload', async () => {
    const { api } = await uploadService();
    const options = { onprogress: () => undefined } as object;
    const error = await failure(uploadClient(api.url).upload(new Blob([png]), options));
    expect(String(error)).toContain('`onprogress`: not an option; did you mean `onProgress`?');
    expect(api.requests).toHaveLength(0);
  });
});
