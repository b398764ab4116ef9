/** Runs over real sockets that hang: nothing is sent after the deadline, and nobody else is held up. */
import { expect, test, vi } from 'vitest';
import { KLING_O3_STD, RequestTimeoutError, SubmissionUnknownError, WaitAbortedError } from 'wavespeed-kling';
import { client, INPUT, isSubmitRequest, respond, sendData, serve, serveTcp } from '../support/server.js';
import { picture } from '../media/support.js';
import { done, failure, rejection, task } from '../support/client.js';

test('the 129th run behind 128 hung submits sends nothing after its deadline', async () => {
  const server = await serve((request, response) => {
    if (!isSubmitRequest(request)) respond(request, response);
  });
  const kling = client(server.url);
  const controller = new AbortController();
  const hung = Array.from({ length: 128 }, () =>
    rejection(kling.run(KLING_O3_STD, INPUT, { signal: controller.signal })),
  );
  await vi.waitFor(() => expect(server.submits()).toBe(128));
  // Several, for the queue must drop each of them.
  const late = Array.from({ length: 5 }, () =>
    failure(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 50 }), RequestTimeoutError),
  );
  for (const { message } of await Promise.all(late)) expect(message).toContain('nothing was submitted');
  // Once there is room again, none of them goes out.
  for (const socket of server.sockets) socket.destroy();
  for (const error of await Promise.all(hung)) expect(error).toBeInstanceOf(SubmissionUnknownError);
  await kling.balance();
  expect(server.submits()).toBe(128);
  await kling.close();
  expect(server.submits()).toBe(128);
});

test('80 hung result URLs hold up neither a healthy wait nor balance()', async () => {
  const server = await serve((request, response) => {
    if (request.url?.includes('/hung') === true) return;
    if (request.url?.includes('/result') === true) return sendData(response, done({ id: 'healthy' }));
    respond(request, response);
  });
  const kling = client(server.url);
  const controller = new AbortController();
  const { signal } = controller;
  const hung = Array.from({ length: 80 }, (_, index) =>
    failure(kling.wait(`hung-${index}`, { signal }), WaitAbortedError),
  );
  await vi.waitFor(() => expect(server.requests.length).toBeGreaterThanOrEqual(80));
  expect(await Promise.all([kling.wait('healthy'), kling.balance()])).toMatchObject([{ id: 'healthy' }, 7]);
  controller.abort('left');
  expect(new Set((await Promise.all(hung)).map(({ predictionId }) => predictionId)).size).toBe(80);
});

test('2,000 submits that are aborted in the queue send nothing and open no connection', async () => {
  let isOpen = false;
  const held: (() => void)[] = [];
  const server = await serve((request, response) => {
    const answer = () => respond(request, response);
    if (isOpen || !isSubmitRequest(request)) answer();
    else held.push(answer);
  });
  const kling = client(server.url);
  const first = Array.from({ length: 128 }, () => kling.submit(KLING_O3_STD, INPUT));
  await vi.waitFor(() => expect(held).toHaveLength(128));
  const controller = new AbortController();
  const queued = Array.from({ length: 2000 }, () =>
    rejection(kling.submit(KLING_O3_STD, INPUT, { signal: controller.signal })),
  );
  const next = kling.submit(KLING_O3_STD, INPUT);
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort('left');
  expect(new Set(await Promise.all(queued))).toEqual(new Set(['left']));
  isOpen = true;
  for (const answer of held) answer();
  await Promise.all([...first, next]);
  expect(server.submits()).toBe(129);
  expect(server.sockets.length).toBeLessThanOrEqual(129);
});

test('a run whose TLS handshake stalls settles at its deadline, and sends nothing when it goes on', async () => {
  let bytes = '';
  let closed = 0;
  const url = await serveTcp((socket) => {
    socket.on('data', (chunk) => {
      bytes += chunk.toString('latin1');
    });
    socket.on('close', () => closed++);
  });
  const kling = client(url.replace('http:', 'https:'), { connectTimeoutMs: 60_000 });
  await failure(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 1000 }), RequestTimeoutError);
  // The connection is given up, so that no handshake can end later.
  await vi.waitFor(() => expect(closed).toBe(1));
  expect(bytes).not.toContain('POST');
});

test('a key that comes after the deadline is used for nothing', async () => {
  const server = await serve();
  const key: { give?: (key: string) => void } = {};
  const kling = client(server.url, {
    apiKey: () =>
      new Promise<string>((resolve) => {
        key.give = resolve;
      }),
  });
  await failure(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 20 }), RequestTimeoutError);
  key.give?.('test-key-123456');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(server.requests).toEqual([]);
  expect(server.sockets).toEqual([]);
});

test('a process that was frozen past the deadline submits nothing', async () => {
  const server = await serve();
  const kling = client(server.url, {
    apiKey: () => {
      // Nothing else runs meanwhile, the timer of the deadline neither.
      const until = performance.now() + 60;
      while (performance.now() < until);
      return 'test-key-123456';
    },
    fetch: globalThis.fetch,
  });
  await failure(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 30 }), RequestTimeoutError);
  expect(server.requests).toEqual([]);
});

test('an upload that hangs ends with the run, and nothing is submitted', async () => {
  const server = await serve((request, response) => {
    if (request.url?.includes('/media/') !== true) respond(request, response);
  });
  const kling = client(server.url);
  const images = [new Blob([new Uint8Array(picture())])];
  await failure(kling.run(KLING_O3_STD, { ...INPUT, images }, { timeoutMs: 200 }), RequestTimeoutError);
  await kling.close();
  expect(server.submits()).toBe(0);
});

const accepted = ['run', 'watch', 'wait', 'runMany'] as const;
test.each(accepted)(
  'an abort after acceptance: %s gives a WaitAbortedError that names the task',
  async (how) => {
    const server = await serve((request, response) => {
      sendData(response, task({ id: 'task-7', status: isSubmitRequest(request) ? 'created' : 'processing' }));
    });
    const kling = client(server.url, { pollIntervalMs: 5 });
    const controller = new AbortController();
    const { signal } = controller;
    const reason = new Error('the user left');
    const abort = () => controller.abort(reason);
    const onUpdate = ({ status }: { status: string }) => {
      if (status === 'processing') abort();
    };
    const call = async () => {
      if (how === 'run') return kling.run(KLING_O3_STD, INPUT, { signal, onUpdate });
      if (how === 'wait') return kling.wait('task-7', { signal, onUpdate });
      if (how === 'watch') {
        for await (const prediction of kling.watch('task-7', { signal })) onUpdate(prediction);
        return undefined;
      }
      const batch = kling.runMany([{ model: KLING_O3_STD, input: INPUT }], { signal, onUpdate });
      const { value } = await batch.next();
      expect(value).toMatchObject({ status: 'rejected', predictionId: 'task-7' });
      expect(await rejection(batch.next())).toBe(reason);
      throw (value as { reason: unknown }).reason;
    };
    const error = await failure(call(), WaitAbortedError);
    expect(error).toMatchObject({ name: 'AbortError', predictionId: 'task-7', cause: reason });
    expect(error.message).toContain(`wait('task-7')`);
  },
);
