// Responses that are not the file, redirects, and aborts.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { DownloadError } from 'wavespeed-kling';
import { client, failure, fileServer, movie, serve, task, temporaryDirectory } from './support.js';

describe('a response that is not the file', () => {
  it.each([403, 404, 410])('rejects with reason expired for %i, without a retry', async (status) => {
    const server = await serve((_taken, response) => void response.writeHead(status).end());
    const directory = temporaryDirectory();
    const error = await failure(client().download(task([`${server.url}/a.mp4?signature=secret`]), directory));
    expect(error).toBeInstanceOf(DownloadError);
    expect(error).toMatchObject({ reason: 'expired', status, predictionId: 'task-1' });
    expect(error.message).toMatch(/7 days/);
    expect(error.message).not.toContain('secret');
    expect(error.message).not.toContain('wait(');
    expect(server.requests).toHaveLength(1);
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([
    [401, {}, 'refused'],
    [400, {}, 'refused'],
    [204, {}, 'refused'],
    [304, {}, 'refused'],
    [200, { 'content-type': 'text/html; charset=utf-8' }, 'not_media'],
    [200, { 'content-type': 'application/json' }, 'not_media'],
    [200, { 'content-type': 'application/problem+json' }, 'not_media'],
    [200, { 'content-type': 'video/mp4', 'content-encoding': 'gzip' }, 'refused'],
    [200, { 'content-type': 'video/mp4', 'content-encoding': 'aws-chunked, br' }, 'refused'],
    [200, { 'content-type': 'video/mp4', 'content-length': '0' }, 'not_media'],
  ])('rejects %i with %j: reason %s', async (status, headers, reason) => {
    const server = await serve((_taken, response) => {
      response.writeHead(status, headers as Record<string, string>).end();
    });
    const directory = temporaryDirectory();
    const error = await failure(client().download(`${server.url}/a.mp4`, directory));
    expect(error).toMatchObject({ name: 'DownloadError', reason });
    expect(server.requests).toHaveLength(1);
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each(['', 'identity', 'Identity', 'aws-chunked', 'aws-chunked, identity'])(
    'accepts the content encoding %j, which does not change the bytes',
    async (encoding) => {
      const server = await fileServer(movie(1000), { headers: { 'content-encoding': encoding } });
      const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory());
      expect(file?.bytes).toBe(1000);
    },
  );

  it('follows five redirects, but not a sixth', async () => {
    const bytes = movie(1000);
    const server = await serve((taken, response) => {
      const left = Number(taken.path.slice(1).replace('.mp4', ''));
      if (left === 0) response.writeHead(200, { 'content-type': 'video/mp4' }).end(bytes);
      else
        response
          .writeHead([301, 302, 303, 307, 308][left % 5] ?? 302, { location: `/${left - 1}.mp4` })
          .end();
    });
    const directory = temporaryDirectory();
    const [file] = await client().download(`${server.url}/5.mp4`, directory);
    expect(file?.path).toBe(join(directory, '5.mp4'));
    expect(server.requests).toHaveLength(6);
    const error = await failure(client().download(`${server.url}/6.mp4`, directory));
    expect(error).toMatchObject({ reason: 'refused' });
    expect(error.message).toContain('redirected more than 5 times');
    expect(server.requests).toHaveLength(12);
  });

  it.each(['file:///etc/passwd', 'ftp://x/', 'data:video/mp4,x', 'http://user:secret@127.0.0.1/'])(
    'does not follow a redirect to %s',
    async (location) => {
      const server = await serve((_taken, response) => void response.writeHead(302, { location }).end());
      const error = await failure(client().download(`${server.url}/a.mp4`, temporaryDirectory()));
      expect(error).toMatchObject({ reason: 'refused' });
      expect(error.message).not.toContain('secret');
    },
  );
});

describe('aborting a download', () => {
  const reason = { my: 'reason' };

  it('requests and creates nothing when the signal is already aborted', async () => {
    const server = await fileServer(movie(1000));
    const directory = join(temporaryDirectory(), 'new');
    const signal = AbortSignal.abort(reason);
    expect(await failure(client().download(`${server.url}/a.mp4`, directory, { signal }))).toBe(reason);
    expect(server.requests).toHaveLength(0);
    expect(existsSync(directory)).toBe(false);
  });

  it.each(['headers', 'body'])(
    'rejects at once when aborted before the %s, closes the connection, and leaves no file',
    async (when) => {
      const controller = new AbortController();
      let broken = false;
      const server = await serve((_taken, response) => {
        response.on('close', () => {
          broken = true;
        });
        if (when === 'headers') {
          controller.abort(reason);
          return;
        }
        response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': 1_000_000, etag: '"1"' });
        response.write(movie(300_000));
      });
      const directory = temporaryDirectory();
      const onProgress = () => controller.abort(reason);
      const download = client().download(`${server.url}/a.mp4`, directory, {
        signal: controller.signal,
        onProgress,
      });
      expect(await failure(download)).toBe(reason);
      expect(readdirSync(directory)).toEqual([]);
      await vi.waitFor(() => expect(broken).toBe(true));
      expect(server.requests).toHaveLength(1);
    },
  );

  it('rejects at once when aborted during the delay of a retry', async () => {
    const controller = new AbortController();
    const server = await serve(
      (_taken, response) => void response.writeHead(503, { 'retry-after': '30' }).end(),
    );
    const kling = client({ onRetry: () => setImmediate(() => controller.abort(reason)) });
    const { signal } = controller;
    expect(await failure(kling.download(`${server.url}/a.mp4`, temporaryDirectory(), { signal }))).toBe(
      reason,
    );
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['throws', false, 5_000_000],
    ['rejects', true, 5_000_000],
    ['rejects for the last bytes', true, 1000],
  ])('rejects when onProgress %s', async (_what, late, size) => {
    const server = await fileServer(movie(size));
    const directory = temporaryDirectory();
    const cause = new Error('my error');
    const onProgress = () => {
      if (late) return Promise.reject(cause);
      throw cause;
    };
    const error = await failure(client().download(task([`${server.url}/a.mp4`]), directory, { onProgress }));
    expect(error).toMatchObject({
      name: 'WaveSpeedError',
      message: '`onProgress` threw: my error.',
      predictionId: 'task-1',
      cause,
    });
    expect(readdirSync(directory)).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });
});
