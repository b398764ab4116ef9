// Uploads as a multipart form, and uploads through a custom fetch or dispatcher.
import { Agent } from 'undici';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ConnectionError } from 'wavespeed-kling';
import {
  failure,
  file,
  json,
  KEY,
  movie,
  openFiles,
  picture,
  sha,
  uploadClient,
  uploadService,
} from './support.js';

describe('upload as a multipart form', () => {
  it.each([404, 405, 501])(
    'uploads a form when the service responds %i to the ticket request, and requests no further ticket',
    async (status) => {
      const { api, storage } = await uploadService({
        api: ({ path }, response) => {
          if (path !== '/api/v3/media/uploads') return false;
          json(response, null, status);
          return true;
        },
      });
      const kling = uploadClient(api.url);
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

  it.each([400, 401, 403])('uploads no form after %i', async (status) => {
    const { api } = await uploadService({
      api: (_taken, response) => {
        json(response, null, status);
        return true;
      },
    });
    expect(await failure(uploadClient(api.url).upload(new Blob([picture()])))).toMatchObject({ status });
    expect(api.requests).toHaveLength(1);
  });

  it('sends the complete form again after a 500', async () => {
    let posts = 0;
    const { api } = await uploadService({
      api: ({ path }, response) => {
        if (path === '/api/v3/media/uploads') json(response, null, 404);
        else if (++posts === 1) json(response, null, 500);
        else return false;
        return true;
      },
    });
    await uploadClient(api.url).upload(file('a.mp4', movie(300_000)));
    const lengths = api.requests.slice(1).map(({ body }) => body.byteLength);
    expect(lengths).toHaveLength(2);
    expect(lengths[0]).toBe(lengths[1]);
    expect(lengths[0]).toBeGreaterThan(300_000);
  });
});

describe('upload through a custom fetch or dispatcher', () => {
  it('sends uploads through a custom fetch, with a content length and without the key', async () => {
    const { api, storage } = await uploadService();
    const calls: string[] = [];
    const fetch: typeof globalThis.fetch = (input, init) => {
      calls.push(`${init?.method} ${new Request(input).url.replace(/:\d+/, '')}`);
      return globalThis.fetch(input, init);
    };
    const bytes = movie(2_000_000);
    const reported: number[] = [];
    const options = { onProgress: ({ loaded }: { loaded: number }) => void reported.push(loaded) };
    await uploadClient(api.url, { fetch }).upload(file('a.mp4', bytes), options);
    expect(calls).toEqual([
      'POST http://127.0.0.1/api/v3/media/uploads',
      'PUT http://127.0.0.1/bucket/1?X-Signature=secret-1',
    ]);
    const [put] = storage.requests;
    expect(put?.headers).toMatchObject({ 'content-length': '2000000', 'content-type': 'x/as-signed' });
    expect(put?.headers.authorization).toBeUndefined();
    expect(sha(put?.body ?? Buffer.alloc(0))).toBe(sha(bytes));
    expect(reported.at(-1)).toBe(2_000_000);
  });

  it('passes chunks to a custom fetch that stay unchanged', async () => {
    const { api } = await uploadService();
    const bytes = movie(2_000_000);
    const kept: Uint8Array[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (init?.method !== 'PUT') return globalThis.fetch(input, init);
      for await (const piece of init.body as unknown as AsyncIterable<Uint8Array>) kept.push(piece);
      return new Response();
    };
    await uploadClient(api.url, { fetch }).upload(file('a.mp4', bytes));
    expect(sha(Buffer.concat(kept))).toBe(sha(bytes));
  });

  it('closes the file when a custom fetch rejects halfway', async () => {
    const { api } = await uploadService();
    const path = file('a.mp4', movie(2_000_000));
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (init?.method !== 'PUT') return globalThis.fetch(input, init);
      await (init.body as ReadableStream).getReader().read();
      throw new TypeError('fetch failed');
    };
    const error = await failure(uploadClient(api.url, { fetch, maxRetries: 0 }).upload(path));
    expect(error).toBeInstanceOf(ConnectionError);
    await vi.waitFor(() => expect(openFiles(path)).toBe(0));
  });

  it('sends uploads through a custom dispatcher', async () => {
    const { api, storage } = await uploadService();
    const seen: string[] = [];
    const agent = new Agent();
    onTestFinished(() => agent.close());
    const dispatcher = agent.compose((dispatch) => (options, handler) => {
      seen.push(options.method);
      return dispatch(options, handler);
    });
    await uploadClient(api.url, { dispatcher }).upload(new Blob([picture()]));
    expect(seen).toEqual(['POST', 'PUT']);
    expect(storage.requests).toHaveLength(1);
  });

  it('sends nothing after close()', async () => {
    const { api, storage } = await uploadService();
    const kling = uploadClient(api.url);
    await kling.close();
    expect(String(await failure(kling.upload(new Blob([picture()]))))).toMatch(/closed/);
    expect([api.requests.length, storage.requests.length]).toEqual([0, 0]);
  });
});
