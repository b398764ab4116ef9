// Other people's dispatchers: given, set for the whole application, of other releases of undici, and proxies.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as undici7 from 'undici';
import { describe, expect, test, vi } from 'vitest';
import { ConfigurationError, ConnectionError, KLING_O3_STD, SubmissionUnknownError } from 'wavespeed-kling';
import { startEmulator } from 'wavespeed-kling/testing';
import { failure, task } from '../support/client.js';
import { client, INPUT, KEY, onCleanup, respond, serve } from '../support/server.js';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const SYMBOLS = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')];

/** Sets the application's global dispatcher, as `setGlobalDispatcher` of that undici does, for one test. */
function setGlobal(undici: { setGlobalDispatcher(agent: never): void }, dispatcher: unknown): void {
  const before = SYMBOLS.map((symbol) => Reflect.get(globalThis, symbol) as unknown);
  undici.setGlobalDispatcher(dispatcher as never);
  onCleanup(() => {
    for (const [index, symbol] of SYMBOLS.entries()) Reflect.set(globalThis, symbol, before[index]);
  });
}

/** A proxy that forwards requests and tunnels, and counts both. */
async function startProxy() {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const { method, headers } = request;
    const forwarded = httpRequest(request.url ?? '', { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(forwarded);
  });
  server.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    const [host, port] = (request.url ?? '').split(':');
    const target = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    for (const end of [target, socket]) end.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

// undici 8 needs Node 22.19.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const loadsUndici8 = major > 22 || (major === 22 && minor >= 19);
const releases: [string, typeof undici7][] = [['undici 7', undici7]];
if (loadsUndici8) releases.push(['undici 8', (await import('undici-8')) as unknown as typeof undici7]);

describe.each(releases)('a dispatcher of %s', (_name, undici) => {
  test('a custom dispatcher submits, uploads and downloads', async () => {
    const emulator = await startEmulator({ queueMs: 0, processingMs: 0 });
    onCleanup(() => emulator.close());
    const directory = await mkdtemp(join(tmpdir(), 'dispatchers-'));
    onCleanup(() => rm(directory, { recursive: true }));
    const agent = new undici.Agent();
    onCleanup(() => agent.close());
    const kling = client(emulator.url, { apiKey: emulator.apiKey, dispatcher: agent });
    const input = { ...INPUT, images: [new Blob([PNG], { type: 'image/png' })] };
    const video = await kling.run(KLING_O3_STD, input, { pollIntervalMs: 5 });
    const [file] = await kling.download(video, directory);
    expect((await readFile(file?.path ?? '')).byteLength).toBeGreaterThan(0);
    expect(emulator.account.tasks).toHaveLength(1);
  });

  test('a dispatcher with dispatch() only is used', async () => {
    const agent = new undici.Agent();
    onCleanup(() => agent.close());
    const dispatcher = { dispatch: (...call: Parameters<typeof agent.dispatch>) => agent.dispatch(...call) };
    expect(await client((await serve()).url, { dispatcher }).balance()).toBe(7);
  });

  test('a custom dispatcher proves that nothing was sent only if it could not connect', async () => {
    const server = await serve();
    server.server.close();
    const agent = new undici.Agent();
    onCleanup(() => agent.close());
    const kling = client(server.url, { dispatcher: agent });
    expect((await failure(kling.submit(KLING_O3_STD, INPUT), ConnectionError)).requestSent).toBe(false);
    const cut = await serve((request) => void request.socket.destroy());
    await failure(client(cut.url, { dispatcher: agent }).submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
  });

  test('a dispatcher that retries repeats a read, never a submit', async () => {
    let count = 0;
    const server = await serve((request, response) => {
      if (++count % 2 === 1) request.socket.destroy();
      else respond(request, response);
    });
    const agent = new undici.RetryAgent(new undici.Agent(), {
      methods: ['GET', 'POST'],
      minTimeout: 1,
      maxRetries: 3,
    });
    onCleanup(() => agent.close());
    const kling = client(server.url, { dispatcher: agent });
    expect(await kling.balance()).toBe(7);
    await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    expect(server.submits()).toBe(1);
  });

  test('a global mock dispatcher sees the submit, and nothing is paid', async () => {
    const server = await serve();
    const kling = client(server.url);
    const mock = new undici.MockAgent();
    mock.disableNetConnect();
    setGlobal(undici, mock);
    await expect(kling.submit(KLING_O3_STD, INPUT)).rejects.toThrow(/net\.?connect|disabled|mock/i);
    const path = `/api/v3/${KLING_O3_STD}`;
    mock
      .get(server.url)
      .intercept({ path, method: 'POST' })
      .reply(200, { code: 200, data: task({ id: 'mocked' }) });
    expect((await kling.submit(KLING_O3_STD, INPUT)).id).toBe('mocked');
    expect(server.sockets).toHaveLength(0);
  });

  test('the proxy of a global dispatcher is used', async () => {
    const [server, proxy] = [await serve(), await startProxy()];
    const agent = new undici.EnvHttpProxyAgent({ httpProxy: proxy.url });
    onCleanup(() => agent.close());
    setGlobal(undici, agent);
    expect(await client(server.url).balance()).toBe(7);
    expect(proxy.seen).toHaveLength(1);
  });

  test('the default global dispatcher is not used: own connections prove more', async () => {
    const agent = new undici.Agent();
    onCleanup(() => agent.close());
    const connected = vi.fn();
    agent.on('connect', connected);
    setGlobal(undici, agent);
    expect(await client((await serve()).url).balance()).toBe(7);
    expect(connected).not.toHaveBeenCalled();
  });

  test('a global dispatcher that is a composed Agent without options is used', async () => {
    const seen = vi.fn();
    const agent = new undici.Agent().compose((dispatch) => (options, handler) => {
      seen();
      return dispatch(options, handler);
    });
    onCleanup(() => agent.close());
    setGlobal(undici, agent);
    expect(await client((await serve()).url).balance()).toBe(7);
    expect(seen).toHaveBeenCalledOnce();
  });

  test('a global dispatcher that is an Agent with options is used', async () => {
    const agent = new undici.Agent({ connect: { timeout: 5000 } });
    onCleanup(() => agent.close());
    const dispatch = vi.spyOn(agent, 'dispatch');
    setGlobal(undici, agent);
    expect(await client((await serve()).url).balance()).toBe(7);
    expect(dispatch).toHaveBeenCalledOnce();
  });
});

test.each(['HTTP_PROXY', 'http_proxy'])('NODE_USE_ENV_PROXY=1 uses the proxy in %s', async (variable) => {
  const [server, proxy] = [await serve(), await startProxy()];
  vi.stubEnv('NODE_USE_ENV_PROXY', '1');
  vi.stubEnv('NO_PROXY', '');
  vi.stubEnv('no_proxy', '');
  vi.stubEnv(variable, proxy.url);
  const kling = client(server.url);
  expect(await kling.balance()).toBe(7);
  expect((await kling.submit(KLING_O3_STD, INPUT)).id).toBe('task-1');
  expect(proxy.seen).not.toHaveLength(0);
  vi.stubEnv('NODE_USE_ENV_PROXY', undefined);
  const before = proxy.seen.length;
  expect(await client(server.url).balance()).toBe(7);
  expect(proxy.seen).toHaveLength(before);
});

test('a proxy that refuses leaves nothing sent', async () => {
  vi.stubEnv('NODE_USE_ENV_PROXY', '1');
  vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:9');
  vi.stubEnv('NO_PROXY', '');
  vi.stubEnv('no_proxy', '');
  const kling = client((await serve()).url);
  expect((await failure(kling.submit(KLING_O3_STD, INPUT), ConnectionError)).requestSent).toBe(false);
});

test('loading undici leaves the dispatcher that an older undici has set', async () => {
  const older = { dispatch: () => true };
  setGlobal({ setGlobalDispatcher: () => Reflect.set(globalThis, SYMBOLS[0] as symbol, older) }, older);
  vi.resetModules();
  vi.doMock('undici', () => {
    // As undici 8 does, where none was set by a release that knows its symbol.
    Reflect.set(globalThis, SYMBOLS[0] as symbol, { dispatch: () => false });
    return undici7;
  });
  onCleanup(() => vi.doUnmock('undici'));
  const { loadUndici } = await import('../../src/http/load-undici.js');
  await loadUndici();
  expect(Reflect.get(globalThis, SYMBOLS[0] as symbol)).toBe(older);
});

test('a dispatcher of undici 5 or 6 is a ConfigurationError, and nothing is sent', async () => {
  const sent = vi.fn();
  /** As undici 6 does, before it sends anything. */
  const dispatcher = {
    dispatch(_options: unknown, handler: Record<string, unknown>) {
      if (typeof handler.onError !== 'function') {
        throw Object.assign(new Error('invalid onError method'), { code: 'UND_ERR_INVALID_ARG' });
      }
      sent();
      return true;
    },
  };
  const kling = client('http://127.0.0.1:9', { dispatcher: dispatcher as never, maxRetries: 3 });
  const calls = [
    () => kling.submit(KLING_O3_STD, INPUT),
    () => kling.balance(),
    () => kling.download('http://127.0.0.1:9/video.mp4', tmpdir()),
  ];
  for (const call of calls) {
    const error = await failure(call(), ConfigurationError);
    expect(error.code).toBe('unsupported_dispatcher');
    expect(error.message).toContain('undici 7 or 8');
    expect(error.message).not.toContain(KEY);
  }
  expect(sent).not.toHaveBeenCalled();
});
