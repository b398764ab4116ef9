/** Checks every fault on a real socket: the received bytes, the end of the connection, and the charge. */
import { connect } from 'node:net';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Agent, request } from 'undici';
import type { Fault, FaultKind, FaultTarget } from '../../src/testing/index.js';
import { call, exchange, O3, parts, result, started, submit } from './support.js';

const on = (target: FaultTarget, kind: FaultKind): Fault => ({ on: target, ...kind });

describe('a submit that fails', () => {
  const kinds: [string, FaultKind, boolean][] = [
    ['a status', { kind: 'status', status: 503 }, false],
    ['a reset after the request', { kind: 'reset', when: 'request' }, false],
    ['a reset in the headers', { kind: 'reset', when: 'headers' }, true],
    ['a reset in the body', { kind: 'reset', when: 'body' }, true],
    ['silence', { kind: 'hang', when: 'headers' }, false],
    ['silence in the body', { kind: 'hang', when: 'body' }, true],
    ['a late response', { kind: 'delay', ms: 5 }, true],
    ['a slow response', { kind: 'drip', ms: 1 }, true],
    ['garbage', { kind: 'garbage' }, false],
    ['a cut response', { kind: 'truncate' }, true],
    ['a page', { kind: 'not-json' }, false],
    ['nothing', { kind: 'empty' }, false],
    ['an error under 200', { kind: 'envelope', code: 500, message: 'no' }, false],
    ['a redirect', { kind: 'redirect', location: 'http://127.0.0.1:1/' }, false],
    ['other data', { kind: 'data', patch: { id: 'x' } }, true],
    ['a compressed response', { kind: 'compress', encoding: 'gzip' }, true],
    ['a second response', { kind: 'extra' }, true],
  ];
  test.each(kinds)(
    '%s: takes effect by default as documented, and as accepted says',
    async (_what, kind, byDefault) => {
      for (const accepted of [undefined, true, false]) {
        const emulator = await started();
        emulator.fail(on('submit', { ...kind, accepted }));
        const isAccepted = accepted ?? byDefault;
        const exchanged = exchange(emulator, { waitMs: 50_000 });
        if (kind.kind !== 'hang') await exchanged;
        await expect.poll(() => emulator.requests[0]?.fault).toBe(kind.kind);
        await expect.poll(() => emulator.account.tasks.length).toBe(isAccepted ? 1 : 0);
        expect(emulator.account.charged).toBe(isAccepted ? 0.42 : 0);
        expect(emulator.requests).toHaveLength(1);
        expect(emulator.requests[0]).toMatchObject({ fault: kind.kind, body: { prompt: 'x' } });
      }
    },
  );
});

describe('the response', () => {
  test.each([
    ['gzip', gunzipSync],
    ['deflate', inflateSync],
    ['br', brotliDecompressSync],
  ] as const)('compress: is the correct one, compressed with %s', async (encoding, decompress) => {
    const emulator = await started();
    emulator.fail({ on: 'balance', kind: 'compress', encoding });
    const response = await request(`${emulator.url}/api/v3/balance`, {
      headers: { authorization: `Bearer ${emulator.apiKey}` },
    });
    expect(response.headers['content-encoding']).toBe(encoding);
    const text = decompress(Buffer.from(await response.body.arrayBuffer())).toString();
    expect(JSON.parse(text)).toEqual({ code: 200, message: 'success', data: { balance: 100 } });
  });

  test('extra: is followed by a second one about a task of nobody, on the same connection', async () => {
    const emulator = await started();
    emulator.fail({ on: 'submit', kind: 'extra', ms: 5 });
    const port = Number(new URL(emulator.url).port);
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => (received += text));
    const body = '{"prompt":"x"}';
    socket.write(
      `POST /api/v3/${O3} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const ids = () => [...received.matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id);
    await expect.poll(ids).toHaveLength(2);
    expect(ids()).toEqual([emulator.account.tasks[0]?.id, expect.stringMatching(/^ghost-/)]);
    expect(received.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(emulator.account.tasks).toHaveLength(1);
  });

  test('status: sends an envelope, HTML, text, JSON or nothing, with the given headers', async () => {
    const emulator = await started();
    emulator.fail({ on: 'balance', kind: 'status', status: 503, headers: { 'retry-after': '7' } });
    emulator.fail({ on: 'balance', kind: 'status', status: 502, body: '<html>Bad Gateway</html>' });
    emulator.fail({ on: 'balance', kind: 'status', status: 500, body: 'oops' });
    emulator.fail({ on: 'balance', kind: 'status', status: 429, body: { error_code: 'SLOW' } });
    emulator.fail({ on: 'balance', kind: 'status', status: 504, body: '' });
    const first = await call(emulator, 'balance');
    expect(first.json).toEqual({ code: 503, message: 'Service Unavailable', data: null });
    expect([first.status, first.headers['retry-after']]).toEqual([503, '7']);
    const page = await call(emulator, 'balance');
    expect([page.status, page.headers['content-type'], page.text]).toEqual([
      502,
      'text/html',
      '<html>Bad Gateway</html>',
    ]);
    expect(await call(emulator, 'balance')).toMatchObject({ status: 500, text: 'oops' });
    expect(await call(emulator, 'balance')).toMatchObject({ status: 429, json: { error_code: 'SLOW' } });
    expect(await call(emulator, 'balance')).toMatchObject({ status: 504, text: '' });
    expect((await call(emulator, 'balance')).status).toBe(200);
  });

  test('not-json: sends HTML with 200', async () => {
    const emulator = await started();
    emulator.fail({ on: 'balance', kind: 'not-json' });
    const reply = await call(emulator, 'balance');
    expect([reply.status, reply.headers['content-type']]).toEqual([200, 'text/html']);
    expect(reply.text).toMatch(/^<html>/);
  });

  test('empty: sends 200 without a body', async () => {
    const emulator = await started();
    emulator.fail({ on: 'balance', kind: 'empty' });
    expect(await call(emulator, 'balance')).toMatchObject({ status: 200, text: '' });
  });

  test('envelope: sends an error with a successful status', async () => {
    const emulator = await started();
    emulator.fail({ on: 'balance', kind: 'envelope', code: 5004, message: 'try later', errorCode: 'BUSY' });
    emulator.fail({ on: 'balance', kind: 'envelope', code: 401, message: 'no', status: 202 });
    expect(await call(emulator, 'balance')).toMatchObject({
      status: 200,
      json: { code: 5004, message: 'try later', error_code: 'BUSY', data: null },
    });
    expect((await call(emulator, 'balance')).status).toBe(202);
  });

  test('redirect: sends 307 to the location, or the given status', async () => {
    const emulator = await started();
    emulator.fail({ on: 'balance', kind: 'redirect', location: 'https://example.com/' });
    emulator.fail({ on: 'balance', kind: 'redirect', location: '/x', status: 301 });
    const first = await call(emulator, 'balance');
    expect([first.status, first.headers['location']]).toEqual([307, 'https://example.com/']);
    expect(await call(emulator, 'balance')).toMatchObject({ status: 301, headers: { location: '/x' } });
  });

  test('data: sets and removes fields, sends null, or calls a function', async () => {
    const emulator = await started();
    const { id } = await submit(emulator);
    emulator.fail({
      on: 'result',
      kind: 'data',
      patch: { outputs: null, status: 'queued', id: undefined, extra: 1 },
    });
    const patched = await result(emulator, id);
    expect(patched).toMatchObject({ outputs: null, status: 'queued', extra: 1, model: O3 });
    expect(patched).not.toHaveProperty('id');
    emulator.fail({ on: 'result', kind: 'data', patch: null });
    expect(await result(emulator, id)).toBeNull();
    emulator.fail({ on: 'list', kind: 'data', patch: (data) => [data] });
    expect((await call(emulator, 'predictions', { body: {} })).json.data).toMatchObject([{ total: 1 }]);
  });

  test('delay: sends the complete response late', async () => {
    const emulator = await started();
    emulator.fail({ on: 'submit', kind: 'delay', ms: 60 });
    const { received, firstByteMs } = await exchange(emulator);
    expect(firstByteMs).toBeGreaterThanOrEqual(58);
    expect(parts(received).body).toHaveLength(parts(received).length);
  });

  test('drip: sends the complete response in chunks', async () => {
    const emulator = await started();
    emulator.fail({ on: 'balance', kind: 'drip', ms: 2, bytes: 10 });
    const response = await request(`${emulator.url}/api/v3/balance`, {
      headers: { authorization: 'Bearer k' },
    });
    const pieces: number[] = [];
    for await (const piece of response.body) pieces.push((piece as Buffer).byteLength);
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.reduce((sum, size) => sum + size, 0)).toBe(Number(response.headers['content-length']));
  });
});

describe('the connection', () => {
  test.each(['rst', 'fin'] as const)('reset of the connection (%s): before anything is read', async (how) => {
    const emulator = await started();
    emulator.fail({ on: 'any', kind: 'reset', when: 'connection', how });
    const ending = await exchange(emulator);
    // The request written meanwhile meets a closed socket, so that the system may response it with a reset of its own.
    if (how === 'rst') expect(ending.how).toBe('rst');
    expect(ending.received).toBe('');
    expect(emulator.requests).toHaveLength(0);
    expect(emulator.connections.made).toBe(1);
    expect((await call(emulator, 'balance')).status).toBe(200);
  });

  test.each(['rst', 'fin'] as const)('reset after the request (%s): no byte', async (how) => {
    const emulator = await started();
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', how, accepted: true });
    expect(await exchange(emulator)).toMatchObject({ received: '', how });
    expect(emulator.account.tasks).toHaveLength(1);
  });

  test.each(['rst', 'fin'] as const)(
    'reset within the headers (%s): sends a status line and no end of headers',
    async (how) => {
      const emulator = await started();
      emulator.fail({ on: 'submit', kind: 'reset', when: 'headers', how });
      const ending = await exchange(emulator);
      expect(ending.how).toBe(how);
      expect(ending.received).toMatch(/^HTTP\/1\.1 200 /);
      expect(ending.received).not.toContain('\r\n\r\n');
    },
  );

  test.each(['rst', 'fin'] as const)('reset in the body (%s): half of it', async (how) => {
    const emulator = await started();
    emulator.fail({ on: 'submit', kind: 'reset', when: 'body', how });
    const ending = await exchange(emulator);
    const { body, length } = parts(ending.received);
    expect(ending.how).toBe(how);
    expect(body).toHaveLength(Math.floor(length / 2));
  });

  test('truncate: sends fewer bytes than announced, then closes in an orderly way', async () => {
    const emulator = await started();
    emulator.fail({ on: 'submit', kind: 'truncate', bytes: 7 });
    const ending = await exchange(emulator);
    expect(ending.how).toBe('fin');
    expect(parts(ending.received).body).toHaveLength(7);
    expect(parts(ending.received).length).toBeGreaterThan(7);
  });

  test('garbage: sends bytes that are not HTTP', async () => {
    const emulator = await started();
    emulator.fail({ on: 'submit', kind: 'garbage' });
    const ending = await exchange(emulator);
    expect(ending.received).not.toMatch(/^HTTP/);
    expect(ending.received.length).toBeGreaterThan(0);
    emulator.fail({ on: 'balance', kind: 'garbage' });
    await expect(call(emulator, 'balance')).rejects.toThrow(/Expected HTTP/);
  });

  test('hang: sends nothing or half a body, and keeps the connection open', async () => {
    const emulator = await started();
    emulator.fail({ on: 'submit', kind: 'hang', when: 'headers' });
    expect(await exchange(emulator, { waitMs: 100 })).toMatchObject({ received: '', how: 'open' });
    emulator.fail({ on: 'submit', kind: 'hang', when: 'body' });
    const ending = await exchange(emulator, { waitMs: 150, hasBody: true });
    expect(ending.how).toBe('open');
    expect(parts(ending.received).body).toHaveLength(Math.floor(parts(ending.received).length / 2));
  });

  test('onlyReused: serves a new connection, and closes a kept-alive one when its next request arrives', async () => {
    const emulator = await started();
    const dispatcher = new Agent({ connections: 1 });
    const look = async () => {
      const response = await request(`${emulator.url}/api/v3/balance`, {
        dispatcher,
        headers: { authorization: 'Bearer k' },
      });
      await response.body.dump();
      return response.statusCode;
    };
    emulator.fail({ on: 'any', kind: 'reset', when: 'request', onlyReused: true });
    expect(await look()).toBe(200);
    await expect(look()).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|UND_ERR_SOCKET/) });
    expect(await look()).toBe(200);
    expect(emulator.requests.map(({ connection, reused }) => [connection, reused])).toEqual([
      [1, false],
      [1, true],
      [2, false],
    ]);
    await dispatcher.close();
  });
});

describe('the order of faults', () => {
  test('a fault applies to its own calls, `times` times, after `after` of them', async () => {
    const emulator = await started();
    emulator.fail({ on: 'balance', kind: 'status', status: 500, after: 1, times: 2 });
    expect((await call(emulator, 'webhook/secret')).status).toBe(200);
    const statuses: number[] = [];
    for (let count = 0; count < 5; count += 1) statuses.push((await call(emulator, 'balance')).status);
    expect(statuses).toEqual([200, 500, 500, 200, 200]);
  });

  test('several faults apply in the order they were set; clearFaults() removes the rest', async () => {
    const emulator = await started();
    emulator.fail({ on: 'any', kind: 'status', status: 500 });
    emulator.fail({ on: 'balance', kind: 'status', status: 502, times: Number.POSITIVE_INFINITY });
    expect((await call(emulator, 'balance')).status).toBe(500);
    for (let count = 0; count < 3; count += 1) expect((await call(emulator, 'balance')).status).toBe(502);
    emulator.clearFaults();
    expect((await call(emulator, 'balance')).status).toBe(200);
  });

  test('`matching` selects the requests', async () => {
    const emulator = await started();
    const { id } = await submit(emulator);
    const other = await submit(emulator);
    emulator.fail({
      on: 'result',
      kind: 'status',
      status: 500,
      matching: (request_) => request_.path.includes(other.id),
    });
    expect((await call(emulator, `predictions/${id}/result`)).status).toBe(200);
    expect((await call(emulator, `predictions/${other.id}/result`)).status).toBe(500);
  });

  test.each([
    [{ on: 'submits', kind: 'empty' }, 'on: got "submits"; did you mean `submit`?'],
    [{ on: 'download', kind: 'empty' }, 'on: got "download"; expected one of submit, result,'],
    [{ kind: 'empty' }, 'on: got undefined; expected one of'],
    [{ on: 'any', kind: 'rest', when: 'body' }, 'kind: got "rest"; did you mean `reset`?'],
    [{ on: 'any', kind: 'toString' }, 'kind: got "toString"; expected one of status, reset,'],
    [{ on: 'any', kind: 'status', status: 503, time: 3 }, '`time` is unknown; did you mean `times`?'],
    [{ on: 'any', kind: 'status' }, 'status: got undefined; expected an HTTP status'],
    [{ on: 'any', kind: 'status', status: '503' }, 'status: got 503; expected an HTTP status'],
    [{ on: 'any', kind: 'redirect' }, 'location: got undefined; expected a URL'],
    [{ on: 'any', kind: 'delay', ms: 5, bytes: 3 }, '`bytes` is unknown'],
    [{ on: 'any', kind: 'reset', when: 'header' }, 'when: got "header"; did you mean `headers`?'],
    [
      { on: 'any', kind: 'hang', when: 'connection' },
      'when: got "connection"; expected one of headers, body',
    ],
  ])('%j is rejected with a hint', async (fault, message) => {
    const emulator = await started();
    expect(() => emulator.fail(fault as unknown as Fault)).toThrow(RangeError);
    expect(() => emulator.fail(fault as unknown as Fault)).toThrow(message);
    expect((await call(emulator, 'balance')).status).toBe(200);
  });

  test.each([
    [
      'matching',
      {
        matching: () => {
          throw new Error('my error');
        },
      },
      0,
    ],
    [
      'patch',
      {
        patch: () => {
          throw new Error('my error');
        },
      },
      0.42,
    ],
  ])('a `%s` that throws responds 500 with its error', async (field, fields, charged) => {
    const emulator = await started();
    emulator.fail({ on: 'submit', kind: 'data', patch: {}, ...fields });
    const reply = await call(emulator, O3, { body: { prompt: 'x' } });
    expect(reply.status).toBe(500);
    expect(reply.json.message).toBe(`the emulator's fault: \`${field}\` threw: my error`);
    expect(emulator.account.charged).toBe(charged);
    expect(emulator.requests).toMatchObject([{ status: 500, body: { prompt: 'x' } }]);
  });

  test.each([{ times: 0 }, { times: Number.NaN }, { after: -1 }])('%j is rejected', async (turn) => {
    const emulator = await started();
    expect(() => emulator.fail({ on: 'any', kind: 'empty', ...turn })).toThrow(Object.keys(turn)[0]);
  });

  test.each<[FaultTarget, string, unknown]>([
    ['submit', O3, { prompt: 'x' }],
    ['result', 'predictions/x/result', undefined],
    ['list', 'predictions', {}],
    ['delete', 'predictions/delete', { ids: ['x'] }],
    ['balance', 'balance', undefined],
    ['price', 'model/price', { model_id: O3, inputs: {} }],
    ['secret', 'webhook/secret', undefined],
    ['upload', 'media/upload/binary', ''],
    ['upload', 'media/uploads', {}],
    ['ticket', 'media/uploads', {}],
    ['any', 'nothing', undefined],
  ])('%s is the operation of /api/v3/%s', async (target, path, body) => {
    const emulator = await started();
    emulator.fail({ on: target, kind: 'status', status: 599 });
    expect((await call(emulator, path, { body })).status).toBe(599);
  });

  test('outputs and storage are operations as well', async () => {
    const emulator = await started();
    emulator.fail({ on: 'output', kind: 'status', status: 599 });
    expect((await call(emulator, `${emulator.url}/outputs/x/1.mp4`, { key: null })).status).toBe(599);
    for (const target of ['put', 'upload'] as const) {
      emulator.fail({ on: target, kind: 'status', status: 599 });
      const reply = await call(emulator, `${emulator.url}/storage/x`, {
        method: 'PUT',
        body: 'x',
        key: null,
      });
      expect(reply.status).toBe(599);
    }
  });
});
