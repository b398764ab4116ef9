/** Checks the emulator without a server: as msw handlers and as a `fetch`. */
import { http, HttpResponse, type RequestHandler } from 'msw';
import { setupServer } from 'msw/node';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  createEmulator,
  emulatorHandlers,
  type EmulatorCore,
  type FaultKind,
  ManualClock,
  sampleVideo,
} from '../../src/testing/index.js';
import { collectGarbage, type Data, O3 } from './support.js';

const API = 'https://api.wavespeed.ai/api/v3';

type Fetch = typeof globalThis.fetch;

async function post(fetch: Fetch, path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(`${API}/${path}`, {
    method: 'POST',
    headers: { authorization: 'Bearer key', 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...init,
  });
}

async function data(response: Response): Promise<Data> {
  return ((await response.json()) as { data: Data }).data;
}

function listen(emulator: EmulatorCore): void {
  const server = setupServer(...emulatorHandlers(emulator, { http }));
  server.listen({ onUnhandledRequest: 'error' });
  onTestFinished(() => server.close());
}

// Looked up at each call: msw puts its own in place of the global one.
const throughMsw: Fetch = (input, init) => globalThis.fetch(input, init);

describe.each<[string, (emulator: EmulatorCore) => Fetch]>([
  [
    'msw handlers',
    (emulator) => {
      listen(emulator);
      return throughMsw;
    },
  ],
  ['emulator.fetch', (emulator) => emulator.fetch],
])('%s', (_what, through) => {
  test('msw handlers and fetch serve a task from submit to download', async () => {
    const clock = new ManualClock();
    const emulator = createEmulator({ clock });
    const fetch = through(emulator);
    const submitted = await data(await post(fetch, O3, { prompt: 'x' }));
    expect(submitted).toMatchObject({
      status: 'created',
      urls: { get: `${API}/predictions/${submitted.id}/result` },
    });
    clock.advance(300);
    const headers = { authorization: 'Bearer key' };
    const done = await data(await fetch(`${API}/predictions/${submitted.id}/result`, { headers }));
    const response = await fetch(done.outputs[0] ?? '');
    const video = sampleVideo({ prompt: 'x', duration: 5 });
    expect(Buffer.from(await response.arrayBuffer()).equals(video)).toBe(true);
    expect(response.headers.get('content-length')).toBe(String(video.byteLength));
    const part = await fetch(done.outputs[0] ?? '', { headers: { range: 'bytes=4-7' } });
    expect([part.status, await part.text()]).toEqual([206, 'ftyp']);
    const head = await fetch(done.outputs[0] ?? '', { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(video.byteLength));
    expect(emulator.account.charged).toBe(0.42);
    expect(emulator.requestCount({ operation: 'output' })).toBe(3);
    expect(emulator.requests[0]).toMatchObject({ body: { prompt: 'x' }, connection: 0 });
  });

  test('serve any base URL, also with a path before the API', async () => {
    const fetch = through(createEmulator());
    const headers = { authorization: 'Bearer key' };
    const response = await fetch('http://proxy.local:8080/wavespeed/api/v3/balance', { headers });
    expect(await data(response)).toEqual({ balance: 100 });
    const made = await fetch(`http://proxy.local:8080/wavespeed/api/v3/${O3}`, {
      method: 'POST',
      headers,
      body: '{"prompt":"x"}',
    });
    const { id, ...rest } = await data(made);
    expect(rest).toMatchObject({
      urls: { get: `http://proxy.local:8080/wavespeed/api/v3/predictions/${id}/result` },
    });
  });

  test('accept both kinds of uploads and serve the files', async () => {
    const emulator = createEmulator();
    const fetch = through(emulator);
    const form = new FormData();
    form.append('file', new Blob(['png'], { type: 'image/png' }), 'a.png');
    const headers = { authorization: 'Bearer key' };
    const old = await data(
      await fetch(`${API}/media/upload/binary`, { method: 'POST', headers, body: form }),
    );
    expect(await (await fetch(old.download_url)).text()).toBe('png');
    const ticket = await data(await post(fetch, 'media/uploads', { filename: 'a.png', size: 3 }));
    const { upload } = ticket;
    const put = await fetch(upload.url, { method: 'PUT', headers: upload.headers, body: 'gnp' });
    expect(put.status).toBe(200);
    expect(await (await fetch(ticket.download_url)).text()).toBe('gnp');
  });

  test('reject requests as the server does', async () => {
    const fetch = through(createEmulator({ apiKey: 'right' }));
    expect((await post(fetch, O3, { prompt: 'x' })).status).toBe(401);
    const fetchAny = through(createEmulator());
    expect((await post(fetchAny, O3, {})).status).toBe(400);
  });

  test.each<FaultKind>([
    { kind: 'reset', when: 'request' },
    { kind: 'reset', when: 'request', how: 'fin' },
    { kind: 'reset', when: 'headers' },
    { kind: 'garbage' },
  ])('%j is a network error, charged as the fault says', async (kind) => {
    const emulator = createEmulator();
    const fetch = through(emulator);
    emulator.fail({ on: 'submit', ...kind, accepted: true });
    await expect(post(fetch, O3, { prompt: 'x' })).rejects.toThrow(TypeError);
    expect(emulator.account.charged).toBe(0.42);
    emulator.fail({ on: 'submit', ...kind, accepted: false });
    await expect(post(fetch, O3, { prompt: 'x' })).rejects.toThrow(TypeError);
    expect(emulator.account.charged).toBe(0.42);
    expect((await post(fetch, O3, { prompt: 'x' })).status).toBe(200);
  });

  test.each<FaultKind>([{ kind: 'reset', when: 'body' }, { kind: 'truncate' }])(
    '%j cuts the body off',
    async (kind) => {
      const emulator = createEmulator();
      const fetch = through(emulator);
      emulator.fail({ on: 'submit', ...kind });
      const response = await post(fetch, O3, { prompt: 'x' });
      await expect(response.text()).rejects.toThrow();
      expect(emulator.account.charged).toBe(0.42);
    },
  );

  test.each<FaultKind>([
    { kind: 'hang', when: 'headers' },
    { kind: 'hang', when: 'body' },
    { kind: 'delay', ms: 60_000 },
    { kind: 'drip', ms: 60_000 },
  ])('%j lasts until the caller aborts', async (kind) => {
    const emulator = createEmulator();
    const fetch = through(emulator);
    emulator.fail({ on: 'submit', ...kind });
    const abort = new AbortController();
    const reading = post(fetch, O3, { prompt: 'x' }, { signal: abort.signal }).then((response) =>
      response.text(),
    );
    const given = new Error('given up');
    setTimeout(() => abort.abort(given), 20);
    await expect(reading).rejects.toThrow(/given up|abort/);
    expect(emulator.requests).toHaveLength(1);
  });

  test('a late or chunked response is complete', async () => {
    const emulator = createEmulator();
    const fetch = through(emulator);
    emulator.fail({ on: 'submit', kind: 'delay', ms: 5 });
    emulator.fail({ on: 'submit', kind: 'drip', ms: 1, bytes: 50 });
    expect((await data(await post(fetch, O3, { prompt: 'x' }))).status).toBe('created');
    expect((await data(await post(fetch, O3, { prompt: 'x' }))).status).toBe('created');
  });

  test('gateway faults are responses', async () => {
    const emulator = createEmulator();
    const fetch = through(emulator);
    emulator.fail({ on: 'balance', kind: 'status', status: 502, body: '<html>' });
    const headers = { authorization: 'Bearer key' };
    const response = await fetch(`${API}/balance`, { headers });
    expect([response.status, await response.text()]).toEqual([502, '<html>']);
    emulator.fail({ on: 'balance', kind: 'status', status: 204, body: '' });
    expect((await fetch(`${API}/balance`, { headers })).status).toBe(204);
  });
});

test('handlers fit setupServer and server.use, together with other handlers and types', async () => {
  const own = http.get('https://example.com/own', () => HttpResponse.text('own'));
  const server = setupServer(own, ...emulatorHandlers({ balance: 5 }, { http }));
  server.listen();
  onTestFinished(() => server.close());
  expect(await (await fetch('https://example.com/own')).text()).toBe('own');
  const headers = { authorization: 'Bearer key' };
  expect(await data(await fetch(`${API}/balance`, { headers }))).toEqual({ balance: 5 });
  const typed: RequestHandler[] = emulatorHandlers<RequestHandler>({ balance: 6 }, { http });
  server.use(...typed);
  expect(await data(await fetch(`${API}/balance`, { headers }))).toEqual({ balance: 6 });
  const open = emulatorHandlers({ balance: 7 }, { http });
  server.use(...open);
  expect(await data(await fetch(`${API}/balance`, { headers }))).toEqual({ balance: 7 });
});

test('handlers ignore requests to other places', async () => {
  const emulator = createEmulator();
  const server = setupServer(
    ...emulatorHandlers(emulator, { http }),
    http.all('*', () => HttpResponse.text('elsewhere')),
  );
  server.listen();
  onTestFinished(() => server.close());
  for (const path of ['outputs/x', 'uploads/x', 'storage/x', 'api/v2/balance']) {
    expect(await (await fetch(`https://example.com/${path}`)).text()).toBe('elsewhere');
  }
  expect(emulator.requests).toHaveLength(0);
});

/** Before 20.19 Node cannot load msw's ES modules from CommonJS. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

test.runIf(major > 20 || minor >= 19)(
  'without `http`, msw is loaded as the working directory sees it',
  () => {
    expect(emulatorHandlers()).toHaveLength(2);
    vi.spyOn(process, 'cwd').mockReturnValueOnce('/');
    expect(() => emulatorHandlers()).toThrow(/import \{ http \} from 'msw'/);
  },
);

test('a hanging request that was not kept still rejects on abort', async () => {
  const emulator = createEmulator();
  emulator.fail({ on: 'submit', kind: 'hang', when: 'headers' });
  emulator.fail({ on: 'submit', kind: 'hang', when: 'body' });
  const abort = new AbortController();
  const hanging = [1, 2].map(async () => {
    const response = await post(emulator.fetch, O3, { prompt: 'x' }, { signal: abort.signal });
    return response.text();
  });
  await expect.poll(() => emulator.requests.length).toBe(2);
  for (let count = 0; count < 3; count += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  abort.abort(new Error('given up'));
  for (const one of hanging) await expect(one).rejects.toThrow('given up');
});
