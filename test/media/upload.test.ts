import { execFileSync } from 'node:child_process';
import {
  existsSync,
  readdirSync,
  readlinkSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Agent } from 'undici';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  BudgetExceededError,
  ConnectionError,
  InvalidInputError,
  InvalidResponseError,
  KLING_O1,
  RequestTimeoutError,
  UploadError,
  WaveSpeedKling,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import {
  asf,
  AUDIO_STREAM,
  json,
  latin,
  movie,
  ogg,
  padded,
  picture,
  samples,
  sha,
  type Taken,
  temporaryDirectory,
  uploadService,
  VIDEO_STREAM,
} from './support.js';

const KEY = 'key-that-nobody-else-may-see';

function client(baseUrl: string, options: WaveSpeedKlingOptions = {}): WaveSpeedKling {
  const kling = new WaveSpeedKling({ apiKey: KEY, baseUrl, ...options });
  onTestFinished(() => kling.close());
  return kling;
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, bytes);
  return path;
}

const failure = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );

const openFiles = (path: string) =>
  existsSync('/proc/self/fd')
    ? readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === path;
        } catch {
          return false;
        }
      }).length
    : 0;

describe('the ticket upload', () => {
  it('asks for a ticket with the key, then puts the bytes with exactly the ticket’s headers and without it', async () => {
    const { api, storage, ticketHeaders } = await uploadService();
    const bytes = movie(3_000_001);
    const url = await client(api.url).upload(file('clip.mp4', bytes));

    expect(url).toBe('https://cdn.example/1.bin');
    expect(api.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /api/v3/media/uploads',
    ]);
    expect(api.requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(JSON.parse(String(api.requests[0]?.body))).toEqual({
      filename: 'clip.mp4',
      size: 3_000_001,
      content_type: 'video/mp4',
    });
    expect(storage.requests).toHaveLength(1);
    const [put] = storage.requests;
    expect(put?.path).toBe('/bucket/1?X-Signature=secret-1');
    const { host, connection, ...sent } = put?.headers ?? {};
    expect([host, connection]).toEqual([new URL(storage.url).host, 'keep-alive']);
    const wanted = Object.entries(ticketHeaders).map(([name, value]) => [name.toLowerCase(), value]);
    expect(sent).toEqual({ ...Object.fromEntries(wanted), 'content-length': '3000001' });
    expect(sha(put?.body ?? Buffer.alloc(0))).toBe(sha(bytes));
  });

  it('sends every byte in its place however slowly they are taken, from disk and from a Blob', async () => {
    const { api, storage } = await uploadService({
      earlyPut: (taken, response) => {
        const request = response.req;
        const pieces: Buffer[] = [];
        // Falls asleep again and again, so that what is sent piles up.
        request.on('data', (piece: Buffer) => {
          pieces.push(piece);
          if (pieces.length % 20 !== 0) return;
          request.pause();
          setTimeout(() => request.resume(), 3);
        });
        request.on('end', () => {
          taken.body = Buffer.concat(pieces);
          response.end();
        });
        return true;
      },
    });
    const bytes = movie(16 * 1024 * 1024 + 7);
    const kling = client(api.url);
    await Promise.all([kling.upload(file('slow.mp4', bytes)), kling.upload(new Blob([bytes]))]);
    expect(storage.requests.map(({ body }) => sha(body))).toEqual([sha(bytes), sha(bytes)]);
  });

  it('takes a path, a file: URL, a Blob and a File, and names them as they are', async () => {
    const { api } = await uploadService();
    const kling = client(api.url);
    const bytes = picture();
    await kling.upload(file('a.png', picture()));
    await kling.upload(pathToFileURL(file('with spaces & ünicode.png', picture())));
    await kling.upload(new Blob([bytes], { type: 'text/plain' }));
    await kling.upload(new File([bytes], '../../side.png'));
    const names = api.requests.map(({ body }) => (JSON.parse(String(body)) as { filename: string }).filename);
    expect(names).toEqual(['a.png', 'with spaces & ünicode.png', 'image.png', 'side.png']);
  });

  it.each(Object.entries(samples))('knows %s by its content, whatever its name', async (ending, sample) => {
    const { api } = await uploadService();
    await client(api.url).upload(file('misnamed.txt', sample.bytes));
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
  ])('knows a %s, whose sound comes before its video', async (_what, ending, bytes) => {
    const { api } = await uploadService();
    await client(api.url).upload(new Blob([padded(bytes)]));
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
  it.each(images)('takes a %s', async (_what, bytes) => {
    const { api, storage } = await uploadService();
    await client(api.url).upload(new Blob([bytes]));
    expect([api.requests.length, storage.requests.length]).toEqual([1, 1]);
  });

  it('knows a TIFF whose directory is at its very end', async () => {
    const { api } = await uploadService();
    const bytes = Buffer.alloc(1_000_000);
    bytes.write('II*\0', 0, 'latin1');
    bytes.writeUInt32LE(999_000, 4);
    await client(api.url).upload(new Blob([bytes]));
    expect(JSON.parse(String(api.requests[0]?.body))).toMatchObject({ content_type: 'image/tiff' });
  });

  it.each([
    ['no data', undefined],
    ['no download_url', { upload: { method: 'PUT', url: 'https://s.example/', headers: {} } }],
    ['no upload', { download_url: 'https://cdn.example/1' }],
    [
      'another method',
      { download_url: 'https://cdn.example/1', upload: { method: 'POST', url: 'https://s.example/?secret' } },
    ],
    ['no url', { download_url: 'https://cdn.example/1', upload: { method: 'PUT' } }],
    ...[
      { 'x-token': 'secret\r\nx-more: 1' },
      { 'x-token': 'secret\u{1f98a}' },
      { 'x-token': ['secret', 'secret'] },
      { 'x-token': { secret: true } },
      { 'x-token': true },
      { 'x token': '1' },
    ].map((headers): [string, object] => [
      `the headers ${JSON.stringify(headers)}`,
      {
        download_url: 'https://cdn.example/1',
        upload: { method: 'PUT', url: 'https://s.example/?secret', headers },
      },
    ]),
    [
      'a url that is not http',
      { download_url: 'https://cdn.example/1', upload: { method: 'PUT', url: 'file:///etc' } },
    ],
  ])('refuses a ticket with %s, and sends nothing', async (_what, data) => {
    const { api, storage } = await uploadService({
      api: (_taken, response) => {
        json(response, data);
        return true;
      },
    });
    const error = await failure(client(api.url).upload(new Blob([picture()])));
    expect(error).toBeInstanceOf(InvalidResponseError);
    expect(JSON.stringify(error) + String(error)).not.toContain('secret');
    expect([api.requests.length, storage.requests.length]).toEqual([1, 0]);
  });

  it('sends the numbers among a ticket’s headers, and leaves out what is null', async () => {
    const headers = { 'x-number': 5, 'x-null': null, 'x-list': ['one'], 'Content-Length': 7, 'x-latin': 'é' };
    const { api, storage } = await uploadService({ headers });
    await client(api.url).upload(new Blob([picture(300)]));
    const { host: _host, connection: _connection, ...sent } = storage.requests[0]?.headers ?? {};
    expect(sent).toEqual({ 'x-number': '5', 'x-list': 'one', 'x-latin': 'é', 'content-length': '300' });
  });

  it.each([
    [200, undefined],
    [403, { name: 'UploadError', reason: 'refused', status: 403 }],
    [500, { name: 'ServerError', status: 500 }],
  ])('judges a long answer by its status, %i', async (status, expected) => {
    const page = `<html>${'x'.repeat(200_000)}</html>`;
    const { api, storage } = await uploadService({
      put: (_taken, response) => void response.writeHead(status).end(page),
    });
    const upload = client(api.url, { maxRetries: 0 }).upload(new Blob([picture()]));
    if (expected === undefined) expect(await upload).toBe('https://cdn.example/1.bin');
    else expect(await failure(upload)).toMatchObject(expected);
    expect(storage.requests).toHaveLength(1);
  });

  it('names a file by no more than 200 bytes, in whole characters, its ending among them', async () => {
    const { api } = await uploadService();
    const kling = client(api.url);
    for (const name of [`${'狐'.repeat(80)}.png`, `${'🦊'.repeat(60)}.png`, `${'a'.repeat(300)}.png`]) {
      await kling.upload(new File([picture()], name));
    }
    const names = api.requests.map(({ body }) => (JSON.parse(String(body)) as { filename: string }).filename);
    expect(names).toEqual([`${'狐'.repeat(65)}.png`, `${'🦊'.repeat(49)}.png`, `${'a'.repeat(196)}.png`]);
  });

  it('puts the bytes again, all of them, after 503, 429 and a broken connection; with the same ticket', async () => {
    let puts = 0;
    const { api, storage } = await uploadService({
      put: (_taken, response) => {
        puts += 1;
        if (puts === 1) response.writeHead(503).end();
        else if (puts === 2) response.writeHead(429, { 'retry-after': '0' }).end();
        else if (puts === 3) response.destroy();
        else response.end();
      },
    });
    const retried: string[] = [];
    const onRetry: WaveSpeedKlingOptions['onRetry'] = ({ operation, error }) => {
      retried.push(`${operation} ${error.name}`);
    };
    const bytes = movie(500_000);
    await client(api.url, { onRetry }).upload(file('clip.mp4', bytes));
    expect(retried).toEqual(['upload ServerError', 'upload RateLimitError', 'upload ConnectionError']);
    expect(api.requests).toHaveLength(1);
    expect(new Set(storage.requests.map(({ path }) => path)).size).toBe(1);
    expect(storage.requests.map(({ body }) => sha(body))).toEqual(Array(4).fill(sha(bytes)));
  });

  it.each([
    [503, 'ServerError', '7', 7000],
    [408, 'ApiError', '7', 7000],
    [429, 'RateLimitError', '7', 7000],
    [503, 'ServerError', '3600', 60_000],
  ])('waits after %i, a %s, as long as Retry-After %s asks', async (status, name, retryAfter, delayMs) => {
    const { api, storage } = await uploadService({
      put: (_taken, response) => void response.writeHead(status, { 'retry-after': retryAfter }).end(),
    });
    const controller = new AbortController();
    const told: unknown[] = [];
    const onRetry: WaveSpeedKlingOptions['onRetry'] = ({ error, delayMs: waited }) => {
      told.push([error.name, waited]);
      setImmediate(() => controller.abort('seen'));
    };
    const { signal } = controller;
    expect(await failure(client(api.url, { onRetry }).upload(new Blob([picture()]), { signal }))).toBe(
      'seen',
    );
    expect(told).toEqual([[name, delayMs]]);
    expect(storage.requests).toHaveLength(1);
  });

  it('does not put the bytes again when they are refused, and names the file but not the signature', async () => {
    const { api, storage } = await uploadService({
      put: (_taken, response) => {
        const detail = '<StringToSign>secret</StringToSign>';
        response.writeHead(403).end(`<Error><Code>SignatureDoesNotMatch</Code>${detail}</Error>`);
      },
    });
    const error = (await failure(client(api.url).upload(file('side.png', picture())))) as UploadError;
    expect(error).toBeInstanceOf(UploadError);
    expect(error).toMatchObject({ name: 'UploadError', reason: 'refused', status: 403, file: '"side.png"' });
    expect(error.message).toBe(
      `Uploading "side.png": [PUT] ${storage.url}/bucket/1: 403 Forbidden (SignatureDoesNotMatch).`,
    );
    expect(storage.requests).toHaveLength(1);
  });

  it.each(['reset', 'server error'])(
    'is done when a PUT repeated after a %s is answered 412',
    async (first) => {
      const { api, storage } = await uploadService({
        headers: { 'If-None-Match': '*' },
        // What a PUT with that header does: the first is stored, though its response is lost.
        put: (_taken, response) => {
          if (storage.requests.length > 1) response.writeHead(412).end();
          else if (first === 'reset') response.destroy();
          else response.writeHead(500).end();
        },
      });
      const bytes = movie(500_000);
      expect(await client(api.url).upload(file('clip.mp4', bytes))).toBe('https://cdn.example/1.bin');
      expect(storage.requests.map(({ body }) => sha(body))).toEqual([sha(bytes), sha(bytes)]);
      expect(storage.requests[0]?.headers['if-none-match']).toBe('*');
    },
  );

  it.each([
    ['on a first PUT', []],
    ['after a PUT that was answered 429', [429]],
  ])('rejects 412 %s', async (_what, earlier) => {
    const statuses = [...earlier, 412];
    const { api, storage } = await uploadService({
      put: (_taken, response) =>
        void response.writeHead(statuses[storage.requests.length - 1] ?? 412, { 'retry-after': '0' }).end(),
    });
    const error = await failure(client(api.url).upload(new Blob([picture()])));
    expect(error).toMatchObject({ name: 'UploadError', reason: 'refused', status: 412 });
    expect(storage.requests).toHaveLength(statuses.length);
  });

  it('rejects 412 after a PUT that broke off before all bytes were sent', async () => {
    const { api, storage } = await uploadService({
      earlyPut: (_taken, response) => {
        if (storage.requests.length > 1) return false;
        response.req.once('data', () => response.destroy());
        return true;
      },
      put: (_taken, response) => void response.writeHead(412).end(),
    });
    const error = await failure(client(api.url).upload(file('clip.mp4', movie(20 * 1024 * 1024))));
    expect(error).toMatchObject({ name: 'UploadError', reason: 'refused', status: 412 });
    expect(storage.requests).toHaveLength(2);
  });

  it('does not follow a redirect with the bytes', async () => {
    const { api, storage } = await uploadService({
      put: (_taken, response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
    });
    const error = await failure(client(api.url).upload(new Blob([picture()])));
    expect(error).toMatchObject({ name: 'UploadError', reason: 'refused', status: 307 });
    expect(storage.requests).toHaveLength(1);
  });

  it.each(['storage', 'the form'])(
    'does not believe %s that says yes before it has the whole file, and sends it again',
    async (way) => {
      let early = true;
      const bytes = movie(20 * 1024 * 1024);
      const answerEarly = (_taken: Taken, response: ServerResponse) => {
        if (!early) return false;
        early = false;
        response.req.once('data', () => {
          response.req.pause();
          json(response, { type: 'video', download_url: 'https://cdn.example/half.bin' });
        });
        return true;
      };
      const { api, storage } =
        way === 'storage'
          ? await uploadService({ earlyPut: answerEarly })
          : await uploadService({
              earlyApi: (taken, response) =>
                taken.path.endsWith('/binary') ? answerEarly(taken, response) : false,
              api: ({ path }, response) => {
                if (path.endsWith('/uploads')) json(response, null, 404);
                return path.endsWith('/uploads');
              },
            });
      const retried: string[] = [];
      const kling = client(api.url, { onRetry: ({ error }) => void retried.push(error.message) });
      await kling.upload(file('clip.mp4', bytes));
      expect(retried).toEqual([
        expect.stringMatching(
          /uploading "clip\.mp4": the server responded before it had the complete file \(\d+ of 20971520 bytes\)\.$/,
        ),
      ]);
      const sent = way === 'storage' ? storage.requests : api.requests.slice(1);
      expect(sent).toHaveLength(2);
      expect(sent[1]?.body.includes(bytes)).toBe(true);
    },
  );

  it('believes a fetch of the caller’s that answers without reading anything, as a test’s does', async () => {
    const sent: string[] = [];
    const fetch = (async (url: string, init: RequestInit) => {
      sent.push(`${init.method ?? 'GET'} ${new URL(url).pathname}`);
      const upload = { method: 'PUT', url: 'https://storage.example/put', headers: {} };
      const data = { download_url: 'https://cdn.example/1.png', upload };
      return init.method === 'PUT' ? new Response() : Response.json({ code: 200, data });
    }) as typeof globalThis.fetch;
    const kling = new WaveSpeedKling({ apiKey: KEY, fetch });
    expect(await kling.upload(new Blob([picture()]))).toBe('https://cdn.example/1.png');
    expect(sent).toEqual(['POST /api/v3/media/uploads', 'PUT /put']);
  });

  it('gives the error of a connection that cannot be made, with the file’s name', async () => {
    const { api } = await uploadService({
      api: (_taken, response) => {
        const upload = { method: 'PUT', url: 'http://127.0.0.1:1/x?secret=1', headers: {} };
        json(response, { download_url: 'https://cdn.example/1', upload });
        return true;
      },
    });
    const error = await failure(client(api.url, { maxRetries: 0 }).upload(file('side.png', picture())));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    expect(String(error)).toContain('[PUT] http://127.0.0.1:1/x, uploading "side.png"');
    expect(String(error)).not.toContain('secret');
  });
});

describe('the multipart upload', () => {
  it.each([404, 405, 501])(
    'is used when the service answers %i to the ticket, from then on at once',
    async (status) => {
      const { api, storage } = await uploadService({
        api: ({ path }, response) => {
          if (path !== '/api/v3/media/uploads') return false;
          json(response, null, status);
          return true;
        },
      });
      const kling = client(api.url);
      const bytes = movie(700_001);
      expect(await kling.upload(new File([bytes], 'a "quoted"\r\nname.mp4'))).toBe(
        'https://cdn.example/form.bin',
      );
      await kling.upload(file('second.png', picture()));

      expect(storage.requests).toHaveLength(0);
      expect(api.requests.map(({ path }) => path)).toEqual([
        '/api/v3/media/uploads',
        '/api/v3/media/upload/binary',
        '/api/v3/media/upload/binary',
      ]);
      const post = api.requests[1];
      expect(post?.headers).toMatchObject({
        authorization: `Bearer ${KEY}`,
        'content-length': String(post?.body.byteLength),
        'x-client-name': 'wavespeed-kling',
      });
      expect(post?.headers['transfer-encoding']).toBeUndefined();
      const form = await new Response(new Uint8Array(post?.body ?? []), {
        headers: { 'content-type': post?.headers['content-type'] ?? '' },
      }).formData();
      expect([...form.keys()]).toEqual(['file']);
      const sent = form.get('file') as File;
      expect([sent.type, sent.name]).toEqual(['video/mp4', 'a "quoted"\r\nname.mp4']);
      expect(sha(new Uint8Array(await sent.arrayBuffer()))).toBe(sha(bytes));
    },
  );

  it.each([400, 401, 403])('is not used after %i', async (status) => {
    const { api } = await uploadService({
      api: (_taken, response) => {
        json(response, null, status);
        return true;
      },
    });
    expect(await failure(client(api.url).upload(new Blob([picture()])))).toMatchObject({ status });
    expect(api.requests).toHaveLength(1);
  });

  it('is repeated after a 500, with all of its bytes', async () => {
    let posts = 0;
    const { api } = await uploadService({
      api: ({ path }, response) => {
        if (path === '/api/v3/media/uploads') json(response, null, 404);
        else if (++posts === 1) json(response, null, 500);
        else return false;
        return true;
      },
    });
    await client(api.url).upload(file('a.mp4', movie(300_000)));
    const lengths = api.requests.slice(1).map(({ body }) => body.byteLength);
    expect(lengths).toHaveLength(2);
    expect(lengths[0]).toBe(lengths[1]);
    expect(lengths[0]).toBeGreaterThan(300_000);
  });
});

describe('what is not fit is refused before anything is sent', () => {
  const png = samples.png?.bytes ?? Buffer.alloc(0);
  const sized = (name: string, head: Buffer, size: number) => {
    const path = file(name, head);
    truncateSync(path, size);
    return path;
  };
  const mb = 1024 * 1024;
  const cases: [string, () => string | URL | Blob, RegExp][] = [
    ['a file that is not there', () => join(temporaryDirectory(), 'gone.png'), /"gone\.png" does not exist/],
    ['a directory', () => temporaryDirectory(), /is a directory; expected a file/],
    ['an empty file', () => file('empty.png', Buffer.alloc(0)), /"empty\.png" is empty/],
    ['an empty Blob', () => new Blob([], { type: 'image/png' }), /the Blob of type image\/png is empty/],
    [
      'a text named as a picture',
      () => file('fake.png', Buffer.from('hello, world')),
      /"fake\.png" has an unknown file type/,
    ],
    ['music in an Ogg', () => new Blob([padded(ogg('\x01vorbis'))]), /is audio\/ogg; expected/],
    ['music in an ASF', () => new Blob([padded(asf(AUDIO_STREAM))]), /is audio\/x-ms-asf; expected/],
    [
      'a type that is not taken',
      () => new File([Buffer.from('%PDF-1.7\n')], 'a.png'),
      /"a\.png" is application\/pdf; expected JPG/,
    ],
    ['music', () => file('a.mp4', Buffer.from('fLaC\0\0\0\x22')), /"a\.mp4" is audio\/.*flac/],
    [
      'a picture over 20 MB',
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
  it.each(cases)('%s', async (_what, make, message) => {
    const { api, storage } = await uploadService();
    const error = (await failure(client(api.url).upload(make()))) as InvalidInputError;
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error.issues).toHaveLength(1);
    expect(error.issues[0]?.path).toEqual(['file']);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('secret');
    expect([api.requests.length, storage.requests.length]).toEqual([0, 0]);
  });

  it.skipIf(process.platform === 'win32')('a pipe, without waiting for somebody to write to it', async () => {
    const path = join(temporaryDirectory(), 'pipe.png');
    execFileSync('mkfifo', [path]);
    const { api } = await uploadService();
    expect(String(await failure(client(api.url).upload(path)))).toMatch(/"pipe\.png" is not a regular file/);
  });

  it('takes exactly 20 MB and 100 MB', async () => {
    const { api } = await uploadService();
    const kling = client(api.url);
    await kling.upload(sized('a.png', png, 20 * mb));
    await kling.upload(sized('a.mp4', movie(100), 100 * mb));
    expect(api.requests.map(({ body }) => (JSON.parse(String(body)) as { size: number }).size)).toEqual([
      20 * mb,
      100 * mb,
    ]);
  });

  it('an option that does not exist', async () => {
    const { api } = await uploadService();
    const options = { onprogress: () => undefined } as object;
    const error = await failure(client(api.url).upload(new Blob([png]), options));
    expect(String(error)).toContain('`onprogress`: not an option; did you mean `onProgress`?');
    expect(api.requests).toHaveLength(0);
  });
});

describe('time', () => {
  it('ends an upload in which nothing moves any more', async () => {
    const { api, storage } = await uploadService({ earlyPut: () => true });
    const kling = client(api.url, { requestTimeoutMs: 150, maxRetries: 0 });
    const error = await failure(kling.upload(file('stuck.mp4', movie(20 * 1024 * 1024))));
    expect(error).toBeInstanceOf(RequestTimeoutError);
    expect(String(error)).toMatch(/uploading "stuck\.mp4": nothing moved for requestTimeoutMs \(150 ms\)/);
    expect(storage.requests).toHaveLength(1);
  });

  it.each(['storage', 'the form'])('ends an upload whose response %s sends byte by byte', async (way) => {
    let sent = 0;
    const drip = (response: ServerResponse) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'.repeat(1 + (sent++ % 2))), 20);
      response.on('close', () => clearInterval(timer));
    };
    const { api } = await uploadService({
      put: (_taken, response) => drip(response),
      api: ({ path }, response) => {
        if (way === 'storage') return false;
        if (path.endsWith('/uploads')) json(response, null, 404);
        else drip(response);
        return true;
      },
    });
    const kling = client(api.url, { requestTimeoutMs: 200, maxRetries: 0 });
    expect(await failure(kling.upload(new Blob([picture()])))).toBeInstanceOf(RequestTimeoutError);
    expect(sent).toBeGreaterThan(3);
  });

  it('does not end a long upload that gets on', async () => {
    const { api, storage } = await uploadService({
      earlyPut: (taken, response) => {
        const request = response.req;
        let size = 0;
        request.on('data', (piece: Buffer) => {
          size += piece.byteLength;
          request.pause();
          setTimeout(() => request.resume(), 4);
        });
        request.on('end', () => {
          taken.body = Buffer.alloc(size);
          response.end();
        });
        return true;
      },
    });
    const startedAt = performance.now();
    await client(api.url, { requestTimeoutMs: 1200, maxRetries: 0 }).upload(
      file('long.mp4', movie(32 * 1024 * 1024)),
    );
    expect(performance.now() - startedAt).toBeGreaterThan(1200);
    expect(storage.requests[0]?.body.byteLength).toBe(32 * 1024 * 1024);
  });

  it('tells how far it is, up to all of it', async () => {
    const { api } = await uploadService();
    const kling = client(api.url);
    const path = file('a.mp4', movie(1_000_000));
    for (const source of [path, new Blob([movie(1_000_000)])]) {
      const told: { loaded: number; total: number }[] = [];
      await kling.upload(source, { onProgress: (progress) => told.push(progress) });
      const loaded = told.map((progress) => progress.loaded);
      expect(loaded.length).toBeGreaterThan(3);
      expect(loaded).toEqual([...loaded].sort((one, other) => one - other));
      expect(loaded.at(-1)).toBe(1_000_000);
      expect(new Set(told.map(({ total }) => total))).toEqual(new Set([1_000_000]));
    }
    const again: number[] = [];
    await kling.upload(path, { onProgress: ({ loaded }) => again.push(loaded) });
    expect(again).toEqual([1_000_000]);
  });

  it.each([
    ['throws', false],
    ['rejects', true],
  ])(
    'ends with an error that says so when onProgress %s, and sends nothing after it',
    async (_what, late) => {
      const { api, storage } = await uploadService();
      const kling = client(api.url);
      const cause = new Error('my mistake');
      const onProgress = () => {
        if (late) return Promise.reject(cause);
        throw cause;
      };
      const expected = { name: 'WaveSpeedError', message: '`onProgress` threw: my mistake.', cause };
      expect(await failure(kling.upload(file('a.mp4', movie(30_000_000)), { onProgress }))).toMatchObject(
        expected,
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect([api.requests.length, storage.requests.length]).toEqual([1, 1]);
      expect(storage.requests[0]?.body.byteLength).toBe(0);

      // Of one piece, and of what is uploaded already.
      const small = new Blob([picture()]);
      expect(await failure(kling.upload(small, { onProgress }))).toMatchObject(expected);
      const url = await kling.upload(small);
      expect(await failure(kling.upload(small, { onProgress }))).toMatchObject(expected);
      expect(await kling.upload(small)).toBe(url);
    },
  );
});

describe('an abort', () => {
  const reason = { my: 'reason' };

  it('before the call sends nothing', async () => {
    const { api } = await uploadService();
    const signal = AbortSignal.abort(reason);
    expect(await failure(client(api.url).upload(new Blob([picture()]), { signal }))).toBe(reason);
    expect(api.requests).toHaveLength(0);
  });

  it('while the ticket is awaited ends it at once, and nothing is put', async () => {
    const controller = new AbortController();
    const { api, storage } = await uploadService({
      api: () => {
        controller.abort(reason);
        return true;
      },
    });
    const { signal } = controller;
    expect(await failure(client(api.url).upload(new Blob([picture()]), { signal }))).toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([api.requests.length, storage.requests.length]).toEqual([1, 0]);
  });

  it('while the bytes are sent ends it at once, breaks the connection and closes the file', async () => {
    const controller = new AbortController();
    let broken = false;
    const { api, storage } = await uploadService({
      earlyPut: (_taken, response) => {
        response.req.once('data', () => {
          response.on('close', () => {
            broken = true;
          });
          controller.abort(reason);
          // A server that does not read does not see that the connection is gone.
          response.req.resume();
        });
        return true;
      },
    });
    const path = file('a.mp4', movie(30_000_000));
    const startedAt = performance.now();
    expect(await failure(client(api.url).upload(path, { signal: controller.signal }))).toBe(reason);
    expect(performance.now() - startedAt).toBeLessThan(2000);
    await vi.waitFor(() => expect([broken, openFiles(path)]).toEqual([true, 0]));
    expect([api.requests.length, storage.requests.length]).toEqual([1, 1]);
  });

  it('while it waits to try again ends the wait', async () => {
    const controller = new AbortController();
    const { api, storage } = await uploadService({
      put: (_taken, response) => {
        response.writeHead(503, { 'retry-after': '30' }).end();
      },
    });
    const onRetry = () => setImmediate(() => controller.abort(reason));
    const kling = client(api.url, { onRetry });
    expect(await failure(kling.upload(new Blob([picture()]), { signal: controller.signal }))).toBe(reason);
    expect(storage.requests).toHaveLength(1);
  });
});

describe('the same thing given twice', () => {
  it('is uploaded once: a Blob, a File, a file on disk; at the same time and later', async () => {
    const { api, storage } = await uploadService();
    const kling = client(api.url);
    for (const source of [new Blob([picture()]), new File([picture()], 'a.png'), file('b.png', picture())]) {
      const before = storage.requests.length;
      const together = await Promise.all([kling.upload(source), kling.upload(source)]);
      const later = await kling.upload(typeof source === 'string' ? pathToFileURL(source) : source);
      expect(new Set([...together, later]).size).toBe(1);
      expect(storage.requests.length - before).toBe(1);
    }
    // Equal bytes in another Blob are another upload: they are not compared.
    await kling.upload(new Blob([picture()]));
    expect(storage.requests).toHaveLength(4);
    await client(api.url).upload(new Blob([picture()]));
    expect(api.requests).toHaveLength(5);
  });

  it('is uploaded again after six days, before its URL ends', async () => {
    const { api, storage } = await uploadService();
    const kling = client(api.url);
    const blob = new Blob([picture()]);
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    await kling.upload(blob);
    vi.setSystemTime(Date.now() + 6 * 24 * 3600_000 - 1000);
    await kling.upload(blob);
    expect(storage.requests).toHaveLength(1);
    vi.setSystemTime(Date.now() + 2000);
    expect(await kling.upload(blob)).toBe('https://cdn.example/2.bin');
    expect(storage.requests).toHaveLength(2);
  });

  it('is uploaded again when the file on disk is another', async () => {
    const { api, storage } = await uploadService();
    const kling = client(api.url);
    const path = file('a.png', picture());
    await kling.upload(path);
    writeFileSync(path, picture());
    utimesSync(path, new Date(), new Date(Date.now() + 5000));
    await kling.upload(path);
    expect(storage.requests).toHaveLength(2);
  });

  it('is uploaded again when another file of the same size and time is in its place', async () => {
    const { api, storage } = await uploadService();
    const kling = client(api.url);
    const [one, two] = [picture(), picture()];
    const path = file('a.png', one);
    const at = new Date('2024-01-01T00:00:00Z');
    utimesSync(path, at, at);
    const { ctimeMs } = statSync(path);
    await kling.upload(path);
    // As `cp -p` and unpacking do; a file system's clock ticks every few milliseconds.
    await vi.waitFor(() => {
      writeFileSync(path, two);
      utimesSync(path, at, at);
      expect(statSync(path).ctimeMs).not.toBe(ctimeMs);
    });
    await kling.upload(path);
    expect(storage.requests.map(({ body }) => sha(body))).toEqual([sha(one), sha(two)]);
  });

  it('is tried anew after a failure', async () => {
    let puts = 0;
    const { api, storage } = await uploadService({
      put: (_taken, response) => void response.writeHead(++puts === 1 ? 400 : 200).end(),
    });
    const kling = client(api.url);
    const blob = new Blob([picture()]);
    const both = await Promise.allSettled([kling.upload(blob), kling.upload(blob)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(storage.requests).toHaveLength(1);
    expect(await kling.upload(blob)).toBe('https://cdn.example/2.bin');
  });

  it('goes on for the one when the other gives up, and ends when both have', async () => {
    const waiting: (() => void)[] = [];
    const { api, storage } = await uploadService({
      put: (_taken, response) => void waiting.push(() => response.end()),
    });
    const kling = client(api.url);
    const blob = new Blob([picture()]);
    const one = new AbortController();
    const first = failure(kling.upload(blob, { signal: one.signal }));
    const second = kling.upload(blob);
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    one.abort('one');
    expect(await first).toBe('one');
    waiting[0]?.();
    expect(await second).toBe('https://cdn.example/1.bin');

    const other = new Blob([picture()]);
    const two = new AbortController();
    const both = [other, other].map((each) => failure(kling.upload(each, { signal: two.signal })));
    await vi.waitFor(() => expect(waiting).toHaveLength(2));
    two.abort('two');
    expect(await Promise.all(both)).toEqual(['two', 'two']);
    const third = kling.upload(other);
    await vi.waitFor(() => expect(waiting).toHaveLength(3));
    waiting[2]?.();
    expect(await third).toBe('https://cdn.example/3.bin');
    expect(storage.requests).toHaveLength(3);
  });
});

describe('a file that changes', () => {
  it('while it is uploaded is not taken for one of the two', async () => {
    const path = file('a.mp4', movie(8_000_000));
    const { api, storage } = await uploadService({
      earlyPut: (_taken, response) => {
        response.req.once('data', () => {
          utimesSync(path, new Date(), new Date(Date.now() + 5000));
          response.req.resume();
        });
        return true;
      },
    });
    const error = await failure(client(api.url).upload(path));
    expect(error).toBeInstanceOf(UploadError);
    expect(error).toMatchObject({ reason: 'changed', file: '"a.mp4"' });
    expect(storage.requests).toHaveLength(1);
  });
});

describe('run and submit', () => {
  const prompt = 'A fox in the snow';

  it('put the URLs of what they uploaded in its places', async () => {
    const { api, storage } = await uploadService();
    const [one, two] = [new Blob([picture()]), picture()];
    const video = file('v.mp4', movie(1000));
    await client(api.url).run(KLING_O1, {
      prompt,
      images: ['https://pictures.example/0.png', one, pathToFileURL(file('two.png', two)), one],
      video: pathToFileURL(video),
    });
    const submit = api.requests.find(({ path }) => path.includes(KLING_O1));
    const body = JSON.parse(String(submit?.body)) as { images: string[]; video: string };
    const where = (bytes: Uint8Array) => {
      const put = storage.requests.find((request) => sha(request.body) === sha(bytes));
      return `https://cdn.example/${/bucket\/(\d)/.exec(put?.path ?? '')?.[1]}.bin`;
    };
    const first = where(new Uint8Array(await one.arrayBuffer()));
    expect(body.images).toEqual(['https://pictures.example/0.png', first, where(two), first]);
    expect(new Set([...body.images, body.video]).size).toBe(4);
    expect(storage.requests).toHaveLength(3);
  });

  it('check every file before the first byte leaves, and name all that are wrong', async () => {
    const { api, storage } = await uploadService();
    const input = {
      prompt,
      images: [
        new Blob([picture()]),
        pathToFileURL(join(temporaryDirectory(), 'gone.png')),
        new File([movie(100)], 'clip.mp4'),
      ],
      video: new File([picture()], 'still.png'),
    };
    const error = (await failure(client(api.url).submit(KLING_O1, input))) as InvalidInputError;
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error.issues.map(({ path }) => path)).toEqual([['video'], ['images', 1], ['images', 2]]);
    expect(error.message).toContain('images[1]: "gone.png" does not exist');
    expect(error.message).toContain('images[2]: "clip.mp4" is video/mp4; expected JPG, PNG');
    expect(error.message).toContain('video: "still.png" is image/png; expected MP4');
    expect([api.requests.length, storage.requests.length]).toEqual([0, 0]);
  });

  it('check the cost before they upload', async () => {
    const { api } = await uploadService();
    const error = await failure(
      client(api.url).run(KLING_O1, { prompt, images: [new Blob([picture()])] }, { maxCost: 0.01 }),
    );
    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(api.requests).toHaveLength(0);
  });

  it('submit nothing after a failed upload, and end the other uploads', async () => {
    let broken = 0;
    const { api, storage } = await uploadService({
      put: (taken, response) => {
        if (taken.body.byteLength === 300) {
          // When the others are under way.
          void vi
            .waitFor(() => expect(storage.requests).toHaveLength(3))
            .then(() => response.writeHead(400).end());
          return;
        }
        response.on('close', () => {
          broken += 1;
        });
      },
    });
    const images = [picture(), picture(300), picture()].map((bytes) => new Blob([bytes]));
    const error = await failure(client(api.url).run(KLING_O1, { prompt, images }));
    expect(error).toMatchObject({ name: 'UploadError', reason: 'refused', status: 400 });
    await vi.waitFor(() => expect(broken).toBe(2));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(api.requests.map(({ path }) => path)).toEqual(Array(3).fill('/api/v3/media/uploads'));
  });

  it('upload four at a time', async () => {
    let now = 0;
    let most = 0;
    const { api, storage } = await uploadService({
      put: (_taken, response) => {
        now += 1;
        most = Math.max(most, now);
        setTimeout(() => {
          now -= 1;
          response.end();
        }, 30);
      },
    });
    const images = Array.from({ length: 7 }, () => new Blob([picture()]));
    await client(api.url).submit(KLING_O1, { prompt, images });
    expect([storage.requests.length, most]).toEqual([7, 4]);
  });

  it('end at once when they are aborted while they upload, and submit nothing', async () => {
    const controller = new AbortController();
    const { api } = await uploadService({ put: () => controller.abort('enough') });
    const { signal } = controller;
    const images = [new Blob([picture()]), new Blob([picture()])];
    expect(await failure(client(api.url).run(KLING_O1, { prompt, images }, { signal }))).toBe('enough');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(api.requests.every(({ path }) => path === '/api/v3/media/uploads')).toBe(true);
  });
});

describe('the deadline of run', () => {
  const prompt = 'A fox in the snow';

  /** A service behind a fetch, without a socket whose timers would be counted; `seen` names what was called. */
  function service(onCall: { put?: () => void; submit?: () => void }) {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
      vi.restoreAllMocks();
    });
    const seen: string[] = [];
    const fetch = (async (url: string, init: RequestInit) => {
      const { pathname } = new URL(url);
      const data = (value: unknown) => Response.json({ code: 200, message: 'success', data: value });
      seen.push(pathname.replace(`/api/v3/${KLING_O1}`, 'submit'));
      if (pathname.endsWith('/media/uploads')) {
        const upload = { method: 'PUT', url: 'https://storage.example/put', headers: {} };
        return data({ download_url: 'https://cdn.example/1.png', upload });
      }
      if (init.method === 'PUT') {
        await new Response(init.body as ReadableStream).arrayBuffer();
        onCall.put?.();
        return new Response();
      }
      onCall.submit?.();
      return data({ id: 'task-1', status: 'completed', outputs: ['https://cdn.example/out.mp4'] });
    }) as typeof globalThis.fetch;
    const run = (timeoutMs: number) =>
      client('https://api.example', { fetch }).run(
        KLING_O1,
        { prompt, images: [new Blob([picture()])] },
        { timeoutMs },
      );
    return { seen, run };
  }
  const uploaded = ['/api/v3/media/uploads', '/put'];

  it('ends uploads that take longer, and nothing is submitted', async () => {
    const { seen, run } = service({ put: () => void vi.advanceTimersByTime(20_000) });
    const error = await failure(run(20_000));
    expect(error).toBeInstanceOf(RequestTimeoutError);
    expect(String(error)).toContain('timeoutMs (20000 ms) ran out before the task was submitted');
    expect(String(error)).toContain('nothing was submitted');
    expect(vi.getTimerCount()).toBe(0);
    expect(seen).toEqual(uploaded);
  });

  it('is looked at once more before the task is submitted', async () => {
    const { seen, run } = service({
      put: () => {
        // Time that passes without a turn of the event loop, as in a process that was asleep.
        const late = performance.now() + 20_000;
        vi.spyOn(performance, 'now').mockImplementation(() => late);
      },
    });
    expect(await failure(run(20_000))).toBeInstanceOf(RequestTimeoutError);
    expect(vi.getTimerCount()).toBe(0);
    expect(seen).toEqual(uploaded);
  });

  it.each([20_000, 2 ** 31 + 1000, Infinity])(
    'of %d ms leaves no timer behind after uploads in time',
    async (timeoutMs) => {
      let timers: number | undefined;
      const { seen, run } = service({ submit: () => (timers = vi.getTimerCount()) });
      expect((await run(timeoutMs)).id).toBe('task-1');
      // The one is the submit's own.
      expect([timers, vi.getTimerCount()]).toEqual([1, 0]);
      expect(seen).toEqual([...uploaded, 'submit']);
    },
  );
});

describe('through the caller’s own means', () => {
  it('a fetch takes everything, with a length and without the key', async () => {
    const { api, storage } = await uploadService();
    const calls: string[] = [];
    const fetch: typeof globalThis.fetch = (input, init) => {
      calls.push(`${init?.method} ${new Request(input).url.replace(/:\d+/, '')}`);
      return globalThis.fetch(input, init);
    };
    const bytes = movie(2_000_000);
    const told: number[] = [];
    const options = { onProgress: ({ loaded }: { loaded: number }) => void told.push(loaded) };
    await client(api.url, { fetch }).upload(file('a.mp4', bytes), options);
    expect(calls).toEqual([
      'POST http://127.0.0.1/api/v3/media/uploads',
      'PUT http://127.0.0.1/bucket/1?X-Signature=secret-1',
    ]);
    const [put] = storage.requests;
    expect(put?.headers).toMatchObject({ 'content-length': '2000000', 'content-type': 'x/as-signed' });
    expect(put?.headers.authorization).toBeUndefined();
    expect(sha(put?.body ?? Buffer.alloc(0))).toBe(sha(bytes));
    expect(told.at(-1)).toBe(2_000_000);
  });

  it('a fetch that keeps the pieces finds them as they were', async () => {
    const { api } = await uploadService();
    const bytes = movie(2_000_000);
    const kept: Uint8Array[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (init?.method !== 'PUT') return globalThis.fetch(input, init);
      for await (const piece of init.body as unknown as AsyncIterable<Uint8Array>) kept.push(piece);
      return new Response();
    };
    await client(api.url, { fetch }).upload(file('a.mp4', bytes));
    expect(sha(Buffer.concat(kept))).toBe(sha(bytes));
  });

  it('a fetch that gives up halfway leaves no file open', async () => {
    const { api } = await uploadService();
    const path = file('a.mp4', movie(2_000_000));
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (init?.method !== 'PUT') return globalThis.fetch(input, init);
      await (init.body as ReadableStream).getReader().read();
      throw new TypeError('fetch failed');
    };
    const error = await failure(client(api.url, { fetch, maxRetries: 0 }).upload(path));
    expect(error).toBeInstanceOf(ConnectionError);
    await vi.waitFor(() => expect(openFiles(path)).toBe(0));
  });

  it('a dispatcher takes everything', async () => {
    const { api, storage } = await uploadService();
    const seen: string[] = [];
    const agent = new Agent();
    onTestFinished(() => agent.close());
    const dispatcher = agent.compose((dispatch) => (options, handler) => {
      seen.push(options.method);
      return dispatch(options, handler);
    });
    await client(api.url, { dispatcher }).upload(new Blob([picture()]));
    expect(seen).toEqual(['POST', 'PUT']);
    expect(storage.requests).toHaveLength(1);
  });

  it('a closed client sends nothing', async () => {
    const { api, storage } = await uploadService();
    const kling = client(api.url);
    await kling.close();
    expect(String(await failure(kling.upload(new Blob([picture()]))))).toMatch(/closed/);
    expect([api.requests.length, storage.requests.length]).toEqual([0, 0]);
  });
});
