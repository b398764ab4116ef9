import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Agent } from 'undici';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  ConnectionError,
  DownloadError,
  InvalidInputError,
  type Prediction,
  RequestTimeoutError,
  type WaveSpeedError,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import {
  client,
  failure,
  fileServer,
  KEY,
  movie,
  samples,
  serve,
  sha,
  type Taken,
  task,
  temporaryDirectory,
  type TestServer,
} from './support.js';

/** What the file system does wrong; node:fs itself otherwise. */
const disk = vi.hoisted(() => ({
  write: undefined as undefined | ((position: number) => void),
  link: undefined as undefined | (() => void),
}));

vi.mock(import('node:fs/promises'), async (original) => {
  const real = await original();
  return {
    ...real,
    open: async (...args: Parameters<typeof real.open>) => {
      const handle = await real.open(...args);
      const writev = handle.writev.bind(handle);
      return Object.assign(handle, {
        writev: async (buffers: readonly NodeJS.ArrayBufferView[], position?: number) => {
          disk.write?.(position ?? 0);
          return writev(buffers, position);
        },
      });
    },
    link: async (...args: Parameters<typeof real.link>) => {
      disk.link?.();
      return real.link(...args);
    },
  };
});

beforeEach(() => {
  disk.write = undefined;
  disk.link = undefined;
});

const errno = (code: string) => Object.assign(new Error(code), { code });

const DAY_1 = 'Mon, 01 Jan 2024 00:00:00 GMT';
const DAY_2 = 'Tue, 02 Jan 2024 00:00:00 GMT';

const ranged = (server: TestServer) =>
  server.requests.map(({ headers }) => [headers.range, headers['if-range']]);

describe('a download', () => {
  it('is in the directory under the task’s id, whole, with nothing beside it', async () => {
    const bytes = movie(3_000_001);
    const server = await fileServer(bytes);
    const directory = join(temporaryDirectory(), 'not', 'there', 'yet');
    const url = `${server.url}/some/path.mp4?signature=secret`;
    const files = await client().download(task([url]), directory);
    expect(files).toEqual([
      { path: join(directory, 'task-1-1.mp4'), url, bytes: 3_000_001, contentType: 'video/mp4' },
    ]);
    expect(readdirSync(directory)).toEqual(['task-1-1.mp4']);
    expect(sha(readFileSync(join(directory, 'task-1-1.mp4')))).toBe(sha(bytes));
    expect(server.requests).toHaveLength(1);
  });

  it('never takes the key along, not even to the API’s own origin, nor through a redirect to it', async () => {
    const bytes = movie(1000);
    const api = await fileServer(bytes);
    const other = await serve((_taken, response) => {
      response.writeHead(302, { location: `${api.url}/there.mp4` }).end();
    });
    const kling = client({ baseUrl: api.url });
    await kling.download(`${api.url}/a.mp4`, temporaryDirectory());
    await kling.download(`${other.url}/b.mp4`, temporaryDirectory());
    const requests = [...api.requests, ...other.requests];
    expect(requests).toHaveLength(3);
    for (const { headers } of requests) {
      expect(headers.authorization).toBeUndefined();
      expect(JSON.stringify(headers)).not.toContain(KEY);
    }
  });

  it('takes the directory as a file: URL, and a URL object', async () => {
    const server = await fileServer(movie(1000));
    const directory = temporaryDirectory();
    const [file] = await client().download(
      new URL(`${server.url}/a%20b.mp4`),
      pathToFileURL(`${directory}/`),
    );
    expect(file?.path).toBe(join(directory, 'a%20b.mp4'));
  });

  it('of several outputs numbers them, and tells how far each is', async () => {
    const bytes = movie(2_000_000);
    const server = await fileServer(bytes);
    const urls = [1, 2].map((number) => `${server.url}/${number}.mp4`);
    const directory = temporaryDirectory();
    const told: { url: string; loaded: number; total: number | undefined }[] = [];
    const files = await client().download(task(urls), directory, { onProgress: (each) => told.push(each) });
    expect(files.map(({ path }) => path)).toEqual([
      join(directory, 'task-1-1.mp4'),
      join(directory, 'task-1-2.mp4'),
    ]);
    for (const url of urls) {
      const loaded = told.filter((each) => each.url === url).map((each) => each.loaded);
      expect(loaded).toEqual([...loaded].sort((one, other) => one - other));
      expect(loaded.at(-1)).toBe(2_000_000);
    }
    expect(new Set(told.map(({ total }) => total))).toEqual(new Set([2_000_000]));
  });

  it('leaves none of several outputs when one cannot be had', async () => {
    const server = await serve((taken, response) => {
      if (taken.path === '/2.mp4') response.writeHead(410).end();
      else response.writeHead(200, { 'content-type': 'video/mp4' }).end(movie(1000));
    });
    const directory = temporaryDirectory();
    const error = await failure(
      client().download(task([`${server.url}/1.mp4`, `${server.url}/2.mp4`]), directory),
    );
    expect(error).toMatchObject({ reason: 'expired', predictionId: 'task-1' });
    expect(error.message).toContain('(output 2 of task task-1)');
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('the name', () => {
  it.each([
    ['video/mp4', '/x', 'mp4'],
    ['video/mp4; codecs="avc1"', '/x.mov', 'mp4'],
    ['video/quicktime', '/x.mp4', 'mov'],
    ['video/webm', '/x', 'webm'],
    ['image/jpeg', '/x', 'jpg'],
    ['application/octet-stream', '/x.webm', 'webm'],
    ['application/octet-stream', '/x.exe', 'mp4'],
    ['application/octet-stream', '/x', 'mp4'],
    ['', '/x', 'mp4'],
  ])(
    'ends as the content type %s says, else as the URL %s, else as the content: .%s',
    async (type, path, ending) => {
      const server = await serve((_taken, response) => {
        response.writeHead(200, type === '' ? {} : { 'content-type': type }).end(movie(1000));
      });
      const [file] = await client().download(task([server.url + path]), temporaryDirectory());
      expect(file?.path.endsWith(`task-1-1.${ending}`)).toBe(true);
    },
  );

  it('is .bin where nothing tells', async () => {
    const server = await serve((_taken, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(Buffer.alloc(50, 'x'));
    });
    const [file] = await client().download(`${server.url}/`, temporaryDirectory());
    expect(file?.path.endsWith('download.bin')).toBe(true);
  });

  it.each([
    ['../../etc/passwd', '%2E.%2F..%2Fetc%2Fpasswd-1.mp4'],
    ['..\\..\\windows', '%2E.%5C..%5Cwindows-1.mp4'],
    ['/absolute', '%2Fabsolute-1.mp4'],
    ['a\0b\nc', 'a%00b%0Ac-1.mp4'],
    ['.hidden', '%2Ehidden-1.mp4'],
    ['con', 'con-1.mp4'],
    ['CON.x', '%43ON.x-1.mp4'],
    ['a%2Fb', 'a%252Fb-1.mp4'],
    ['狐', '%E7%8B%90-1.mp4'],
    ['a:b*c?"<>|', 'a%3Ab%2Ac%3F%22%3C%3E%7C-1.mp4'],
  ])('is safe for the id %j', async (id, name) => {
    const server = await fileServer(movie(100));
    const directory = temporaryDirectory();
    const [file] = await client().download(task([`${server.url}/x.mp4`], id), directory);
    expect(file?.path).toBe(join(directory, name));
    expect(dirname(file?.path ?? '')).toBe(directory);
    expect(readdirSync(directory)).toEqual([name]);
  });

  it('is short for a long id, and another for another id', async () => {
    const server = await fileServer(movie(100));
    const directory = temporaryDirectory();
    const ids = ['狐'.repeat(300), `${'狐'.repeat(299)}a`];
    for (const id of ids) await client().download(task([`${server.url}/x.mp4`], id), directory);
    const names = readdirSync(directory);
    expect(names).toHaveLength(2);
    for (const name of names) expect(name).toMatch(/^(%[0-9A-F]{2})+-[0-9a-f]{16}\.mp4$/);
  });

  it.each([
    ['/clip.mp4?name=../evil', 'clip.mp4'],
    ['/a/%2e%2e%2fevil.mp4', '%2E.%2Fevil.mp4'],
    ['/nul.mp4', '%6Eul.mp4'],
    ['/%zz.mp4', '%25zz.mp4'],
    ['/', 'download.mp4'],
    ['/version-1.2', 'version-1.2.mp4'],
  ])('of the URL %s is %s', async (path, name) => {
    const server = await fileServer(movie(100));
    const directory = temporaryDirectory();
    await client().download(server.url + path, directory);
    expect(readdirSync(directory)).toEqual([name]);
  });
});

describe('a connection that breaks', () => {
  const bytes = movie(1_000_000);

  it('is taken up where it broke off, with Range and If-Range', async () => {
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

  it('again and again does not end a download that gets on', async () => {
    const server = await fileServer(bytes, { cutAfter: () => 260_000 });
    const [file] = await client({ maxRetries: 1 }).download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(server.requests.length).toBeGreaterThanOrEqual(4);
  });

  it('is taken up by Last-Modified where there is no ETag and it is old enough', async () => {
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
  ])('is begun anew with %s, which proves nothing', async (_what, options) => {
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

  it('is begun anew where the server does not do ranges', async () => {
    const server = await fileServer(bytes, {
      ranges: false,
      cutAfter: (request) => (request === 1 ? 400_000 : undefined),
    });
    const told: number[] = [];
    const options = { onProgress: ({ loaded }: { loaded: number }) => void told.push(loaded) };
    const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory(), options);
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(server.requests).toHaveLength(2);
    expect(told.at(-1)).toBe(1_000_000);
  });

  it.each([
    ['answers with the new whole', { obeysIfRange: true, size: 1_200_000 }],
    ['answers with a new whole that is shorter', { obeysIfRange: true, size: 100_000 }],
    ['answers with a part of the new', { obeysIfRange: false, size: 1_200_000 }],
  ])('is begun anew when the file is another, where the server %s', async (_what, { obeysIfRange, size }) => {
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
    ['Last-Modified beside an ETag', { etag: '"v1"', 'last-modified': DAY_1 }, { 'last-modified': DAY_2 }],
  ])('is begun anew when a part comes from another edition by its %s', async (_what, first, second) => {
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

  it('is taken up by a part that does not repeat what the first answer said', async () => {
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
      'a part from another place',
      (response: ServerResponse) =>
        response
          .writeHead(206, { etag: '"v1"', 'content-range': `bytes 7-${bytes.length - 1}/${bytes.length}` })
          .end(bytes.subarray(7)),
    ],
    [
      'a part without saying which',
      (response: ServerResponse) => response.writeHead(206).end(bytes.subarray(7)),
    ],
  ])('is begun anew after %s', async (_what, answerRange) => {
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

  it('for good leaves nothing, and is not taken for the end', async () => {
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

  it('is no end where the server does not say how long the file is', async () => {
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

  it('is an end in chunks, which have one', async () => {
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

  it('is given up when nothing comes any more, and taken up again', async () => {
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

  it('a server that has an error is asked again; one that does not answer is a ConnectionError', async () => {
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

describe('a file that is there already', () => {
  it.each(['mp4', 'mov', 'jpg'])('is refused before anything is requested: .%s', async (ending) => {
    const server = await fileServer(movie(1000));
    const directory = temporaryDirectory();
    const path = join(directory, `task-1-1.${ending}`);
    writeFileSync(path, 'precious');
    const error = await failure(client().download(task([`${server.url}/a.mp4`]), directory));
    expect(error).toBeInstanceOf(DownloadError);
    expect(error).toMatchObject({ reason: 'exists', path, predictionId: 'task-1' });
    expect(error.message).toContain('overwrite: true');
    expect(server.requests).toHaveLength(0);
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('is refused where it is a link to nowhere, and no obstacle where it is something else', async () => {
    const server = await fileServer(movie(1000));
    const directory = temporaryDirectory();
    symlinkSync('/nowhere/at/all', join(directory, 'a.mp4'));
    expect(await failure(client().download(`${server.url}/a.mp4`, directory))).toMatchObject({
      reason: 'exists',
    });
    writeFileSync(join(directory, 'b.json'), '{}');
    await client().download(`${server.url}/b.mp4`, directory);
    expect(readdirSync(directory).sort()).toEqual(['a.mp4', 'b.json', 'b.mp4']);
  });

  it('is replaced with overwrite, and only when the new one is whole', async () => {
    const bytes = movie(1000);
    const directory = temporaryDirectory();
    const path = join(directory, 'a.mp4');
    writeFileSync(path, 'old');
    const broken = await fileServer(bytes, { cutAfter: () => 500 });
    const kling = client({ maxRetries: 0 });
    await failure(kling.download(`${broken.url}/a.mp4`, directory, { overwrite: true }));
    expect(readFileSync(path, 'utf8')).toBe('old');
    const whole = await fileServer(bytes);
    await kling.download(`${whole.url}/a.mp4`, directory, { overwrite: true });
    expect(sha(readFileSync(path))).toBe(sha(bytes));
    expect(readdirSync(directory)).toEqual(['a.mp4']);
  });

  it.each([undefined, 'EPERM'])('is not touched when it has appeared meanwhile (links: %s)', async (code) => {
    if (code !== undefined) {
      disk.link = () => {
        throw errno(code);
      };
    }
    const directory = temporaryDirectory();
    const path = join(directory, 'a.mp4');
    const server = await serve((_taken, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4' });
      response.write(movie(1000));
      setTimeout(() => {
        writeFileSync(path, 'precious');
        response.end();
      }, 30);
    });
    const error = await failure(client().download(`${server.url}/a.mp4`, directory));
    expect(error).toMatchObject({ name: 'DownloadError', reason: 'exists', path });
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(readdirSync(directory)).toEqual(['a.mp4']);
  });

  it('two downloads of the same at once do not meet: one is whole, the other refused; or both, with overwrite', async () => {
    const bytes = movie(2_000_000);
    const server = await fileServer(bytes);
    for (const overwrite of [false, true]) {
      const directory = temporaryDirectory();
      const kling = client();
      const both = await Promise.allSettled(
        [1, 2].map(() => kling.download(`${server.url}/a.mp4`, directory, { overwrite })),
      );
      const refused = both.filter(({ status }) => status === 'rejected');
      expect(refused).toHaveLength(overwrite ? 0 : 1);
      for (const each of refused) expect(each).toMatchObject({ reason: { reason: 'exists' } });
      expect(readdirSync(directory)).toEqual(['a.mp4']);
      expect(sha(readFileSync(join(directory, 'a.mp4')))).toBe(sha(bytes));
    }
  });

  it('works where there are no hard links', async () => {
    disk.link = () => {
      throw errno('ENOTSUP');
    };
    const bytes = movie(1000);
    const server = await fileServer(bytes);
    const directory = temporaryDirectory();
    await client().download(`${server.url}/a.mp4`, directory);
    expect(readdirSync(directory)).toEqual(['a.mp4']);
    expect(sha(readFileSync(join(directory, 'a.mp4')))).toBe(sha(bytes));
  });
});

describe('a disk', () => {
  it.each([
    ['ENOSPC', 'disk_full'],
    ['EDQUOT', 'disk_full'],
    ['EIO', 'write_failed'],
  ])('that fails with %s in midst of it is %s, tried once, and nothing is left', async (code, reason) => {
    disk.write = (position) => {
      if (position > 0) throw errno(code);
    };
    const server = await fileServer(movie(5_000_000));
    const directory = temporaryDirectory();
    const error = await failure(client().download(task([`${server.url}/a.mp4`]), directory));
    expect(error).toBeInstanceOf(DownloadError);
    expect(error).toMatchObject({ reason, predictionId: 'task-1', path: join(directory, 'task-1-1.mp4') });
    expect(error.message).toContain(code);
    expect(readdirSync(directory)).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  it('without the directory, or with a file in its place, is write_failed before anything is requested', async () => {
    const server = await fileServer(movie(1000));
    const path = join(temporaryDirectory(), 'file');
    writeFileSync(path, '');
    for (const directory of [path, join(path, 'below')]) {
      const error = await failure(client().download(`${server.url}/a.mp4`, directory));
      expect(error).toMatchObject({ name: 'DownloadError', reason: 'write_failed', path: directory });
    }
    expect(server.requests).toHaveLength(0);
  });

  it('with a directory under the file’s name refuses it', async () => {
    const server = await fileServer(movie(1000));
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'a.mp4'));
    for (const [overwrite, reason] of [
      [false, 'exists'],
      [true, 'write_failed'],
    ] as const) {
      const error = await failure(client().download(`${server.url}/a.mp4`, directory, { overwrite }));
      expect(error).toMatchObject({ name: 'DownloadError', reason });
    }
    expect(readdirSync(directory)).toEqual(['a.mp4']);
  });
});

describe('an answer that is not the file', () => {
  it.each([403, 404, 410])('%i is expired, and not asked for again', async (status) => {
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
  ])('%i with %j is %s', async (status, headers, reason) => {
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
    'is not meant by the encoding %j, which is none',
    async (encoding) => {
      const server = await fileServer(movie(1000), { headers: { 'content-encoding': encoding } });
      const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory());
      expect(file?.bytes).toBe(1000);
    },
  );

  it('follows five redirects, and not a sixth', async () => {
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

describe('an abort', () => {
  const reason = { my: 'reason' };

  it('before the call requests nothing and makes nothing', async () => {
    const server = await fileServer(movie(1000));
    const directory = join(temporaryDirectory(), 'new');
    const signal = AbortSignal.abort(reason);
    expect(await failure(client().download(`${server.url}/a.mp4`, directory, { signal }))).toBe(reason);
    expect(server.requests).toHaveLength(0);
    expect(existsSync(directory)).toBe(false);
  });

  it.each(['headers', 'body'])(
    'while the %s are awaited ends it at once, breaks the connection, and leaves nothing',
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

  it('while it waits to try again ends the wait', async () => {
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
    ['rejects when told of the last bytes', true, 1000],
  ])('a callback that %s ends it as well, with an error that says so', async (_what, late, size) => {
    const server = await fileServer(movie(size));
    const directory = temporaryDirectory();
    const cause = new Error('my mistake');
    const onProgress = () => {
      if (late) return Promise.reject(cause);
      throw cause;
    };
    const error = await failure(client().download(task([`${server.url}/a.mp4`]), directory, { onProgress }));
    expect(error).toMatchObject({
      name: 'WaveSpeedError',
      message: '`onProgress` threw: my mistake.',
      predictionId: 'task-1',
      cause,
    });
    expect(readdirSync(directory)).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });
});

describe('what cannot be downloaded is refused before anything is requested', () => {
  it.each([
    [
      'a task that is not done',
      task(['https://x.example/a.mp4'], 't', 'processing'),
      /task t is processing; .*wait\('t'\)/,
    ],
    ['a task that failed', task([], 't', 'failed'), /task t is failed/],
    ['a task without outputs', task([]), /task task-1 has no outputs/],
    ['an output that is no URL', task(['nonsense']), /output 1 of task task-1 is not an http\(s\) URL/],
    ['an output of another scheme', task(['file:///etc/passwd']), /not an http\(s\) URL/],
    ['an id', 'task-1', /expected a task or the URL of an output/],
    ['a URL of another scheme', 'ftp://x.example/a.mp4', /not an http\(s\) URL/],
    ['nothing', undefined, /got undefined; expected a task/],
  ])('%s', async (_what, source, message) => {
    const directory = join(temporaryDirectory(), 'new');
    const error = await failure(client().download(source as Prediction, directory));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error.message).toMatch(message);
    expect(existsSync(directory)).toBe(false);
  });

  it.each([
    ['no directory', undefined, {}, /directory: got undefined/],
    ['an empty one', '', {}, /directory: got ""/],
    ['a URL', new URL('https://x.example/'), {}, /directory: got a https: URL/],
    [
      'an option that is not known',
      '.',
      { overWrite: true },
      /`overWrite`: not an option; did you mean `overwrite`/,
    ],
    [
      'an overwrite that is neither',
      '.',
      { overwrite: 'no' },
      /`overwrite`: got a string; expected true or false/,
    ],
    ['an onProgress that is none', '.', { onProgress: 1 }, /`onProgress`: got/],
  ])('%s', async (_what, directory, options, message) => {
    const url = 'http://127.0.0.1:1/a.mp4';
    expect(String(await failure(client().download(url, directory as string, options as object)))).toMatch(
      message,
    );
  });
});

describe('through the caller’s own means', () => {
  const bytes = movie(1_000_000);
  const cutOnce = { cutAfter: (request: number) => (request === 1 ? 400_000 : undefined) };

  it('a fetch, resumed as well', async () => {
    const server = await fileServer(bytes, cutOnce);
    const seen: (string | undefined)[] = [];
    const fetch: typeof globalThis.fetch = (input, init) => {
      seen.push(init?.redirect);
      return globalThis.fetch(input, init);
    };
    const [file] = await client({ fetch }).download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(seen).toEqual(['manual', 'manual']);
    expect(server.requests[1]?.headers.range).toMatch(/^bytes=\d+-$/);
    for (const { headers } of server.requests as Taken[]) expect(headers.authorization).toBeUndefined();
  });

  it('a fetch that gives a bare Response', async () => {
    const fetch: typeof globalThis.fetch = async () =>
      new Response(samples.mp4?.bytes, { headers: { 'content-type': 'video/mp4' } });
    const [file] = await client({ fetch }).download('https://cdn.example/a.mp4', temporaryDirectory());
    expect(file?.bytes).toBe(256);
  });

  it('a fetch whose body ends before it should is not taken for whole', async () => {
    const fetch: typeof globalThis.fetch = async () =>
      new Response(samples.mp4?.bytes, { headers: { 'content-type': 'video/mp4', 'content-length': '257' } });
    const directory = temporaryDirectory();
    const kling = client({ fetch, maxRetries: 0 });
    const error = await failure(kling.download('https://cdn.example/a.mp4', directory));
    expect(error).toMatchObject({ name: 'DownloadError', reason: 'incomplete' });
    expect(error.message).toContain('it ended after 256 of 257 bytes');
    expect(readdirSync(directory)).toEqual([]);
  });

  it('a dispatcher', async () => {
    const server = await fileServer(bytes, cutOnce);
    let count = 0;
    const agent = new Agent();
    onTestFinished(() => agent.close());
    const dispatcher = agent.compose((dispatch) => (options, handler) => {
      count += 1;
      return dispatch(options, handler);
    });
    const [file] = await client({ dispatcher }).download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(count).toBe(2);
  });
});
