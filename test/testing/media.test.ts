/** Checks both kinds of uploads, and the served files: outputs and uploads, complete and in ranges. */
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { request } from 'undici';
import { type Emulator, ManualClock, sampleVideo } from '../../src/testing/index.js';
import { call, collectGarbage, result, started, submit } from './support.js';

const DAYS = 24 * 60 * 60 * 1000;
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

async function fetchBytes(url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') {
  const response = await request(url, { method, headers });
  const bytes = Buffer.from(await response.body.arrayBuffer());
  return { status: response.statusCode, headers: response.headers, bytes };
}

async function completed(emulator: Emulator): Promise<{ id: string; url: string }> {
  const { id } = await submit(emulator);
  emulator.task(id).complete();
  const [url = ''] = (await result(emulator, id)).outputs;
  return { id, url };
}

/** The input that `completed` submits. */
const INPUT = { prompt: 'A paper boat', duration: 5 };

describe('an output', () => {
  test('an output is a real MP4: ftyp, moov and mdat boxes that fill the file, H.264 inside', async () => {
    const emulator = await started();
    const { url } = await completed(emulator);
    const { status, headers, bytes } = await fetchBytes(url);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': String(bytes.byteLength),
      'accept-ranges': 'bytes',
      etag: expect.stringMatching(/^".+"$/),
      'last-modified': expect.stringMatching(/GMT$/),
    });
    expect(bytes.equals(sampleVideo(INPUT))).toBe(true);
    const boxes: string[] = [];
    let at = 0;
    while (at < bytes.byteLength) {
      boxes.push(bytes.toString('latin1', at + 4, at + 8));
      at += bytes.readUInt32BE(at);
    }
    expect(at).toBe(bytes.byteLength);
    expect(boxes).toEqual(expect.arrayContaining(['ftyp', 'moov', 'mdat']));
    expect(bytes.includes('avc1')).toBe(true);
    expect(bytes.byteLength).toBeLessThan(32_768);
  });

  test('an output differs by prompt, aspect ratio and duration, and is the same for the same input', async () => {
    const emulator = await started();
    const inputs = [
      { prompt: 'A fox', duration: 3 },
      { prompt: 'A heron', duration: 3 },
      { prompt: 'A fox', duration: 4 },
      { prompt: 'A fox', duration: 3, aspect_ratio: '9:16' },
    ];
    const videos: string[] = [];
    for (const input of [...inputs, ...inputs]) {
      const { id } = await submit(emulator, input);
      emulator.task(id).complete();
      const [url = ''] = (await result(emulator, id)).outputs;
      videos.push((await fetchBytes(url)).bytes.toString('base64'));
    }
    expect(new Set(videos).size).toBe(4);
    expect(videos.slice(4)).toEqual(videos.slice(0, 4));
  });

  test.each([
    ['16:9', 3, 256, 144],
    ['9:16', 8, 144, 256],
    ['1:1', 15, 192, 192],
  ])(
    'an output has the requested aspect ratio and duration: %s, %i s',
    (aspect_ratio, duration, width, height) => {
      const bytes = Buffer.from(sampleVideo({ prompt: 'A fox', aspect_ratio, duration }));
      const movie = bytes.indexOf('mvhd') + 4;
      const unitsPerSecond = bytes.readUInt32BE(movie + 12);
      expect(bytes.readUInt32BE(movie + 16) / unitsPerSecond).toBe(duration);
      const media = bytes.indexOf('mdhd') + 4;
      expect(bytes.readUInt32BE(media + 16) / bytes.readUInt32BE(media + 12)).toBe(duration);
      const entry = bytes.indexOf('avc1', bytes.indexOf('stsd')) + 4;
      expect([bytes.readUInt16BE(entry + 24), bytes.readUInt16BE(entry + 26)]).toEqual([width, height]);
    },
  );

  test.each([
    ['bytes=0-9', 0, 10],
    ['bytes=2000-', 2000, undefined],
    ['bytes=-5', -5, undefined],
    ['bytes=100-999999', 100, undefined],
  ])('an output is served in ranges: %s', async (range, start, end) => {
    const emulator = await started();
    const { url } = await completed(emulator);
    const complete = Buffer.from(sampleVideo(INPUT));
    const { status, headers, bytes } = await fetchBytes(url, { range });
    const expected = complete.subarray(start, end);
    const first = start < 0 ? complete.byteLength + start : start;
    expect(status).toBe(206);
    expect(bytes.equals(expected)).toBe(true);
    expect(headers['content-range']).toBe(
      `bytes ${first}-${first + expected.byteLength - 1}/${complete.byteLength}`,
    );
  });

  test.each(['bytes=99999-', 'bytes=-0'])('an output responds 416 to the range %s', async (range) => {
    const emulator = await started();
    const { url } = await completed(emulator);
    const { status, headers } = await fetchBytes(url, { range });
    expect([status, headers['content-range']]).toEqual([416, `bytes */${sampleVideo(INPUT).byteLength}`]);
  });

  test.each(['bytes=0-1,5-6', 'items=0-1', 'bytes=9-5', 'bytes=-', 'nonsense'])(
    'an output is served completely for the unusable range %s',
    async (range) => {
      const emulator = await started();
      const { url } = await completed(emulator);
      expect((await fetchBytes(url, { range })).status).toBe(200);
    },
  );

  test('If-Range: sends the range while the file is the same, and the complete file afterwards', async () => {
    const emulator = await started({ outputBytes: 5000 });
    const { url } = await completed(emulator);
    const { headers, bytes } = await fetchBytes(url);
    const etag = String(headers.etag);
    const modified = String(headers['last-modified']);
    expect((await fetchBytes(url, { range: 'bytes=1-', 'if-range': etag })).status).toBe(206);
    expect((await fetchBytes(url, { range: 'bytes=1-', 'if-range': modified })).status).toBe(206);
    emulator.rotateOutputs();
    const after = await fetchBytes(url, { range: 'bytes=1-', 'if-range': etag });
    expect(after.status).toBe(200);
    expect(after.headers.etag).not.toBe(etag);
    expect(after.bytes.equals(bytes)).toBe(false);
  });

  test('If-None-Match: sends 304 without a body', async () => {
    const emulator = await started();
    const { url } = await completed(emulator);
    const etag = String((await fetchBytes(url)).headers.etag);
    const again = await fetchBytes(url, { 'if-none-match': etag });
    expect([again.status, again.bytes.byteLength]).toEqual([304, 0]);
  });

  test('HEAD: sends the headers only', async () => {
    const emulator = await started();
    const { url } = await completed(emulator);
    const { status, headers, bytes } = await fetchBytes(url, {}, 'HEAD');
    expect([status, headers['content-length'], bytes.byteLength]).toEqual([
      200,
      String(sampleVideo(INPUT).byteLength),
      0,
    ]);
  });

  test('an output ignores ranges with outputRanges: false', async () => {
    const emulator = await started({ outputRanges: false });
    const { url } = await completed(emulator);
    const { status, headers } = await fetchBytes(url, { range: 'bytes=5-' });
    expect([status, headers['accept-ranges']]).toEqual([200, undefined]);
  });

  test('outputBytes: has that size and the same bytes in every range', async () => {
    const size = 3_000_000;
    const emulator = await started({ outputBytes: size });
    const { url } = await completed(emulator);
    const { headers, bytes } = await fetchBytes(url);
    expect([headers['content-length'], bytes.byteLength]).toEqual([String(size), size]);
    expect(bytes.subarray(0, sampleVideo().byteLength).equals(sampleVideo())).toBe(true);
    for (const start of [0, 2650, 2656, 2664, 65_536, 1_048_573, 1_051_237, 2_999_999]) {
      const part = await fetchBytes(url, { range: `bytes=${start}-${start + 99_999}` });
      expect(part.bytes.equals(bytes.subarray(start, start + 100_000))).toBe(true);
    }
    // Shifted by any power of two it is another text: a part in the wrong place shows.
    expect(
      bytes.subarray(100_000, 200_000).equals(bytes.subarray(100_000 + 2 ** 20, 200_000 + 2 ** 20)),
    ).toBe(false);
  });

  test('outputBytes of 100 MB is not held in memory', async () => {
    const emulator = await started({ outputBytes: 100 * 1024 * 1024 });
    const { url } = await completed(emulator);
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const response = await request(url);
    let size = 0;
    let most = 0;
    let looks = 0;
    for await (const piece of response.body) {
      size += (piece as Buffer).byteLength;
      if (size < (looks + 1) * 16 * 1024 * 1024) continue;
      looks += 1;
      collectGarbage();
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(size).toBe(100 * 1024 * 1024);
    expect(looks).toBe(6);
    expect(most).toBeLessThan(20 * 1024 * 1024);
  });

  test('an output may be small or empty', async () => {
    for (const size of [0, 10]) {
      const emulator = await started({ outputBytes: size });
      const { url } = await completed(emulator);
      expect((await fetchBytes(url)).bytes.byteLength).toBe(size);
    }
  });

  test('an output exists for 7 days from the completion of its task', async () => {
    const clock = new ManualClock();
    const emulator = await started({ clock });
    const { id } = await submit(emulator);
    const url = `${emulator.url}/outputs/${id}/1.mp4`;
    expect((await fetchBytes(url)).status).toBe(404);
    clock.advance(7 * DAYS);
    expect((await fetchBytes(url)).status).toBe(200);
    clock.advance(1);
    expect((await fetchBytes(url)).status).toBe(410);
    expect((await fetchBytes(`${emulator.url}/outputs/nobody/1.mp4`)).status).toBe(404);
  });

  test('an output rejects the API key and records the leak', async () => {
    const emulator = await started();
    const { url } = await completed(emulator);
    expect(emulator.keyLeaks).toEqual([]);
    expect((await fetchBytes(url, { authorization: `Bearer ${emulator.apiKey}` })).status).toBe(400);
    expect(emulator.keyLeaks).toMatchObject([{ operation: 'output' }]);
  });

  test('an output can be cut off after a number of bytes', async () => {
    const emulator = await started({ outputBytes: 500_000 });
    const { url } = await completed(emulator);
    emulator.fail({ on: 'output', kind: 'reset', when: 'body', bytes: 200_000 });
    const response = await request(url);
    let size = 0;
    await expect(async () => {
      for await (const piece of response.body) size += (piece as Buffer).byteLength;
    }).rejects.toThrow();
    expect(size).toBe(200_000);
  });
});

describe('a multipart upload', () => {
  const form = (file: Blob, name: string, field = 'file') => {
    const data = new FormData();
    data.append('note', 'another field');
    data.append(field, file, name);
    return data;
  };
  const send = async (emulator: Emulator, body: FormData, key = 'k') => {
    const response = await fetch(`${emulator.url}/api/v3/media/upload/binary`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body,
    });
    return { status: response.status, json: (await response.json()) as { data: Record<string, unknown> } };
  };

  test('a multipart upload responds with the URL of the file, and serves it', async () => {
    const emulator = await started();
    const reply = await send(emulator, form(new Blob([PNG], { type: 'image/png' }), 'sïde "1".png'));
    expect(reply.json.data).toMatchObject({ type: 'image', filename: 'sïde "1".png', size: 16 });
    const { status, headers, bytes } = await fetchBytes(String(reply.json.data['download_url']));
    expect([status, headers['content-type']]).toEqual([200, 'image/png']);
    expect(bytes.equals(PNG)).toBe(true);
    expect(emulator.uploads).toMatchObject([{ via: 'binary', size: 16, contentType: 'image/png' }]);
  });

  test('a multipart upload keeps contents that look like a boundary', async () => {
    const emulator = await started();
    const tricky = Buffer.from('\r\n--\r\n--x\r\n\r\n----formdata-undici\r\n'.repeat(5000));
    await send(emulator, form(new Blob([tricky], { type: 'video/mp4' }), 'a.mp4'));
    expect(Buffer.from(emulator.uploads[0]?.bytes ?? []).equals(tricky)).toBe(true);
  });

  test('keeps only the number of bytes of a form with keepUploads: false', async () => {
    const emulator = await started({ keepUploads: false });
    const reply = await send(emulator, form(new Blob([PNG], { type: 'image/png' }), 'a.png'));
    expect(reply).toMatchObject({ status: 200, json: { data: { filename: 'a.png', size: 16 } } });
    expect(emulator.uploads).toMatchObject([{ via: 'binary', size: 16 }]);
    expect(emulator.uploads[0]?.bytes.byteLength).toBe(0);
  });

  test('answers 413 to a form that is larger than any file', async () => {
    const emulator = await started();
    const parts = Array.from({ length: 102 }, () => new Uint8Array(1024 * 1024));
    const reply = await send(emulator, form(new Blob(parts, { type: 'video/mp4' }), 'a.mp4'));
    expect(reply.status).toBe(413);
    expect(emulator.uploads).toHaveLength(0);
  });

  test('a multipart upload may arrive byte by byte', async () => {
    const emulator = await started();
    const body = Buffer.from(
      '--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n12\r\n3\r\n--b--\r\n',
    );
    const response = await request(`${emulator.url}/api/v3/media/upload/binary`, {
      method: 'POST',
      headers: { authorization: 'Bearer k', 'content-type': 'multipart/form-data; boundary=b' },
      body: Readable.from(Array.from(body, (byte) => Buffer.from([byte]))),
    });
    expect(response.statusCode).toBe(200);
    expect(Buffer.from(emulator.uploads[0]?.bytes ?? []).toString()).toBe('12\r\n3');
  });

  test.each<[string, FormData, RegExp]>([
    ['no file', form(new Blob([PNG]), 'a.png', 'image'), /'file'/],
    ['a type that is not accepted', form(new Blob(['x'], { type: 'text/plain' }), 'a.txt'), /type/],
    [
      'an image over 20 MB',
      form(new Blob([new Uint8Array(20 * 1024 * 1024 + 1)], { type: 'image/png' }), 'a.png'),
      /20 MB/,
    ],
  ])('a multipart upload rejects %s', async (_what, body, message) => {
    const emulator = await started();
    expect(await send(emulator, body)).toMatchObject({
      status: 400,
      json: { message: expect.stringMatching(message) },
    });
    expect(emulator.uploads).toHaveLength(0);
  });

  test.each([
    ['audio', 'voice.mp3', 'audio/mpeg'],
    ['a name without an extension', 'blob', 'application/octet-stream'],
  ])('a multipart upload accepts %s', async (_what, filename, type) => {
    const emulator = await started();
    const reply = await send(emulator, form(new Blob(['x'], { type }), filename));
    expect(reply).toMatchObject({ status: 200, json: { data: { filename, size: 1 } } });
    expect(emulator.uploads).toMatchObject([{ filename, contentType: type }]);
  });

  test('a multipart upload rejects other bodies, incomplete forms and requests without a key', async () => {
    const emulator = await started();
    const path = 'media/upload/binary';
    expect((await call(emulator, path, { body: '{}' })).status).toBe(400);
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    expect((await call(emulator, path, { body: '--b\r\nContent-Disp', headers })).status).toBe(400);
    expect((await call(emulator, path, { body: '{}', key: null })).status).toBe(401);
  });
});

describe('a ticket upload', () => {
  const ask = (emulator: Emulator, body: unknown) => call(emulator, 'media/uploads', { body });
  const ticketFor = async (emulator: Emulator, size = PNG.byteLength) =>
    (await ask(emulator, { filename: 'a b.png', size, content_type: 'image/png' })).json.data;
  const put = async (
    { upload }: Awaited<ReturnType<typeof ticketFor>>,
    { headers = {}, body = PNG }: { headers?: Record<string, string>; body?: Buffer | Readable } = {},
  ) => {
    const response = await request(upload.url, {
      method: 'PUT',
      headers: { ...upload.headers, ...headers },
      body,
    });
    return { status: response.statusCode, text: await response.body.text() };
  };

  test('a ticket upload takes a ticket and a PUT without the key, and serves the file', async () => {
    const emulator = await started();
    const ticket = await ticketFor(emulator);
    expect(ticket.upload.method).toBe('PUT');
    expect((await fetchBytes(ticket.download_url)).status).toBe(404);
    expect((await put(ticket)).status).toBe(200);
    const { status, headers, bytes } = await fetchBytes(ticket.download_url);
    expect([status, headers['content-type'], bytes.equals(PNG)]).toEqual([200, 'image/png', true]);
    expect(emulator.uploads).toMatchObject([
      { via: 'ticket', filename: 'a b.png', url: ticket.download_url },
    ]);
    expect(emulator.requests.at(-2)).toMatchObject({ operation: 'put', bodyBytes: 16, body: undefined });
  });

  test('a repeated PUT with If-None-Match responds 412', async () => {
    const emulator = await started();
    const ticket = await ticketFor(emulator);
    expect(ticket.upload.headers['If-None-Match']).toBe('*');
    expect((await put(ticket)).status).toBe(200);
    expect(await put(ticket)).toMatchObject({
      status: 412,
      text: expect.stringContaining('PreconditionFailed'),
    });
    expect(emulator.uploads).toHaveLength(1);
    expect(emulator.requestCount({ operation: 'put' })).toBe(2);
  });

  test('a repeated PUT is stored again with conditionalUploads: false', async () => {
    const emulator = await started({ conditionalUploads: false });
    const ticket = await ticketFor(emulator);
    expect(ticket.upload.headers).not.toHaveProperty('If-None-Match');
    expect((await put(ticket)).status).toBe(200);
    expect((await put(ticket)).status).toBe(200);
    expect(emulator.uploads).toHaveLength(1);
  });

  test.each([
    [{ filename: 'voice.mp3', content_type: 'audio/mpeg' }, 'audio', 'audio/mpeg'],
    [{ filename: 'voice.wav', content_type: 'audio/x-wav' }, 'audio', 'audio/x-wav'],
    [{ filename: 'voice.flac' }, 'audio', 'audio/flac'],
    [{ filename: 'clip' }, 'file', 'application/octet-stream'],
    [{ filename: 'clip', content_type: 'video/mp4' }, 'video', 'video/mp4'],
  ])('a ticket upload accepts %j, as the official clients upload it', async (body, type, contentType) => {
    const emulator = await started();
    const { json } = await ask(emulator, { ...body, size: PNG.byteLength });
    expect(json.data).toMatchObject({ type, filename: body.filename, size: PNG.byteLength });
    expect((await put(json.data)).status).toBe(200);
    expect(emulator.uploads).toMatchObject([{ filename: body.filename, contentType }]);
  });

  test('a ticket upload rejects the API key in its PUT and records the leak', async () => {
    const emulator = await started();
    const ticket = await ticketFor(emulator);
    expect((await put(ticket, { headers: { authorization: 'Bearer k' } })).status).toBe(400);
    expect(emulator.keyLeaks).toMatchObject([{ operation: 'put' }]);
    expect(emulator.uploads).toHaveLength(0);
  });

  test('a ticket upload rejects a PUT whose headers differ from its ticket', async () => {
    const emulator = await started();
    const ticket = await ticketFor(emulator);
    const missing = { ...ticket, upload: { ...ticket.upload, headers: { 'content-type': 'image/png' } } };
    expect((await put(missing)).status).toBe(403);
    const lowerCase = Object.fromEntries(
      Object.entries(ticket.upload.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const renamed = { ...ticket, upload: { ...ticket.upload, headers: lowerCase } };
    expect((await put(renamed, { headers: { 'content-type': 'image/jpeg' } })).status).toBe(403);
    expect((await put(ticket, { headers: { 'x-client-name': 'test' } })).status).toBe(403);
    const unsigned = { ...ticket, upload: { ...ticket.upload, url: ticket.upload.url.replace(/\?.*/, '') } };
    expect((await put(unsigned)).status).toBe(403);
    expect((await put(renamed)).status).toBe(200);
  });

  test('a ticket upload rejects a PUT of another size, or without a length', async () => {
    const emulator = await started();
    const ticket = await ticketFor(emulator, 17);
    expect(await put(ticket)).toMatchObject({ status: 400, text: expect.stringContaining('IncompleteBody') });
    expect((await put(await ticketFor(emulator), { body: Readable.from([PNG]) })).status).toBe(411);
    expect(emulator.uploads).toHaveLength(0);
  });

  test.each([
    [{ size: 5 }, /filename/],
    [{ filename: 'a.png' }, /size/],
    [{ filename: 'a.png', size: 0 }, /size/],
    [{ filename: 'a.exe', size: 5 }, /type/],
    [{ filename: 'a.heic', size: 5 }, /type/],
    [{ filename: 'a.heic', size: 5, content_type: 'application/octet-stream' }, /type/],
    [{ filename: 'a.heic', size: 5, content_type: 'image/heic' }, /type/],
    [{ filename: 'a.svg', size: 5, content_type: 'image/svg+xml' }, /type/],
    [{ filename: 'a.mp3', size: 100 * 1024 * 1024 + 1, content_type: 'audio/mpeg' }, /100 MB/],
    [{ filename: 'a.png', size: 5, content_type: 'text/plain' }, /type/],
    [{ filename: 'a.png', size: 20 * 1024 * 1024 + 1 }, /20 MB/],
    [{ filename: 'a.mp4', size: 100 * 1024 * 1024 + 1 }, /100 MB/],
  ])('a ticket is rejected for %j', async (body, message) => {
    const emulator = await started();
    const reply = await ask(emulator, body);
    expect([reply.status, reply.json.message]).toEqual([400, expect.stringMatching(message)]);
  });

  test.each([
    ['a.jpg', 'image/jpg'],
    ['a.bmp', 'image/x-ms-bmp'],
    ['a.webm', 'Video/WebM; codecs="vp9"'],
    ['a.avi', 'video/avi'],
    ['a.png', ''],
  ])('a ticket is accepted for %s of the type %j', async (filename, content_type) => {
    const emulator = await started();
    expect((await ask(emulator, { filename, size: 5, content_type })).status).toBe(200);
  });

  test('a ticket has its type from the name, and accepts the largest files', async () => {
    const emulator = await started();
    const { upload } = (await ask(emulator, { filename: 'a.MKV', size: 100 * 1024 * 1024 })).json.data;
    expect(upload.headers['Content-Type']).toBe('video/x-matroska');
    expect((await ask(emulator, { filename: 'a.jpg', size: 20 * 1024 * 1024 })).status).toBe(200);
  });

  test('tickets do not exist with ticketUploads: false', async () => {
    const emulator = await started({ ticketUploads: false });
    expect((await ask(emulator, { filename: 'a.png', size: 5 })).status).toBe(404);
  });

  test('keeps only the number of bytes of a PUT with keepUploads: false', async () => {
    const emulator = await started({ keepUploads: false });
    expect((await put(await ticketFor(emulator))).status).toBe(200);
    expect(emulator.uploads[0]).toMatchObject({ size: 16 });
    expect(emulator.uploads[0]?.bytes.byteLength).toBe(0);
  });
});

test('uploaded files expire after 7 days and reject the API key', async () => {
  const clock = new ManualClock();
  const emulator = await started({ clock });
  const ticket = (await call(emulator, 'media/uploads', { body: { filename: 'a.png', size: 1 } })).json.data;
  await request(ticket.upload.url, { method: 'PUT', headers: ticket.upload.headers, body: 'x' });
  clock.advance(7 * DAYS);
  expect((await fetchBytes(ticket.download_url)).status).toBe(200);
  await fetchBytes(ticket.download_url, { authorization: 'Bearer k' });
  expect(emulator.keyLeaks).toMatchObject([{ operation: 'file' }]);
  clock.advance(1);
  expect((await fetchBytes(ticket.download_url)).status).toBe(410);
});
