// Which URLs a download may request, how large and how long it may be, and what a killed one leaves behind.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { DownloadError, InvalidInputError, RequestTimeoutError } from 'wavespeed-kling';
import { isPrivateHost } from '../../src/media/media-url.js';
import {
  client,
  failure,
  fileServer,
  movie,
  samples,
  serve,
  sha,
  task,
  temporaryDirectory,
} from './support.js';

/** A fetch that serves the given redirects, and else a video; `requested` lists the URLs. */
function network(redirects: Record<string, string> = {}) {
  const requested: string[] = [];
  const fetch = (async (url: string) => {
    requested.push(url);
    const location = redirects[url];
    if (location !== undefined) return new Response(null, { status: 302, headers: { location } });
    return new Response(samples.mp4?.bytes, { headers: { 'content-type': 'video/mp4' } });
  }) as typeof globalThis.fetch;
  return { fetch, requested };
}

const PRIVATE_HOSTS = [
  'localhost',
  'LOCALHOST.',
  'api.localhost',
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '[::]',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:a9fe:a9fe]',
  '[64:ff9b::7f00:1]',
  '[fc00::1]',
  '[fd12:3456::1]',
  '[fe80::1]',
];

describe('the URLs that a download may request', () => {
  it.each(PRIVATE_HOSTS)('rejects the private host %s before any request', async (host) => {
    const { fetch, requested } = network();
    const directory = join(temporaryDirectory(), 'new');
    const kling = client({ fetch, baseUrl: 'https://api.example' });
    const error = await failure(kling.download(task([`https://${host}/a.mp4?secret`]), directory));
    expect(error).toBeInstanceOf(DownloadError);
    expect(error).toMatchObject({ reason: 'refused', predictionId: 'task-1' });
    expect(error.message).toContain('loopback, private or link-local');
    expect(error.message).not.toContain('secret');
    expect([requested.length, existsSync(directory)]).toEqual([0, false]);
  });

  it.each([
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '[2606:4700::1111]',
    '[::ffff:8.8.8.8]',
    'localhost.example',
  ])('allows the public host %s', (host) => {
    expect(isPrivateHost(new URL(`https://${host}/`))).toBe(false);
  });

  it.each(PRIVATE_HOSTS)('does not follow a redirect to the private host %s', async (host) => {
    const { fetch, requested } = network({ 'https://cdn.example/a.mp4': `https://${host}/b.mp4` });
    const kling = client({ fetch, baseUrl: 'https://api.example' });
    const directory = temporaryDirectory();
    const error = await failure(kling.download('https://cdn.example/a.mp4', directory));
    expect(error).toMatchObject({ name: 'DownloadError', reason: 'refused' });
    expect(requested).toEqual(['https://cdn.example/a.mp4']);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('rejects http, first and on every hop, when the base URL is https', async () => {
    const { fetch, requested } = network({
      'https://cdn.example/1.mp4': 'https://cdn.example/2.mp4',
      'https://cdn.example/2.mp4': 'http://cdn.example/3.mp4',
    });
    const kling = client({ fetch, baseUrl: 'https://api.example' });
    for (const url of ['http://cdn.example/1.mp4', 'https://cdn.example/1.mp4']) {
      const error = await failure(kling.download(url, temporaryDirectory()));
      expect(error).toMatchObject({ name: 'DownloadError', reason: 'refused' });
      expect(error.message).toContain('http is not allowed; expected an https URL');
    }
    expect(requested).toEqual(['https://cdn.example/1.mp4', 'https://cdn.example/2.mp4']);
  });

  it('allows http when the base URL is http, and private hosts only when it is private itself', async () => {
    const { fetch, requested } = network();
    const byHttp = client({ fetch, baseUrl: 'http://api.example' });
    await byHttp.download('http://cdn.example/a.mp4', temporaryDirectory());
    await failure(byHttp.download('http://10.0.0.1/a.mp4', temporaryDirectory()));
    const privately = client({ fetch, baseUrl: 'https://192.168.0.1' });
    await privately.download('https://10.0.0.1/a.mp4', temporaryDirectory());
    await failure(privately.download('http://10.0.0.1/a.mp4', temporaryDirectory()));
    expect(requested).toEqual(['http://cdn.example/a.mp4', 'https://10.0.0.1/a.mp4']);
  });
});

describe('the limits of a download', () => {
  it('rejects a file over maxBytes by its length, before a byte is written', async () => {
    const server = await fileServer(movie(100_001));
    const directory = temporaryDirectory();
    const onProgress = vi.fn();
    const download = client().download(`${server.url}/a.mp4`, directory, { maxBytes: 100_000, onProgress });
    const error = await failure(download);
    expect(error).toMatchObject({ name: 'DownloadError', reason: 'too_large' });
    expect(error.message).toContain('`maxBytes` is 100000');
    expect(onProgress).not.toHaveBeenCalled();
    expect([server.requests.length, readdirSync(directory)]).toEqual([1, []]);
  });

  it('stops at maxBytes when the server sends no length', async () => {
    let ended = false;
    const server = await serve((_taken, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4' });
      const send = () => {
        if (!ended) response.write(movie(100_000), () => setImmediate(send));
      };
      response.on('close', () => {
        ended = true;
      });
      send();
    });
    const directory = temporaryDirectory();
    const error = await failure(client().download(`${server.url}/a.mp4`, directory, { maxBytes: 1_000_000 }));
    expect(error).toMatchObject({ name: 'DownloadError', reason: 'too_large' });
    expect([server.requests.length, readdirSync(directory)]).toEqual([1, []]);
    await vi.waitFor(() => expect(ended).toBe(true));
  });

  it('downloads a file of exactly maxBytes', async () => {
    const server = await fileServer(movie(100_000));
    const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory(), {
      maxBytes: 100_000,
    });
    expect(file?.bytes).toBe(100_000);
  });

  it('has a default of 2 GiB', async () => {
    const fetch = (async () => {
      const headers = { 'content-type': 'video/mp4', 'content-length': String(2 * 1024 ** 3 + 1) };
      return new Response('x', { headers });
    }) as typeof globalThis.fetch;
    const error = await failure(
      client({ fetch }).download('https://cdn.example/a.mp4', temporaryDirectory()),
    );
    expect(error).toMatchObject({ reason: 'too_large' });
  });

  it('ends a download that goes on byte by byte after timeoutMs, without a retry', async () => {
    const server = await serve((_taken, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': 1_000_000 });
      const timer = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(timer));
    });
    const directory = temporaryDirectory();
    const download = client().download(task([`${server.url}/a.mp4`]), directory, { timeoutMs: 2000 });
    const error = await failure(download);
    expect(error).toBeInstanceOf(RequestTimeoutError);
    expect(error).toMatchObject({ predictionId: 'task-1' });
    expect(error.message).toContain('timeoutMs (2000 ms) ran out before the download was complete');
    expect([server.requests.length, readdirSync(directory)]).toEqual([1, []]);
  });

  it.each([
    [{ maxBytes: 0 }, /`maxBytes`: got 0; expected/],
    [{ maxBytes: '1' }, /`maxBytes`: got a string; expected/],
    [{ timeoutMs: 0 }, /`timeoutMs`: got 0; expected/],
    [{ maxRetries: -1 }, /`maxRetries`: got -1; expected/],
  ])('rejects the options %j', async (options, message) => {
    const download = client().download('https://cdn.example/a.mp4', '.', options as object);
    expect(String(await failure(download))).toMatch(message);
  });

  it('takes maxRetries for one call', async () => {
    const server = await serve(
      (_taken, response) => void response.writeHead(503, { 'retry-after': '0' }).end(),
    );
    await failure(client().download(`${server.url}/a.mp4`, temporaryDirectory(), { maxRetries: 0 }));
    expect(server.requests).toHaveLength(1);
  });
});

describe('a 206 response', () => {
  const bytes = movie(1_000_000);

  it.each(['with an ETag', 'without a validator'])(
    'is discarded when it was not requested: %s',
    async (what) => {
      const server = await serve((_taken, response) => {
        const etag = what === 'with an ETag' ? { etag: '"v1"' } : {};
        if (server.requests.length > 1) {
          response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': bytes.length }).end(bytes);
          return;
        }
        const range = { 'content-range': `bytes 0-${bytes.length - 1}/${bytes.length}` };
        response.writeHead(206, { 'content-type': 'video/mp4', ...range, ...etag }).end(movie(bytes.length));
      });
      const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory());
      expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
      expect(server.requests.map(({ headers }) => headers.range)).toEqual([undefined, undefined]);
    },
  );

  it('rejects with reason refused when it was not requested twice', async () => {
    const server = await serve((_taken, response) => {
      const range = { 'content-range': `bytes 0-${bytes.length - 1}/${bytes.length}` };
      response.writeHead(206, { 'content-type': 'video/mp4', ...range }).end(bytes);
    });
    const directory = temporaryDirectory();
    const error = await failure(client().download(`${server.url}/a.mp4`, directory));
    expect(error).toMatchObject({ name: 'DownloadError', reason: 'refused', status: 206 });
    expect([server.requests.length, readdirSync(directory)]).toEqual([2, []]);
  });

  it('restarts the download when it has no validator', async () => {
    const other = movie(bytes.length);
    const server = await serve((taken, response) => {
      const start = Number(/bytes=(\d+)-/.exec(taken.headers.range ?? '')?.[1] ?? 0);
      const content = server.requests.length === 1 ? bytes : other;
      response.writeHead(start > 0 ? 206 : 200, {
        'content-type': 'video/mp4',
        'content-length': content.length - start,
        ...(start > 0
          ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }
          : { etag: '"v1"' }),
      });
      if (server.requests.length > 1) response.end(content.subarray(start));
      else response.write(content.subarray(0, 400_000), () => response.destroy());
    });
    const [file] = await client().download(`${server.url}/a.mp4`, temporaryDirectory());
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(other));
    expect(server.requests.map(({ headers }) => headers.range !== undefined)).toEqual([false, true, false]);
  });
});

describe('the partial file of a killed process', () => {
  it('the partial file of a killed process is removed by the next download of the same file; that of a running one is kept', async () => {
    const bytes = movie(1_000_000);
    const waiting: (() => void)[] = [];
    const server = await serve((_taken, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': bytes.length });
      response.write(bytes.subarray(0, 300_000));
      waiting.push(() => response.end(bytes.subarray(300_000)));
      if (waiting.length > 1) waiting[1]?.();
    });
    const directory = temporaryDirectory();
    const url = `${server.url}/a.mp4`;
    const running = client().download(url, directory, { ifExists: 'overwrite' });
    const partials = () => readdirSync(directory).filter((name) => name.endsWith('.part'));
    await vi.waitFor(() => expect(partials()).toHaveLength(1));
    const [live = ''] = partials();
    // As a killed process leaves it: the same name but for the process id and the random part.
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const leftover = live.replace(/-\d+-[0-9a-f]{12}\.part$/, `-${pid}-000000000000.part`);
    const before = live.replace(/[0-9a-f]{12}\.part$/, '000000000001.part');
    const foreign = live.replace(/\.[0-9a-f]{8}-/, '.00000000-');
    const old = foreign.replace(/[0-9a-f]{12}\.part$/, '000000000002.part');
    const another = leftover.replace('a.', 'b.');
    for (const name of [leftover, before, foreign, old, another]) writeFileSync(join(directory, name), 'x');
    const twoHoursAgo = new Date(Date.now() - 2 * 3600_000);
    // From before this process: its id was that of an earlier one, as in a container.
    utimesSync(join(directory, before), new Date(), new Date(Date.now() - process.uptime() * 1000 - 60_000));
    utimesSync(join(directory, old), twoHoursAgo, twoHoursAgo);

    await client().download(url, directory, { ifExists: 'overwrite' });
    expect(new Set(partials())).toEqual(new Set([live, foreign, another]));
    waiting[0]?.();
    const [file] = await running;
    expect(sha(readFileSync(file?.path ?? ''))).toBe(sha(bytes));
    expect(new Set(partials())).toEqual(new Set([foreign, another]));
  });
});

describe('nonsense from a server or caller', () => {
  it.each(['constructor', 'toString', '__proto__'])('rejects the content type %s', async (type) => {
    const { requests, url } = await fileServer(movie(1000), { headers: { 'content-type': type } });
    const directory = temporaryDirectory();
    const error = await failure(client().download(`${url}/a`, directory));
    expect(error).toMatchObject({ name: 'DownloadError', reason: 'not_media' });
    expect(error.message).toContain(`the content type is "${type}"; expected a video or an image`);
    expect([requests.length, readdirSync(directory)]).toEqual([1, []]);
  });

  it.each(['.', '..', 'a\ud800', '\udc00'])('rejects the id %j before anything is created', async (id) => {
    const directory = join(temporaryDirectory(), 'new');
    const error = await failure(client().download(task(['https://cdn.example/a.mp4'], id), directory));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error.message).toContain('which is not the id of a task');
    expect(existsSync(directory)).toBe(false);
  });

  it.each(['fox.mp4', 'fox.MP4', 'fox.jpg'])('rejects the file name %s as a directory', async (name) => {
    const { fetch, requested } = network();
    const directory = temporaryDirectory();
    const path = join(directory, name);
    for (const given of [path, pathToFileURL(path)]) {
      const error = await failure(client({ fetch }).download('https://cdn.example/a.mp4', given));
      expect(error).toBeInstanceOf(InvalidInputError);
      expect(error.message).toContain('expected the path of a directory');
    }
    expect([requested.length, readdirSync(directory)]).toEqual([0, []]);
  });

  it('downloads into a directory with an extension if it exists', async () => {
    const { fetch } = network();
    const path = join(temporaryDirectory(), 'fox.mp4');
    mkdirSync(path);
    const [file] = await client({ fetch }).download('https://cdn.example/a.mp4', path);
    expect(file?.path).toBe(join(path, 'a.mp4'));
  });
});
