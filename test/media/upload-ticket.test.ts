// Uploads with a ticket and a PUT: what is sent, what is retried, what is rejected.
import { type ServerResponse } from 'node:http';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  ConnectionError,
  InvalidResponseError,
  UploadError,
  WaveSpeedKling,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import {
  failure,
  file,
  json,
  KEY,
  movie,
  picture,
  sha,
  type Taken,
  uploadClient,
  uploadService,
} from './support.js';

describe('upload with a ticket', () => {
  it('requests a ticket with the key, then sends the file with exactly the headers of the ticket and without the key', async () => {
    const { api, storage, ticketHeaders } = await uploadService();
    const bytes = movie(3_000_001);
    const url = await uploadClient(api.url).upload(file('clip.mp4', bytes));

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

  it('sends every byte in order to a slow server, from disk and from a Blob', async () => {
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
    const kling = uploadClient(api.url);
    await Promise.all([kling.upload(file('slow.mp4', bytes)), kling.upload(new Blob([bytes]))]);
    expect(storage.requests.map(({ body }) => sha(body))).toEqual([sha(bytes), sha(bytes)]);
  });

  it('accepts a path, a file: URL, a Blob and a File, and keeps their names', async () => {
    const { api } = await uploadService();
    const kling = uploadClient(api.url);
    const bytes = picture();
    await kling.upload(file('a.png', picture()));
    await kling.upload(pathToFileURL(file('with spaces & ünicode.png', picture())));
    await kling.upload(new Blob([bytes], { type: 'text/plain' }));
    await kling.upload(new File([bytes], '../../side.png'));
    const names = api.requests.map(({ body }) => (JSON.parse(String(body)) as { filename: string }).filename);
    expect(names).toEqual(['a.png', 'with spaces & ünicode.png', 'image.png', 'side.png']);
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
  ])('rejects a ticket with %s, and sends nothing', async (_what, data) => {
    const { api, storage } = await uploadService({
      api: (_taken, response) => {
        json(response, data);
        return true;
      },
    });
    const error = await failure(uploadClient(api.url).upload(new Blob([picture()])));
    expect(error).toBeInstanceOf(InvalidResponseError);
    expect(JSON.stringify(error) + String(error)).not.toContain('secret');
    expect([api.requests.length, storage.requests.length]).toEqual([1, 0]);
  });

  it('sends the numeric headers of a ticket, and omits those that are null', async () => {
    const headers = { 'x-number': 5, 'x-null': null, 'x-list': ['one'], 'Content-Length': 7, 'x-latin': 'é' };
    const { api, storage } = await uploadService({ headers });
    await uploadClient(api.url).upload(new Blob([picture(300)]));
    const { host: _host, connection: _connection, ...sent } = storage.requests[0]?.headers ?? {};
    expect(sent).toEqual({ 'x-number': '5', 'x-list': 'one', 'x-latin': 'é', 'content-length': '300' });
  });

  it.each([
    [200, undefined],
    [403, { name: 'UploadError', reason: 'refused', status: 403 }],
    [500, { name: 'ServerError', status: 500 }],
  ])('uses the status of a long response from storage: %i', async (status, expected) => {
    const page = `<html>${'x'.repeat(200_000)}</html>`;
    const { api, storage } = await uploadService({
      put: (_taken, response) => void response.writeHead(status).end(page),
    });
    const upload = uploadClient(api.url, { maxRetries: 0 }).upload(new Blob([picture()]));
    if (expected === undefined) expect(await upload).toBe('https://cdn.example/1.bin');
    else expect(await failure(upload)).toMatchObject(expected);
    expect(storage.requests).toHaveLength(1);
  });

  it('shortens the name of an upload to 200 bytes of complete characters, and keeps its extension', async () => {
    const { api } = await uploadService();
    const kling = uploadClient(api.url);
    for (const name of [`${'狐'.repeat(80)}.png`, `${'🦊'.repeat(60)}.png`, `${'a'.repeat(300)}.png`]) {
      await kling.upload(new File([picture()], name));
    }
    const names = api.requests.map(({ body }) => (JSON.parse(String(body)) as { filename: string }).filename);
    expect(names).toEqual([`${'狐'.repeat(65)}.png`, `${'🦊'.repeat(49)}.png`, `${'a'.repeat(196)}.png`]);
  });

  it('sends the complete file again after 503, 429 and a broken connection, with the same ticket', async () => {
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
    await uploadClient(api.url, { onRetry }).upload(file('clip.mp4', bytes));
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
  ])('waits after %i (%s) as long as Retry-After %s asks', async (status, name, retryAfter, delayMs) => {
    const { api, storage } = await uploadService({
      put: (_taken, response) => void response.writeHead(status, { 'retry-after': retryAfter }).end(),
    });
    const controller = new AbortController();
    const reported: unknown[] = [];
    const onRetry: WaveSpeedKlingOptions['onRetry'] = ({ error, delayMs: waited }) => {
      reported.push([error.name, waited]);
      setImmediate(() => controller.abort('seen'));
    };
    const { signal } = controller;
    expect(await failure(uploadClient(api.url, { onRetry }).upload(new Blob([picture()]), { signal }))).toBe(
      'seen',
    );
    expect(reported).toEqual([[name, delayMs]]);
    expect(storage.requests).toHaveLength(1);
  });

  it('does not retry a rejected PUT, and names the file but not the signature', async () => {
    const { api, storage } = await uploadService({
      put: (_taken, response) => {
        const detail = '<StringToSign>secret</StringToSign>';
        response.writeHead(403).end(`<Error><Code>SignatureDoesNotMatch</Code>${detail}</Error>`);
      },
    });
    const error = await failure<UploadError>(uploadClient(api.url).upload(file('side.png', picture())));
    expect(error).toBeInstanceOf(UploadError);
    expect(error).toMatchObject({ name: 'UploadError', reason: 'refused', status: 403, file: '"side.png"' });
    expect(error.message).toBe(
      `Uploading "side.png": [PUT] ${storage.url}/bucket/1: 403 Forbidden (SignatureDoesNotMatch).`,
    );
    expect(storage.requests).toHaveLength(1);
  });

  it.each(['reset', 'server error'])('takes 412 as done for a PUT repeated after a %s', async (first) => {
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
    expect(await uploadClient(api.url).upload(file('clip.mp4', bytes))).toBe('https://cdn.example/1.bin');
    expect(storage.requests.map(({ body }) => sha(body))).toEqual([sha(bytes), sha(bytes)]);
    expect(storage.requests[0]?.headers['if-none-match']).toBe('*');
  });

  it.each([
    ['on a first PUT', []],
    ['after a PUT that got 429', [429]],
  ])('rejects with UploadError for 412 %s', async (_what, earlier) => {
    const statuses = [...earlier, 412];
    const { api, storage } = await uploadService({
      put: (_taken, response) =>
        void response.writeHead(statuses[storage.requests.length - 1] ?? 412, { 'retry-after': '0' }).end(),
    });
    const error = await failure(uploadClient(api.url).upload(new Blob([picture()])));
    expect(error).toMatchObject({ name: 'UploadError', reason: 'refused', status: 412 });
    expect(storage.requests).toHaveLength(statuses.length);
  });

  it('rejects with UploadError for 412 after a PUT that was cut before all bytes were sent', async () => {
    const { api, storage } = await uploadService({
      earlyPut: (_taken, response) => {
        if (storage.requests.length > 1) return false;
        response.req.once('data', () => response.destroy());
        return true;
      },
      put: (_taken, response) => void response.writeHead(412).end(),
    });
    const error = await failure(uploadClient(api.url).upload(file('clip.mp4', movie(20 * 1024 * 1024))));
    expect(error).toMatchObject({ name: 'UploadError', reason: 'refused', status: 412 });
    expect(storage.requests).toHaveLength(2);
  });

  it('does not follow a redirect of a PUT', async () => {
    const { api, storage } = await uploadService({
      put: (_taken, response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
    });
    const error = await failure(uploadClient(api.url).upload(new Blob([picture()])));
    expect(error).toMatchObject({ name: 'UploadError', reason: 'refused', status: 307 });
    expect(storage.requests).toHaveLength(1);
  });

  it.each(['storage', 'the form'])(
    'sends the file again when %s responds 200 before it has the complete file',
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
      const kling = uploadClient(api.url, { onRetry: ({ error }) => void retried.push(error.message) });
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

  it('accepts a mocked fetch that responds without reading the body', async () => {
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

  it('names the file in the error of a refused connection', async () => {
    const { api } = await uploadService({
      api: (_taken, response) => {
        const upload = { method: 'PUT', url: 'http://127.0.0.1:1/x?secret=1', headers: {} };
        json(response, { download_url: 'https://cdn.example/1', upload });
        return true;
      },
    });
    const error = await failure(uploadClient(api.url, { maxRetries: 0 }).upload(file('side.png', picture())));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    expect(String(error)).toContain('[PUT] http://127.0.0.1:1/x, uploading "side.png"');
    expect(String(error)).not.toContain('secret');
  });

  it.each([
    'http://storage.example/put',
    'https://127.0.0.1/put',
    'https://[::ffff:a00:1]/put',
    'https://localhost/put',
  ])('sends no byte to %s when the service is at a public https URL', async (url) => {
    const requested: string[] = [];
    const fetch = (async (given: string) => {
      requested.push(given);
      const upload = { method: 'PUT', url: `${url}?secret=1`, headers: {} };
      return Response.json({ code: 200, data: { download_url: 'https://cdn.example/1.png', upload } });
    }) as typeof globalThis.fetch;
    const kling = new WaveSpeedKling({ apiKey: KEY, fetch, baseUrl: 'https://api.example' });
    const error = await failure(kling.upload(new Blob([picture()])));
    expect(error).toBeInstanceOf(InvalidResponseError);
    expect(String(error)).toContain(`the upload URL is at ${new URL(url).origin}`);
    expect(String(error)).not.toContain('secret');
    expect(requested).toEqual(['https://api.example/api/v3/media/uploads']);
  });
});
