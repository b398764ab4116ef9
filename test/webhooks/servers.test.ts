/** The receiver in real frameworks, over real sockets: Hono, Express, Fastify and plain http. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, type AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';
import type { WebhookReceiver } from 'wavespeed-kling/webhooks';
import { signWebhook } from '../../src/testing/service/sign.js';

const SECRET = 'whsec_test_secret';
const PATH = '/webhooks';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Gives the server's URL for webhooks. */
async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`;
}

const listenTo = (listener: RequestListener) => listen(createServer(listener));

/** A body that changes when it is parsed and serialized: spaces, an escape, a number's form, bytes that are not UTF-8. */
const BODY = Buffer.concat([
  Buffer.from(
    '{ "id": "task-1", "status": "completed", "outputs": ["https:\\/\\/cdn.example.com\\/é.mp4"], ',
  ),
  Buffer.from('"cost": 1.0, "input": { "prompt": "'),
  Buffer.from([0xff]),
  Buffer.from('" } }'),
]);

/** Well-formed signature headers, as lines of a request. */
const SIGNED = Object.entries(signWebhook(BODY, SECRET))
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');

async function deliver(url: string, webhookId: string, body: Buffer = BODY, secret = SECRET) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...signWebhook(body, secret, { id: webhookId }), 'content-type': 'application/json' },
    body: new Uint8Array(body),
  });
  return { status: response.status, body: (await response.json()) as { reason?: string; message?: string } };
}

const frameworks: [string, (receiver: WebhookReceiver) => Promise<string>][] = [
  [
    'Hono',
    (receiver) => {
      const app = new Hono();
      app.post(PATH, (context) => receiver.fetch(context.req.raw));
      return listen(createAdaptorServer({ fetch: app.fetch }) as Server);
    },
  ],
  [
    'Express, the body unread',
    (receiver) => {
      const app = express();
      app.post(PATH, receiver.node);
      app.use(express.json());
      return listenTo(app);
    },
  ],
  [
    'Express with express.raw()',
    (receiver) => {
      const app = express();
      app.post(PATH, express.raw({ type: '*/*', limit: '40mb' }), receiver.node);
      return listenTo(app);
    },
  ],
  [
    'Fastify',
    async (receiver) => {
      const app = fastify();
      await app.register(async (scope) => {
        scope.addContentTypeParser('application/json', (_request, _payload, done) => done(null));
        scope.post(PATH, async (request, reply) => {
          reply.hijack();
          await receiver.node(request.raw, reply.raw);
        });
      });
      await app.ready();
      closers.push(() => app.close());
      return `${await app.listen({ port: 0, host: '127.0.0.1' })}${PATH}`;
    },
  ],
  [
    'plain http',
    (receiver) =>
      listenTo((request, response) => {
        void receiver.node(request, response);
      }),
  ],
];

describe.each(frameworks)('%s', (_name, start) => {
  test('handles an event once', async () => {
    const onEvent = vi.fn();
    const receiver = createWebhookReceiver({ secret: SECRET, onEvent });
    const url = await start(receiver);
    const woken = vi.fn();
    receiver.subscribe('task-1', woken);
    expect(await deliver(url, 'msg_1')).toEqual({ status: 200, body: { received: true } });
    expect((await deliver(url, 'msg_1')).status).toBe(200);
    expect(onEvent).toHaveBeenCalledTimes(1);
    expect(onEvent.mock.calls[0]?.[0]).toMatchObject({
      id: 'task-1',
      status: 'completed',
      outputs: ['https://cdn.example.com/é.mp4'],
    });
    expect(woken).toHaveBeenCalled();
  });

  test('handles the next delivery of an event whose handler threw', async () => {
    const onEvent = vi.fn().mockRejectedValueOnce(new Error('no'));
    const onError = vi.fn();
    const url = await start(createWebhookReceiver({ secret: SECRET, onEvent, onError }));
    expect((await deliver(url, 'msg_1')).status).toBe(500);
    expect(onError).toHaveBeenCalledTimes(1);
    expect((await deliver(url, 'msg_1')).status).toBe(200);
    expect(onEvent).toHaveBeenCalledTimes(2);
  });

  test('handles concurrent deliveries of an event once', async () => {
    const onEvent = vi.fn(() => new Promise((resolve) => setTimeout(resolve, 50)));
    const url = await start(createWebhookReceiver({ secret: SECRET, onEvent }));
    const answers = await Promise.all([1, 2, 3].map(() => deliver(url, 'msg_1')));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect(onEvent).toHaveBeenCalledTimes(1);
  });

  test('accepts an event whose input has images as data: URLs', async () => {
    const onEvent = vi.fn();
    const url = await start(createWebhookReceiver({ secret: SECRET, onEvent }));
    const images = Array.from({ length: 7 }, () => `data:image/png;base64,${'A'.repeat(1_000_000)}`);
    const event = { id: 'task-1', status: 'completed', outputs: [], input: { images } };
    expect((await deliver(url, 'msg_1', Buffer.from(JSON.stringify(event)))).status).toBe(200);
    expect(onEvent.mock.calls[0]?.[0]).toMatchObject({ input: { images } });
  });

  test('rejects a forged event', async () => {
    const url = await start(createWebhookReceiver({ secret: SECRET }));
    const answer = await deliver(url, 'msg_1', BODY, 'whsec_other');
    expect(answer).toMatchObject({ status: 401, body: { reason: 'signature_mismatch' } });
  });

  test('responds 413 to a body that is too large, and keeps working', async () => {
    const onEvent = vi.fn();
    const url = await start(createWebhookReceiver({ secret: SECRET, onEvent }));
    // Express has a limit of its own, above, and it is larger: this is the receiver's answer.
    const answer = await deliver(url, 'msg_1', Buffer.alloc(33_554_433, ' '));
    expect(answer.status).toBe(413);
    expect((await deliver(url, 'msg_2')).status).toBe(200);
    expect(onEvent).toHaveBeenCalledTimes(1);
  });
});

describe('a body that a framework has parsed gets a 500 that says what to do', () => {
  test.each<[string, (receiver: WebhookReceiver) => Promise<string>]>([
    [
      'Express',
      (receiver) => {
        const app = express();
        app.use(express.json());
        app.post(PATH, receiver.node);
        return listenTo(app);
      },
    ],
    [
      'Fastify',
      async (receiver) => {
        const app = fastify();
        app.post(PATH, async (request, reply) => {
          reply.hijack();
          await receiver.node(request.raw, reply.raw);
        });
        closers.push(() => app.close());
        return `${await app.listen({ port: 0, host: '127.0.0.1' })}${PATH}`;
      },
    ],
    [
      'Hono',
      (receiver) => {
        const app = new Hono();
        app.post(PATH, async (context) => {
          await context.req.json();
          return receiver.fetch(context.req.raw);
        });
        return listen(createAdaptorServer({ fetch: app.fetch }) as Server);
      },
    ],
  ])('%s', async (name, start) => {
    const onEvent = vi.fn();
    const onError = vi.fn();
    const url = await start(createWebhookReceiver({ secret: SECRET, onEvent, onError }));
    const body = Buffer.from('{"id":"task-1","status":"completed"}');
    const answer = await deliver(url, 'msg_1', body);
    expect(answer).toMatchObject({ status: 500, body: { reason: 'parsed_body' } });
    expect(answer.body.message).toContain(
      name === 'Hono' ? 'request.clone()' : 'docs/webhooks.md#the-raw-body',
    );
    expect(onEvent).not.toHaveBeenCalled();
    expect(onError).toHaveBeenCalledTimes(1);
  });
});

describe('receiver.node', () => {
  test('accepts the bytes in rawBody, and text from express.text()', async () => {
    const onEvent = vi.fn();
    const { node } = createWebhookReceiver({ secret: SECRET, onEvent });
    const keeping = express();
    const verify = (request: object, _response: unknown, bytes: Buffer) => {
      Object.assign(request, { rawBody: bytes });
    };
    keeping.use(express.json({ verify }));
    keeping.post(PATH, node);
    expect((await deliver(await listenTo(keeping), 'msg_1')).status).toBe(200);

    const text = express();
    text.post(PATH, express.text({ type: '*/*' }), node);
    const body = Buffer.from('{"id":"task-é"}');
    expect((await deliver(await listenTo(text), 'msg_2', body)).status).toBe(200);
    expect(onEvent).toHaveBeenCalledTimes(2);
  });

  test('responds 405 to a GET, and 400 to a request without signature and body', async () => {
    const { node } = createWebhookReceiver({ secret: SECRET });
    const url = await listenTo((request, response) => {
      void node(request, response);
    });
    const got = await fetch(url);
    expect(got.status).toBe(405);
    expect(got.headers.get('allow')).toBe('POST');
    expect((await fetch(url, { method: 'POST' })).status).toBe(400);
  });

  test('responds 413 to an endless body without a length', async () => {
    const { node } = createWebhookReceiver({ secret: SECRET, maxBodyBytes: 1_000 });
    const url = await listenTo((request, response) => {
      void node(request, response);
    });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    closers.push(() => socket.destroy());
    socket.write(`POST ${PATH} HTTP/1.1\r\nhost: x\r\n${SIGNED}transfer-encoding: chunked\r\n\r\n`);
    const chunk = `3e8\r\n${'x'.repeat(1_000)}\r\n`;
    const timer = setInterval(() => socket.write(chunk), 5);
    closers.push(() => clearInterval(timer));
    const answer = await new Promise<string>((resolve) => {
      socket.once('data', (data) => resolve(String(data)));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('responds 413 to a content length over the limit before the body is sent', async () => {
    const receiver = createWebhookReceiver({ secret: SECRET });
    for (const [, start] of frameworks.filter(([name]) => name === 'Hono' || name === 'plain http')) {
      const socket = connect(Number(new URL(await start(receiver)).port), '127.0.0.1');
      closers.push(() => socket.destroy());
      socket.write(`POST ${PATH} HTTP/1.1\r\nhost: x\r\n${SIGNED}content-length: 9999999999\r\n\r\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(String(answer)).toMatch(/^HTTP\/1\.1 413 /);
    }
  });

  test('rejects a request without a signature before its body is read or sent', async () => {
    const receiver = createWebhookReceiver({ secret: SECRET });
    for (const [, start] of frameworks.filter(([name]) => name === 'Hono' || name === 'plain http')) {
      const socket = connect(Number(new URL(await start(receiver)).port), '127.0.0.1');
      closers.push(() => socket.destroy());
      // Nothing of the body follows: a receiver that reads it first never responds.
      socket.write(`POST ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(String(answer)).toMatch(/^HTTP\/1\.1 400 /);
    }
  });

  test('leaves a response alone that was already sent', async () => {
    const { node } = createWebhookReceiver({ secret: SECRET });
    const done = vi.fn();
    const url = await listenTo((request, response) => {
      response.end('{"by":"another"}');
      void node(request, response).then(done);
    });
    expect(await deliver(url, 'msg_1')).toEqual({ status: 200, body: { by: 'another' } });
    await vi.waitFor(() => expect(done).toHaveBeenCalledTimes(1));
  });

  test('settles when the sender disconnects, before or after the receiver listens', async () => {
    const onError = vi.fn();
    const { node } = createWebhookReceiver({ secret: SECRET, onError });
    const done = vi.fn();
    let delayMs = 0;
    const url = await listenTo((request, response) => {
      setTimeout(() => void node(request, response).then(done), delayMs);
    });
    for (delayMs of [0, 100]) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.write(`POST ${PATH} HTTP/1.1\r\nhost: x\r\n${SIGNED}content-length: 100\r\n\r\n{`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      socket.destroy();
      await vi.waitFor(() => expect(done).toHaveBeenCalledTimes(delayMs === 0 ? 1 : 2));
    }
    for (const [error] of onError.mock.calls) expect(error).toMatchObject({ reason: 'unreadable_body' });
    expect(onError).toHaveBeenCalledTimes(2);
  });

  test('supports HTTP/2, and settles when the sender resets the stream', async () => {
    const onError = vi.fn();
    const { node } = createWebhookReceiver({ secret: SECRET, onError });
    const done = vi.fn();
    const server = createHttp2Server((request, response) => {
      void node(request, response).then(done);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    closers.push(() => {
      session.destroy();
      server.close();
    });
    const start = { ':method': 'POST', ':path': PATH };
    const whole = session.request({ ...start, ...signWebhook(BODY, SECRET) });
    whole.end(BODY);
    const [headers] = (await once(whole, 'response')) as [{ ':status'?: number }];
    expect(headers[':status']).toBe(200);
    const broken = session.request({ ...start, ...signWebhook(BODY, SECRET), 'content-length': '100' });
    broken.on('error', () => {});
    broken.write('{');
    await new Promise((resolve) => setTimeout(resolve, 50));
    broken.close(8);
    await vi.waitFor(() => expect(done).toHaveBeenCalledTimes(2));
    expect(onError.mock.calls).toMatchObject([[{ reason: 'unreadable_body' }, {}]]);
  });
});
