// What our own connections promise: nothing is written after a refusal, nobody is held up, and which one a submit reuses.
import { getEventListeners } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KLING_O3_STD, SubmissionUnknownError } from 'wavespeed-kling';
import { ApiClient } from '../../src/http/api-client.js';
import { Transport } from '../../src/http/transport.js';
import { failure, rejection, task } from '../support/client.js';
import {
  client,
  type CountingServer,
  INPUT,
  isSubmitRequest,
  KEY,
  onCleanup,
  respond,
  sendData,
  serve,
  serveTcp,
} from '../support/server.js';

function apiClient(url: string, options: { fetch?: typeof globalThis.fetch } = {}): ApiClient {
  const transport = new Transport({ connectTimeoutMs: 10_000, ...options });
  onCleanup(() => transport.close());
  return new ApiClient({
    apiKey: KEY,
    baseUrl: url,
    clientName: 'test',
    requestTimeoutMs: 60_000,
    maxResponseBytes: 1_000_000,
    transport,
  });
}

/** The clock that connections age by, which only the tests move: a slow machine lets none grow old. */
let now: number;
beforeEach(() => {
  now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const SUBMIT = {
  method: 'POST',
  path: `/api/v3/${KLING_O3_STD}`,
  body: INPUT,
  freshConnection: true,
} as const;

test('writes no byte if onStart throws, and rejects with what it threw', async () => {
  let bytes = 0;
  let closed = 0;
  const url = await serveTcp((socket) => {
    socket.on('data', (chunk) => (bytes += chunk.byteLength));
    socket.on('close', () => closed++);
  });
  const inFlight = apiClient(url).start(SUBMIT, KEY, () => {
    throw new Error('too late');
  });
  await expect(inFlight.response).rejects.toThrow('too late');
  expect(inFlight.wasSent()).toBe(false);
  await vi.waitFor(() => expect(closed).toBe(1));
  expect(bytes).toBe(0);
});

test('rejects with what onStart threw, even if it is no Error', async () => {
  const server = await serve();
  const inFlight = apiClient(server.url).start(SUBMIT, KEY, () => {
    // As an abort's reason may be.
    throw 'left';
  });
  await expect(inFlight.response).rejects.toBe('left');
  expect(server.requests).toHaveLength(0);
});

test('writes no byte on a reused connection if onStart throws', async () => {
  const server = await serve();
  const http = apiClient(server.url);
  await http.start(SUBMIT, KEY, () => undefined).response;
  const inFlight = http.start(SUBMIT, KEY, () => {
    throw new Error('too late');
  });
  await expect(inFlight.response).rejects.toThrow('too late');
  await http.request({ method: 'GET', path: '/api/v3/balance' });
  expect(server.submits()).toBe(1);
});

test('calls onStart before the request reaches the server, and not before it has a connection', async () => {
  const server = await serve();
  const seen: [connections: number, requests: number][] = [];
  const http = apiClient(server.url);
  const inFlight = http.start(SUBMIT, KEY, () => seen.push([server.sockets.length, server.requests.length]));
  expect(seen).toEqual([]);
  await inFlight.response;
  expect(seen).toHaveLength(1);
  expect(seen[0]?.[1]).toBe(0);
});

test('calls a custom fetch only if onStart does not throw', async () => {
  const fetch = vi.fn(() => Promise.resolve(Response.json({ code: 200, data: task() })));
  const http = apiClient('http://127.0.0.1:9', { fetch });
  const inFlight = http.start(SUBMIT, KEY, () => {
    throw new Error('too late');
  });
  await expect(inFlight.response).rejects.toThrow('too late');
  expect(inFlight.wasSent()).toBe(false);
  expect(fetch).not.toHaveBeenCalled();
});

test('an abort while connecting sends nothing and closes the connection', async () => {
  let closed = 0;
  // A TLS handshake that stalls: the server accepts, and says nothing.
  const url = await serveTcp((socket) => {
    socket.resume();
    socket.on('close', () => closed++);
  });
  const http = apiClient(url.replace('http:', 'https:'));
  const inFlight = http.start(SUBMIT, KEY, () => undefined);
  const failed = rejection(inFlight.response);
  await new Promise((resolve) => setTimeout(resolve, 50));
  inFlight.abort(new Error('left'));
  await expect(failed).resolves.toMatchObject({ message: 'left' });
  expect(inFlight.wasSent()).toBe(false);
  await vi.waitFor(() => expect(closed).toBe(1));
});

test('result URLs that hang hold up neither other waits nor balance()', async () => {
  const server = await serve((request, response) => {
    if (request.url?.includes('hung') !== true) respond(request, response);
  });
  const kling = client(server.url);
  const controller = new AbortController();
  const hung = Array.from({ length: 80 }, (_, index) =>
    rejection(kling.get(`hung-${index}`, { signal: controller.signal })),
  );
  await vi.waitFor(() => expect(server.requests.length).toBeGreaterThanOrEqual(64));
  expect(await kling.balance()).toBe(7);
  expect(server.requests.some(({ url }) => url?.includes('balance'))).toBe(true);
  controller.abort('left');
  await Promise.all(hung);
});

test('aborted submits that were queued open no connection, and hold up nobody', async () => {
  let answer = false;
  const server = await serve((request, response) => {
    if (answer) respond(request, response);
  });
  const http = apiClient(server.url);
  const first = Array.from({ length: 128 }, () => http.start(SUBMIT, KEY, () => undefined));
  for (const { response } of first) response.catch(() => undefined);
  await vi.waitFor(() => expect(server.submits()).toBe(128));
  const queued = Array.from({ length: 2000 }, () => http.start(SUBMIT, KEY, () => undefined));
  const settled = Promise.allSettled(queued.map(({ response }) => response));
  for (const inFlight of queued) inFlight.abort('left');
  await settled;
  answer = true;
  first[0]?.abort('left');
  const valid = http.start(SUBMIT, KEY, () => undefined);
  await valid.response;
  expect(queued.every((inFlight) => !inFlight.wasSent())).toBe(true);
  expect(server.sockets).toHaveLength(129);
  for (const inFlight of first) inFlight.abort('left');
});

test('requests at the limit start when others end', async () => {
  const held: (() => void)[] = [];
  const server = await serve((request, response) => {
    held.push(() => respond(request, response));
  });
  const kling = client(server.url);
  const balances = Array.from({ length: 140 }, () => kling.balance());
  await vi.waitFor(() => expect(held).toHaveLength(128));
  for (const release of held.splice(0)) release();
  await vi.waitFor(() => expect(held).toHaveLength(12));
  for (const release of held) release();
  expect(await Promise.all(balances)).toHaveLength(140);
  expect(server.sockets).toHaveLength(128);
});

test('bytes that nobody asked for close an idle connection: the next submit does not take them as its answer', async () => {
  const accepted = (id: string) => {
    const body = JSON.stringify({ code: 200, data: task({ id }) });
    return `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  };
  const sockets: Socket[] = [];
  let count = 0;
  const url = await serveTcp((socket) => {
    sockets.push(socket);
    socket.on('data', (chunk) => {
      if (chunk.includes('POST')) socket.write(accepted(`own-${++count}`));
    });
  });
  const kling = client(url);
  const ids: string[] = [];
  for (const pauseMs of [undefined, undefined, 0, 5, 50]) {
    ids.push((await kling.submit(KLING_O3_STD, INPUT)).id);
    sockets.at(-1)?.write(accepted('ghost'));
    if (pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  expect(ids).toEqual(['own-1', 'own-2', 'own-3', 'own-4', 'own-5']);
});

test.each([0, 3, 20])(
  'after one connection that the server ended %i ms after an answer, no submit reuses one',
  async (idleMs) => {
    const server = await serve((request, response) => {
      response.once('finish', () => setTimeout(() => request.socket.destroy(), idleMs));
      respond(request, response);
    });
    const kling = client(server.url);
    await kling.balance();
    await vi.waitFor(() => expect(server.sockets[0]?.destroyed).toBe(true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (let count = 0; count < 30; count++) await kling.submit(KLING_O3_STD, INPUT);
    expect(server.submits()).toBe(30);
    expect(server.sockets).toHaveLength(31);
  },
);

test('after a submit that a reused connection lost, no submit reuses one', async () => {
  let isLost = false;
  const server = await serve((request, response) => {
    if (server.requests.length === 2 && !isLost) {
      isLost = true;
      request.socket.destroy();
    } else respond(request, response);
  });
  const kling = client(server.url);
  await kling.submit(KLING_O3_STD, INPUT);
  await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
  for (let count = 0; count < 3; count++) await kling.submit(KLING_O3_STD, INPUT);
  expect(peers(server)).toEqual([0, 0, 1, 2, 3]);
});

const peers = (server: CountingServer) => server.requests.map(({ socket }) => server.sockets.indexOf(socket));

test('a submit reuses a connection that responded within the last second', async () => {
  const server = await serve();
  const kling = client(server.url);
  await kling.submit(KLING_O3_STD, INPUT);
  await kling.submit(KLING_O3_STD, INPUT);
  await kling.balance();
  await kling.submit(KLING_O3_STD, INPUT);
  expect(peers(server)).toEqual([0, 0, 0, 0]);
});

test('a submit uses no connection that has been idle for a second, a read does', async () => {
  const server = await serve();
  const kling = client(server.url);
  await kling.submit(KLING_O3_STD, INPUT);
  now += 1001;
  await kling.submit(KLING_O3_STD, INPUT);
  expect(peers(server)).toEqual([0, 1]);
  now += 1001;
  await kling.balance();
  expect(server.sockets).toHaveLength(2);
});

test.each([
  ['Connection: close', { connection: 'close' }],
  ['a Keep-Alive hint of one second', { 'keep-alive': 'timeout=1' }],
])('a submit heeds %s', async (_what, headers) => {
  const server = await serve((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    respond(request, response);
  });
  const kling = client(server.url);
  for (let count = 0; count < 3; count++) await kling.submit(KLING_O3_STD, INPUT);
  expect(server.submits()).toBe(3);
  expect(server.sockets).toHaveLength(3);
});

test('5,000 submits in bursts, with a server that closes connections at random once idle for 2 s: no outcome is unknown', async () => {
  const server = await serve();
  const idleSince = new Map<Socket, number>();
  server.server.on('request', ({ socket }, response) => {
    // The worst moment to close it: as the request arrives.
    if (now - (idleSince.get(socket) ?? Infinity) > 2000) socket.destroy();
    idleSince.delete(socket);
    response.on('finish', () => idleSince.set(socket, now));
  });
  const kling = client(server.url);
  for (const pauseMs of [0, 20, 100, 700, 0, 990, 2050, 0, 2500, 0]) {
    await Promise.all(Array.from({ length: 500 }, () => kling.submit(KLING_O3_STD, INPUT)));
    now += pauseMs;
    for (const [socket, since] of idleSince) {
      if (now - since > 2000 && Math.random() < 0.5) socket.destroy();
    }
  }
  expect(server.submits()).toBe(5000);
  expect(server.sockets.length).toBeLessThan(1000);
});

test('a server that closes right after it responded: each unknown outcome is reported, none sent twice', async () => {
  const server = await serve((request, response) => {
    request.resume();
    if (!isSubmitRequest(request)) return respond(request, response);
    request.once('end', () => {
      sendData(response, task());
      response.once('finish', () => response.socket?.destroy());
    });
  });
  const kling = client(server.url, { maxRetries: 3 });
  let [accepted, unknown, calls] = [0, 0, 0];
  for (; calls < 100; calls++) {
    try {
      await kling.submit(KLING_O3_STD, INPUT);
      accepted++;
    } catch (error) {
      expect(error).toBeInstanceOf(SubmissionUnknownError);
      unknown++;
    }
  }
  expect(accepted + unknown).toBe(100);
  expect(server.submits()).toBeLessThanOrEqual(100);
});

test('a reused connection that breaks with the submit leaves the outcome unknown, and the submit is sent once', async () => {
  let count = 0;
  const server = await serve((request, response) => {
    if (++count === 2) request.socket.destroy();
    else respond(request, response);
  });
  const kling = client(server.url, { maxRetries: 3 });
  await kling.submit(KLING_O3_STD, INPUT);
  await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
  expect(peers(server)).toEqual([0, 0]);
});

test('a read leaves no listener on its signal', async () => {
  const server = await serve();
  const { signal } = new AbortController();
  await client(server.url).balance({ signal });
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('close() waits for what is under way, and then leaves no connection open', async () => {
  const held: (() => void)[] = [];
  const server = await serve((request, response) => {
    held.push(() => respond(request, response));
  });
  const kling = client(server.url);
  const balance = kling.balance();
  await vi.waitFor(() => expect(held).toHaveLength(1));
  const closing = kling.close();
  held[0]?.();
  expect(await balance).toBe(7);
  await closing;
  await vi.waitFor(() => expect(server.sockets.every(({ destroyed }) => destroyed)).toBe(true));
});

test.each(['has connections', 'has none yet'])(
  'close() waits for a transfer that was called before it, of a client that %s',
  async (state) => {
    const server = await serve((request, response) => respond(request, response));
    const transport = new Transport({ connectTimeoutMs: 10_000 });
    onCleanup(() => transport.close());
    const { signal } = new AbortController();
    const get = () => transport.stream({ method: 'GET', url: new URL(server.url), headers: {}, signal });
    if (state === 'has connections') (await get()).discard();
    const requests = server.requests.length;
    const transfer = get();
    const closing = transport.close();
    const response = await transfer;
    expect(response.status).toBe(200);
    response.discard();
    await closing;
    expect(server.requests).toHaveLength(requests + 1);
  },
);
