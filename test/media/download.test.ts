// Downloads: the files, their names, and invalid arguments.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Agent } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { InvalidInputError, type Prediction } from 'wavespeed-kling';
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
} from './support.js';

describe('download', () => {
  it('saves the complete output under the task’s id, and leaves no other file', async () => {
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

  it('never sends the key, not even to the origin of the API or after a redirect to it', async () => {
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

  it('accepts a URL object, and the directory as a file: URL', async () => {
    const server = await fileServer(movie(1000));
    const directory = temporaryDirectory();
    const [file] = await client().download(
      new URL(`${server.url}/a%20b.mp4`),
      pathToFileURL(`${directory}/`),
    );
    expect(file?.path).toBe(join(directory, 'a%20b.mp4'));
  });

  it('numbers several outputs, and reports the progress of each', async () => {
    const bytes = movie(2_000_000);
    const server = await fileServer(bytes);
    const urls = [1, 2].map((number) => `${server.url}/${number}.mp4`);
    const directory = temporaryDirectory();
    const reported: { url: string; loaded: number; total: number | undefined }[] = [];
    const files = await client().download(task(urls), directory, {
      onProgress: (each) => reported.push(each),
    });
    expect(files.map(({ path }) => path)).toEqual([
      join(directory, 'task-1-1.mp4'),
      join(directory, 'task-1-2.mp4'),
    ]);
    for (const url of urls) {
      const loaded = reported.filter((each) => each.url === url).map((each) => each.loaded);
      expect(loaded).toEqual([...loaded].sort((one, other) => one - other));
      expect(loaded.at(-1)).toBe(2_000_000);
    }
    expect(new Set(reported.map(({ total }) => total))).toEqual(new Set([2_000_000]));
  });

  it('saves none of several outputs when one fails', async () => {
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

describe('the name of a downloaded file', () => {
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
    'has the extension of the content type %s, else of the URL %s, else of the content: .%s',
    async (type, path, ending) => {
      const server = await serve((_taken, response) => {
        response.writeHead(200, type === '' ? {} : { 'content-type': type }).end(movie(1000));
      });
      const [file] = await client().download(task([server.url + path]), temporaryDirectory());
      expect(file?.path.endsWith(`task-1-1.${ending}`)).toBe(true);
    },
  );

  it('has the extension .bin when the type is unknown', async () => {
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

  it('a file name is short for a long id, and unique', async () => {
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
  ])('for the URL %s is %s', async (path, name) => {
    const server = await fileServer(movie(100));
    const directory = temporaryDirectory();
    await client().download(server.url + path, directory);
    expect(readdirSync(directory)).toEqual([name]);
  });
});

describe('invalid arguments of download', () => {
  it.each([
    [
      'a task that is not completed',
      task(['https://x.example/a.mp4'], 't', 'processing'),
      /task t is processing; .*wait\('t'\)/,
    ],
    ['a task that failed', task([], 't', 'failed'), /task t is failed/],
    ['a task without outputs', task([]), /task task-1 has no outputs/],
    ['an output that is not a URL', task(['nonsense']), /output 1 of task task-1 is not an http\(s\) URL/],
    ['an output of another scheme', task(['file:///etc/passwd']), /not an http\(s\) URL/],
    ['an id', 'task-1', /expected a task or the URL of an output/],
    ['a URL of another scheme', 'ftp://x.example/a.mp4', /not an http\(s\) URL/],
    ['undefined', undefined, /got undefined; expected a task/],
  ])('rejects %s before any request', async (_what, source, message) => {
    const directory = join(temporaryDirectory(), 'new');
    const error = await failure(client().download(source as Prediction, directory));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error.message).toMatch(message);
    expect(existsSync(directory)).toBe(false);
  });

  it.each([
    ['a missing directory', undefined, {}, /directory: got undefined/],
    ['an empty directory', '', {}, /directory: got ""/],
    ['an https: URL as the directory', new URL('https://x.example/'), {}, /directory: got a https: URL/],
    ['an unknown option', '.', { ifExist: 'keep' }, /`ifExist`: not an option; did you mean `ifExists`/],
    [
      'an invalid ifExists',
      '.',
      { ifExists: 'no' },
      /`ifExists`: got a string; expected 'error', 'keep' or 'overwrite'/,
    ],
    ['an invalid onProgress', '.', { onProgress: 1 }, /`onProgress`: got/],
  ])('rejects %s', async (_what, directory, options, message) => {
    const url = 'http://127.0.0.1:1/a.mp4';
    expect(String(await failure(client().download(url, directory as string, options as object)))).toMatch(
      message,
    );
  });
});

describe('download through a custom fetch or dispatcher', () => {
  const bytes = movie(1_000_000);
  const cutOnce = { cutAfter: (request: number) => (request === 1 ? 400_000 : undefined) };

  it('resumes through a custom fetch', async () => {
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

  it('accepts the Response of a mocked fetch', async () => {
    const fetch: typeof globalThis.fetch = async () =>
      new Response(samples.mp4?.bytes, { headers: { 'content-type': 'video/mp4' } });
    const [file] = await client({ fetch }).download('https://cdn.example/a.mp4', temporaryDirectory());
    expect(file?.bytes).toBe(256);
  });

  it('rejects with reason incomplete when the body of a custom fetch is too short', async () => {
    const fetch: typeof globalThis.fetch = async () =>
      new Response(samples.mp4?.bytes, { headers: { 'content-type': 'video/mp4', 'content-length': '257' } });
    const directory = temporaryDirectory();
    const kling = client({ fetch, maxRetries: 0 });
    const error = await failure(kling.download('https://cdn.example/a.mp4', directory));
    expect(error).toMatchObject({ name: 'DownloadError', reason: 'incomplete' });
    expect(error.message).toContain('it ended after 256 of 257 bytes');
    expect(readdirSync(directory)).toEqual([]);
  });

  it('downloads through a custom dispatcher', async () => {
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
