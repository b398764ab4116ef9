// Responses that are not the file, redirects, and aborts.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { DownloadError } from 'wavespeed-kling';
import { client, failure, fileServer, movie, rawServer, serve, task, temporaryDirectory } from './support.js';

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

  const DAY_MS = 24 * 60 * 60_000;
  /** A task that was completed some time ago, 30 seconds after it was created. */
  const taskOf = (url: string, ageMs: number) => ({
    ...task([url]),
    created_at: new Date(Date.now() - ageMs - 30_000).toISOString(),
    timings: { inference: 30_000 },
  });

  it.each([
    [403, 10_000, 'refused'],
    [403, 8 * DAY_MS, 'expired'],
    [404, 5 * 60_000, 'refused'],
    [404, 6.9 * DAY_MS, 'refused'],
    [404, 7.1 * DAY_MS, 'expired'],
    [410, 10_000, 'expired'],
  ])(
    'a download is not retried for %i when the task was completed %i ms ago: reason %s',
    async (status, age, reason) => {
      const server = await serve((_taken, response) => void response.writeHead(status).end());
      const error = await failure(
        client().download(taskOf(`${server.url}/a.mp4`, age), temporaryDirectory()),
      );
      expect(error).toMatchObject({ reason, status });
      expect(server.requests).toHaveLength(1);
    },
  );

  it('takes the age of a task without `timings` from its `executionTime`', async () => {
    const server = await serve((_taken, response) => void response.writeHead(404).end());
    const aged = { ...taskOf(`${server.url}/a.mp4`, 300_000), timings: {}, executionTime: 330_000 };
    const error = await failure(client({ maxRetries: 0 }).download(aged, temporaryDirectory()));
    expect(error.message).toContain('completed about 0 min ago');
  });

  it('a task of five minutes ago without its duration may have been completed just now', async () => {
    const server = await serve((_taken, response) => {
      if (server.requests.length === 1) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': 'video/mp4' }).end(movie(1000));
    });
    const created = { ...taskOf(`${server.url}/a.mp4`, 300_000), timings: {} };
    const [file] = await client().download(created, temporaryDirectory());
    expect(file?.bytes).toBe(1000);
  });

  it('takes the age of a task from the clock of the server', async () => {
    const date = new Date(Date.now() + 8 * DAY_MS).toUTCString();
    const server = await serve((_taken, response) => void response.writeHead(404, { date }).end());
    const error = await failure(client().download(taskOf(`${server.url}/a.mp4`, 0), temporaryDirectory()));
    expect(error).toMatchObject({ reason: 'expired' });
    expect(server.requests).toHaveLength(1);
  });

  it('an output is asked for again after a 404 in the first minute, once a second, beyond maxRetries', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const server = await serve((_taken, response) => {
        if (server.requests.length <= 7) response.writeHead(404).end();
        else response.writeHead(200, { 'content-type': 'video/mp4' }).end(movie(1000));
      });
      const onRetry = vi.fn();
      const advance = setInterval(() => void vi.advanceTimersByTimeAsync(1000), 20);
      onTestFinished(() => clearInterval(advance));
      const kling = client({ maxRetries: 1, onRetry });
      const [file] = await kling.download(taskOf(`${server.url}/a.mp4`, 1000), temporaryDirectory());
      expect(file?.bytes).toBe(1000);
      expect(server.requests).toHaveLength(8);
      expect(onRetry).toHaveBeenCalledTimes(7);
      expect(onRetry.mock.calls[6]?.[0]).toMatchObject({
        operation: 'download',
        attempt: 7,
        delayMs: 1000,
        predictionId: 'task-1',
        error: { status: 404 },
      });
    } finally {
      vi.useRealTimers();
    }
  });

  it('an output is refused when the first minute is over', async () => {
    const completedAt = Date.now() - 59_000;
    const server = await serve((_taken, response) => {
      // By this clock, each request comes 500 ms after the one before.
      const date = new Date(completedAt + 59_000 + 500 * server.requests.length).toUTCString();
      response.writeHead(404, { date }).end();
    });
    const error = await failure(
      client().download(taskOf(`${server.url}/a.mp4`, 59_000), temporaryDirectory()),
    );
    expect(error).toMatchObject({ reason: 'refused', status: 404 });
    expect(error.message).toContain('about 1 min ago');
    expect(server.requests.length).toBeGreaterThan(1);
  });

  it('an output is not asked for again after a 404 in the first minute with maxRetries 0', async () => {
    const server = await serve((_taken, response) => void response.writeHead(404).end());
    const kling = client({ maxRetries: 0 });
    const error = await failure(kling.download(taskOf(`${server.url}/a.mp4`, 1000), temporaryDirectory()));
    expect(error).toMatchObject({ reason: 'refused', status: 404 });
    expect(server.requests).toHaveLength(1);
  });

  it('sends a User-Agent, without which some CDNs answer 403', async () => {
    const server = await fileServer(movie(1000));
    await client().download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(server.requests[0]?.headers['user-agent']).toMatch(/^wavespeed-kling\/\d/);
  });

  it.each([
    ['a Content-Length', 'Content-Length: 1000\r\n\r\n', movie(1000), movie(3000)],
    [
      'a chunked body',
      'Transfer-Encoding: chunked\r\n\r\n3e8\r\n',
      movie(1000),
      '\r\n0\r\n\r\n',
      movie(3000),
    ],
  ])('a download is incomplete with bytes beyond %s', async (_name, headers, ...parts) => {
    const server = await rawServer(`HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n${headers}`, ...parts);
    const directory = temporaryDirectory();
    const error = await failure(client({ maxRetries: 1 }).download(`${server.url}/a.mp4`, directory));
    expect(error).toMatchObject({ reason: 'incomplete' });
    expect(error.message).toContain('more bytes than the length of the response');
    expect([server.connections(), readdirSync(directory)]).toEqual([2, []]);
  });

  it('a download is complete when the server closes the connection right after it', async () => {
    const server = await rawServer(
      'HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 1000\r\n\r\n',
      movie(1000),
    );
    const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory());
    expect([file?.bytes, server.connections()]).toEqual([1000, 1]);
  });

  it.each(['gzip', 'gzip, chunked', 'deflate'])(
    'a download is incomplete with the transfer coding %s',
    async (coding) => {
      const server = await rawServer(
        `HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nTransfer-Encoding: ${coding}\r\n\r\n`,
        coding.endsWith('chunked') ? '3e8\r\n' : '',
        movie(1000),
        coding.endsWith('chunked') ? '\r\n0\r\n\r\n' : '',
      );
      const directory = temporaryDirectory();
      const error = await failure(client().download(`${server.url}/a.mp4`, directory));
      expect(error).toMatchObject({ reason: 'incomplete' });
      expect([server.connections(), readdirSync(directory)]).toEqual([1, []]);
    },
  );

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

  it.each([
    ['raw UTF-8', Buffer.from('/vid\u00e9o-\u72d0.mp4'), '/vid%C3%A9o-%E7%8B%90.mp4'],
    ['Latin-1', Buffer.from('/vid\u00e9o.mp4', 'latin1'), '/vid%C3%A9o.mp4'],
    ['spaces', Buffer.from('/my video.mp4'), '/my%20video.mp4'],
    ['escapes', Buffer.from('/vid%C3%A9o.mp4'), '/vid%C3%A9o.mp4'],
  ])('follows a redirect with %s in Location', async (_name, location, path) => {
    const bytes = movie(1000);
    const target = await fileServer(bytes);
    const first = await rawServer(
      `HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: ${target.url}`,
      location,
      '\r\n\r\n',
    );
    const [file] = await client().download(`${first.url}/a.mp4`, temporaryDirectory());
    expect(file?.bytes).toBe(1000);
    expect(target.requests.map((taken) => taken.path)).toEqual([path]);
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
