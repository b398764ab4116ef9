// Progress, timeouts and aborts of uploads, and files that are uploaded twice.
import { statSync, utimesSync, writeFileSync } from 'node:fs';
import { type ServerResponse } from 'node:http';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { RequestTimeoutError, UploadError } from 'wavespeed-kling';
import {
  failure,
  file,
  json,
  movie,
  openFiles,
  picture,
  sha,
  uploadClient,
  uploadService,
} from './support.js';

describe('progress and timeouts of an upload', () => {
  it('rejects an upload without progress for requestTimeoutMs', async () => {
    const { api, storage } = await uploadService({ earlyPut: () => true });
    const kling = uploadClient(api.url, { requestTimeoutMs: 1000, maxRetries: 0 });
    const error = await failure(kling.upload(file('stuck.mp4', movie(20 * 1024 * 1024))));
    expect(error).toBeInstanceOf(RequestTimeoutError);
    expect(String(error)).toMatch(
      /uploading "stuck\.mp4": no data transferred for requestTimeoutMs \(1000 ms\)/,
    );
    expect(storage.requests).toHaveLength(1);
  });

  it.each(['storage', 'the form'])('rejects an upload whose response %s sends byte by byte', async (way) => {
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
    const kling = uploadClient(api.url, { requestTimeoutMs: 1000, maxRetries: 0 });
    expect(await failure(kling.upload(new Blob([picture()])))).toBeInstanceOf(RequestTimeoutError);
    expect(sent).toBeGreaterThan(0);
  });

  it('does not reject a slow upload that makes progress', async () => {
    const { api, storage } = await uploadService({
      earlyPut: (taken, response) => {
        const request = response.req;
        let size = 0;
        const from = performance.now();
        // By the clock, and not by the piece: on a slow machine the pauses between what is sent stay short.
        request.on('data', (piece: Buffer) => {
          size += piece.byteLength;
          const dueMs = (size / (32 * 1024 * 1024)) * 2000;
          request.pause();
          setTimeout(() => request.resume(), from + dueMs - performance.now());
        });
        request.on('end', () => {
          taken.body = Buffer.alloc(size);
          response.end();
        });
        return true;
      },
    });
    const startedAt = performance.now();
    await uploadClient(api.url, { requestTimeoutMs: 1200, maxRetries: 0 }).upload(
      file('long.mp4', movie(32 * 1024 * 1024)),
    );
    expect(performance.now() - startedAt).toBeGreaterThan(1200);
    expect(storage.requests[0]?.body.byteLength).toBe(32 * 1024 * 1024);
  });

  it('calls onProgress up to the size of the file', async () => {
    const { api } = await uploadService();
    const kling = uploadClient(api.url);
    const path = file('a.mp4', movie(1_000_000));
    for (const source of [path, new Blob([movie(1_000_000)])]) {
      const reported: { loaded: number; total: number }[] = [];
      await kling.upload(source, { onProgress: (progress) => reported.push(progress) });
      const loaded = reported.map((progress) => progress.loaded);
      expect(loaded.length).toBeGreaterThan(3);
      expect(loaded).toEqual([...loaded].sort((one, other) => one - other));
      expect(loaded.at(-1)).toBe(1_000_000);
      expect(new Set(reported.map(({ total }) => total))).toEqual(new Set([1_000_000]));
    }
    const again: number[] = [];
    await kling.upload(path, { onProgress: ({ loaded }) => again.push(loaded) });
    expect(again).toEqual([1_000_000]);
  });

  it.each([
    ['throws', false],
    ['rejects', true],
  ])('rejects when onProgress %s, and sends nothing afterwards', async (_what, late) => {
    const { api, storage } = await uploadService();
    const kling = uploadClient(api.url);
    const cause = new Error('my error');
    const onProgress = () => {
      if (late) return Promise.reject(cause);
      throw cause;
    };
    const expected = { name: 'WaveSpeedError', message: '`onProgress` threw: my error.', cause };
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
  });
});

describe('aborting an upload', () => {
  const reason = { my: 'reason' };

  it('sends nothing when the signal is already aborted', async () => {
    const { api } = await uploadService();
    const signal = AbortSignal.abort(reason);
    expect(await failure(uploadClient(api.url).upload(new Blob([picture()]), { signal }))).toBe(reason);
    expect(api.requests).toHaveLength(0);
  });

  it('rejects at once when aborted during the ticket request, and sends no file', async () => {
    const controller = new AbortController();
    const { api, storage } = await uploadService({
      api: () => {
        controller.abort(reason);
        return true;
      },
    });
    const { signal } = controller;
    expect(await failure(uploadClient(api.url).upload(new Blob([picture()]), { signal }))).toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([api.requests.length, storage.requests.length]).toEqual([1, 0]);
  });

  it('closes the connection and the file when aborted during the PUT', async () => {
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
    expect(await failure(uploadClient(api.url).upload(path, { signal: controller.signal }))).toBe(reason);
    await vi.waitFor(() => expect([broken, openFiles(path)]).toEqual([true, 0]));
    expect([api.requests.length, storage.requests.length]).toEqual([1, 1]);
  });

  it('rejects at once when aborted during the delay of a retry', async () => {
    const controller = new AbortController();
    const { api, storage } = await uploadService({
      put: (_taken, response) => {
        response.writeHead(503, { 'retry-after': '30' }).end();
      },
    });
    const onRetry = () => setImmediate(() => controller.abort(reason));
    const kling = uploadClient(api.url, { onRetry });
    expect(await failure(kling.upload(new Blob([picture()]), { signal: controller.signal }))).toBe(reason);
    expect(storage.requests).toHaveLength(1);
  });
});

describe('uploading the same file twice', () => {
  it('uploads a Blob, a File or a file on disk once, concurrently and later', async () => {
    const { api, storage } = await uploadService();
    const kling = uploadClient(api.url);
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
    await uploadClient(api.url).upload(new Blob([picture()]));
    expect(api.requests).toHaveLength(5);
  });

  it('uploads a file again after six days, before its URL expires', async () => {
    const { api, storage } = await uploadService();
    const kling = uploadClient(api.url);
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

  it('uploads a file again when it has changed on disk', async () => {
    const { api, storage } = await uploadService();
    const kling = uploadClient(api.url);
    const path = file('a.png', picture());
    await kling.upload(path);
    writeFileSync(path, picture());
    utimesSync(path, new Date(), new Date(Date.now() + 5000));
    await kling.upload(path);
    expect(storage.requests).toHaveLength(2);
  });

  it('uploads a file again when another of the same size and time has replaced it', async () => {
    const { api, storage } = await uploadService();
    const kling = uploadClient(api.url);
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

  it('uploads a file again after a failed upload', async () => {
    let puts = 0;
    const { api, storage } = await uploadService({
      put: (_taken, response) => void response.writeHead(++puts === 1 ? 400 : 200).end(),
    });
    const kling = uploadClient(api.url);
    const blob = new Blob([picture()]);
    const both = await Promise.allSettled([kling.upload(blob), kling.upload(blob)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(storage.requests).toHaveLength(1);
    expect(await kling.upload(blob)).toBe('https://cdn.example/2.bin');
  });

  it('continues a shared upload when one caller aborts, and aborts it when all do', async () => {
    const waiting: (() => void)[] = [];
    const { api, storage } = await uploadService({
      put: (_taken, response) => void waiting.push(() => response.end()),
    });
    const kling = uploadClient(api.url);
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

describe('a file that changes during its upload', () => {
  it('rejects with UploadError instead of sending a mix of two versions', async () => {
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
    const error = await failure(uploadClient(api.url).upload(path));
    expect(error).toBeInstanceOf(UploadError);
    expect(error).toMatchObject({ reason: 'changed', file: '"a.mp4"' });
    expect(storage.requests).toHaveLength(1);
  });
});
