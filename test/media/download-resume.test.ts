// Broken connections: what a download resumes, and when it restarts.
import { readdirSync, readFileSync } from 'node:fs';
import { type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ConnectionError,
  DownloadError,
  RequestTimeoutError,
  type WaveSpeedError,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import {
  client,
  failure,
  fileServer,
  movie,
  serve,
  sha,
  task,
  temporaryDirectory,
  type TestServer,
} from './support.js';

const DAY_1 = 'Mon, 01 Jan 2024 00:00:00 GMT';
const DAY_2 = 'Tue, 02 Jan 2024 00:00:00 GMT';

const ranged = (server: TestServer) =>
  server.requests.map(({ headers }) => [headers.range, headers['if-range']]);

describe('a broken connection during a download', () => {
  const bytes = movie(1_000_000);

  it('resumes with Range and If-Range', async () => {
    const server = await fileServer(bytes, { cutAfter: (request) => (request === 1 ? 400_000 : undefined) });
    const retried: string[] = [];
    const onRetry: WaveSpeedKlingOptions['onRetry'] = ({ operation, predictionId }) => {
      retried.push(`${operation} ${predictionId}`);
    };
    const [file] = await client({ onRetry }).download(task([`${server.url}/a.mp4`]), temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(file?.bytes).toBe(1_000_000);
    expect(server.requests).toHaveLength(2);
    const from = Number(/^bytes=(\d+)-$/.exec(server.requests[1]?.headers.range ?? '')?.[1]);
    expect(from).toBeGreaterThan(0);
    expect(from).toBeLessThanOrEqual(400_000);
    expect(server.requests[1]?.headers['if-range']).toBe('"v1"');
    expect(server.requests.map(({ headers }) => headers['accept-encoding'])).toEqual([
      'identity',
      'identity',
    ]);
    expect(retried).toEqual(['download task-1']);
  });

  it('does not count attempts that made progress against maxRetries', async () => {
    const server = await fileServer(bytes, { cutAfter: () => 260_000 });
    const [file] = await client({ maxRetries: 1 }).download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(server.requests.length).toBeGreaterThanOrEqual(4);
  });

  it('resumes with an old enough Last-Modified when there is no ETag', async () => {
    const modified = new Date(Date.now() - 3600_000).toUTCString();
    const server = await fileServer(bytes, {
      etag: '',
      headers: { 'last-modified': modified },
      cutAfter: (request) => (request === 1 ? 400_000 : undefined),
    });
    const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(server.requests[1]?.headers['if-range']).toBe(modified);
  });

  it.each([
    ['a weak ETag', { etag: 'W/"v1"' }],
    ['no validator', { etag: '' }],
    [
      'a Last-Modified of just now',
      { etag: '', headers: { 'last-modified': new Date(Date.now() + 5000).toUTCString() } },
    ],
  ])('restarts with %s, which is not a strong validator', async (_what, options) => {
    const server = await fileServer(bytes, {
      ...options,
      cutAfter: (request) => (request === 1 ? 400_000 : undefined),
    });
    const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(ranged(server)).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  it('restarts when the server does not support ranges', async () => {
    const server = await fileServer(bytes, {
      ranges: false,
      cutAfter: (request) => (request === 1 ? 400_000 : undefined),
    });
    const reported: number[] = [];
    const options = { onProgress: ({ loaded }: { loaded: number }) => void reported.push(loaded) };
    const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory(), options);
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(server.requests).toHaveLength(2);
    expect(reported.at(-1)).toBe(1_000_000);
  });

  it.each([
    ['responds with the new file', { obeysIfRange: true, size: 1_200_000 }],
    ['responds with a shorter new file', { obeysIfRange: true, size: 100_000 }],
    ['responds with a part of the new file', { obeysIfRange: false, size: 1_200_000 }],
  ])('restarts when the file has changed and the server %s', async (_what, { obeysIfRange, size }) => {
    const other = movie(size);
    let count = 0;
    const server = await serve((taken, response) => {
      count += 1;
      const [content, etag] = count === 1 ? [bytes, '"v1"'] : [other, '"v2"'];
      const start = Number(/bytes=(\d+)-/.exec(taken.headers.range ?? '')?.[1] ?? 0);
      const partial = start > 0 && !obeysIfRange;
      const body = partial ? content.subarray(start) : content;
      response.writeHead(partial ? 206 : 200, {
        'content-type': 'video/mp4',
        'content-length': body.length,
        etag,
        ...(partial ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
      });
      if (count === 1) response.write(body.subarray(0, 400_000), () => response.destroy());
      else response.end(body);
    });
    const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(other));
    expect(file?.bytes).toBe(size);
    expect(server.requests).toHaveLength(obeysIfRange ? 2 : 3);
  });

  it.each([
    ['Last-Modified', { 'last-modified': DAY_1 }, { 'last-modified': DAY_2 }],
    ['ETag', { etag: '"v1"', 'last-modified': DAY_1 }, { etag: '"v2"', 'last-modified': DAY_1 }],
    [
      'Last-Modified in addition to an ETag',
      { etag: '"v1"', 'last-modified': DAY_1 },
      { 'last-modified': DAY_2 },
    ],
  ])('restarts when a part is of another version by its %s', async (_what, first, second) => {
    const other = movie(bytes.length);
    const server = await serve((taken, response) => {
      const start = Number(/bytes=(\d+)-/.exec(taken.headers.range ?? '')?.[1] ?? 0);
      const [content, edition] = server.requests.length === 1 ? [bytes, first] : [other, second];
      // If-Range is overlooked.
      response.writeHead(start > 0 ? 206 : 200, {
        'content-type': 'video/mp4',
        'content-length': content.length - start,
        ...(start > 0 ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
        ...(edition as Record<string, string>),
      });
      if (server.requests.length > 1) response.end(content.subarray(start));
      else response.write(content.subarray(0, 400_000), () => response.destroy());
    });
    const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(other));
    expect(server.requests.map(({ headers }) => headers.range !== undefined)).toEqual([false, true, false]);
  });

  it('resumes with a part that does not repeat every header of the first response', async () => {
    const server = await serve((taken, response) => {
      const start = Number(/bytes=(\d+)-/.exec(taken.headers.range ?? '')?.[1] ?? 0);
      const head = { 'content-type': 'video/mp4', 'content-length': bytes.length - start, etag: '"v1"' };
      if (start === 0) {
        response.writeHead(200, { ...head, 'last-modified': DAY_1 });
        response.write(bytes.subarray(0, 400_000), () => response.destroy());
        return;
      }
      const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
      response.writeHead(206, { ...head, 'content-range': range }).end(bytes.subarray(start));
    });
    const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(server.requests).toHaveLength(2);
  });

  it.each([
    ['416', (response: ServerResponse) => response.writeHead(416, { 'content-range': 'bytes */10' }).end()],
    [
      'a part from another position',
      (response: ServerResponse) =>
        response
          .writeHead(206, { etag: '"v1"', 'content-range': `bytes 7-${bytes.length - 1}/${bytes.length}` })
          .end(bytes.subarray(7)),
    ],
    [
      'a part without a Content-Range',
      (response: ServerResponse) => response.writeHead(206).end(bytes.subarray(7)),
    ],
  ])('restarts after %s', async (_what, answerRange) => {
    let count = 0;
    const server = await serve((taken, response) => {
      count += 1;
      if (taken.headers.range !== undefined) {
        answerRange(response);
        return;
      }
      response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': bytes.length, etag: '"v1"' });
      if (count === 1) response.write(bytes.subarray(0, 400_000), () => response.destroy());
      else response.end(bytes);
    });
    const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(server.requests.map(({ headers }) => headers.range !== undefined)).toEqual([false, true, false]);
  });

  it('rejects with reason incomplete after maxRetries, and leaves no file', async () => {
    const server = await fileServer(bytes, { ranges: false, cutAfter: () => 400_000 });
    const directory = temporaryDirectory();
    const error = await failure(
      client({ maxRetries: 1 }).download(task([`${server.url}/a.mp4?x=secret`]), directory),
    );
    expect(error).toBeInstanceOf(DownloadError);
    expect(error).toMatchObject({
      reason: 'incomplete',
      predictionId: 'task-1',
      path: join(directory, 'task-1-1.mp4'),
      cause: expect.any(ConnectionError),
    });
    expect(error.message).toMatch(/it broke off after \d+ of 1000000 bytes/);
    expect(error.message).not.toContain('secret');
    expect(error.message).not.toContain('wait(');
    expect(readdirSync(directory)).toEqual([]);
    expect(server.requests).toHaveLength(3);
  });

  it('rejects with reason incomplete when the server sends no length', async () => {
    const server = await serve((_taken, response) => {
      response.shouldKeepAlive = false;
      response.useChunkedEncodingByDefault = false;
      response.removeHeader('transfer-encoding');
      response.writeHead(200, { 'content-type': 'video/mp4', connection: 'close' });
      response.write(bytes.subarray(0, 300_000));
      response.end();
    });
    const directory = temporaryDirectory();
    const error = await failure(client().download(`${server.url}/a.mp4`, directory));
    expect(error).toMatchObject({ name: 'DownloadError', reason: 'incomplete' });
    expect(readdirSync(directory)).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  it('accepts a chunked response without a length', async () => {
    const server = await serve((_taken, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4' });
      response.write(bytes.subarray(0, 500_000));
      response.end(bytes.subarray(500_000));
    });
    const totals = new Set<number | undefined>();
    const options = { onProgress: ({ total }: { total: number | undefined }) => void totals.add(total) };
    const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory(), options);
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(totals).toEqual(new Set([undefined]));
  });

  it('resumes after requestTimeoutMs without progress', async () => {
    const server = await fileServer(bytes, {
      cutAfter: (request) => (request === 1 ? 400_000 : undefined),
      kind: 'stall',
    });
    const errors: WaveSpeedError[] = [];
    const kling = client({ requestTimeoutMs: 150, onRetry: ({ error }) => void errors.push(error) });
    const [file] = await kling.download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(errors).toEqual([expect.any(RequestTimeoutError)]);
    expect(server.requests).toHaveLength(2);
  });

  it('retries after a 503, and rejects with ConnectionError when the connection is refused', async () => {
    let count = 0;
    const server = await serve((_taken, response) => {
      count += 1;
      if (count === 1) response.writeHead(503, { 'retry-after': '0' }).end();
      else response.writeHead(200, { 'content-type': 'video/mp4' }).end(bytes);
    });
    await client().download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(server.requests).toHaveLength(2);
    const directory = temporaryDirectory();
    const error = await failure(
      client({ maxRetries: 0 }).download('http://127.0.0.1:1/a.mp4?secret', directory),
    );
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    expect(error.message).not.toContain('secret');
  });
});
