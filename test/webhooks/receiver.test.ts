/** `createWebhookReceiver` with Fetch requests: its responses, and that each event is handled once and none is lost. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  ConfigurationError,
  createWebhookReceiver,
  WebhookVerificationError,
} from 'wavespeed-kling/webhooks';
import type {
  Prediction,
  WebhookEvent,
  WebhookReceiverOptions,
  WebhookStore,
} from 'wavespeed-kling/webhooks';
import { webhookStoreTests } from 'wavespeed-kling/testing';
import { signWebhook } from '../../src/testing/service/sign.js';
import { createMemoryStore } from '../../src/webhooks/store.js';

const SECRET = 'whsec_test_secret';

const bodyOf = (id = 'task-1', status = 'completed') =>
  JSON.stringify({ id, status, outputs: ['https://cdn.example.com/video.mp4'] });

function delivery(webhookId: string, body = bodyOf(), secret = SECRET): Request {
  return new Request('https://example.com/webhooks', {
    method: 'POST',
    headers: { ...signWebhook(body, secret, { id: webhookId }), 'content-type': 'application/json' },
    body,
  });
}

/** A promise and the functions that settle it. */
function gate() {
  let open: () => void = () => {};
  let fail: (error: Error) => void = () => {};
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Resolves after the signatures of what was delivered before have been verified: those of later deliveries have been. */
async function verified(): Promise<void> {
  const probe = createWebhookReceiver({ secret: SECRET, onEvent: () => undefined });
  for (let count = 0; count < 5; count++) {
    await probe.fetch(delivery(`probe_${count}`));
    await settled();
  }
}

describe('the response of a receiver', () => {
  test('responds 200 after onEvent has finished', async () => {
    const handler = gate();
    const receiver = createWebhookReceiver({ secret: SECRET, onEvent: () => handler.promise });
    let answered = false;
    const answer = receiver.fetch(delivery('msg_1')).then((response) => {
      answered = true;
      return response;
    });
    await settled();
    expect(answered).toBe(false);
    handler.open();
    const response = await answer;
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await response.json()).toEqual({ received: true });
  });

  test('responds 200 without onEvent', async () => {
    const { fetch } = createWebhookReceiver({ secret: SECRET });
    expect((await fetch(delivery('msg_1'))).status).toBe(200);
  });

  test('responds 200 for an event whose input has all images as data: URLs', async () => {
    const images = Array.from({ length: 7 }, () => `data:image/png;base64,${'A'.repeat(4_000_000)}`);
    const event = { ...JSON.parse(bodyOf()), input: { prompt: 'A fox', images } } as WebhookEvent;
    const onEvent = vi.fn();
    const { fetch } = createWebhookReceiver({ secret: SECRET, onEvent });
    expect((await fetch(delivery('msg_1', JSON.stringify(event)))).status).toBe(200);
    expect(onEvent).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ input: event.input }), {});
  });

  test.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('responds 405 to %s', async (method) => {
    const onError = vi.fn();
    const receiver = createWebhookReceiver({ secret: SECRET, onError });
    const response = await receiver.fetch(new Request('https://example.com/webhooks', { method }));
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
    expect(onError).not.toHaveBeenCalled();
  });

  test.each<[number, string, () => Request]>([
    [401, 'signature_mismatch', () => delivery('msg_1', bodyOf(), 'whsec_other')],
    [400, 'missing_header', () => new Request('https://example.com/', { method: 'POST', body: bodyOf() })],
    [400, 'missing_header', () => new Request('https://example.com/', { method: 'POST' })],
    [
      401,
      'timestamp_too_old',
      () => {
        const headers = signWebhook(bodyOf(), SECRET, { timestamp: 1_000 });
        return new Request('https://example.com/', { method: 'POST', body: bodyOf(), headers });
      },
    ],
    [400, 'invalid_payload', () => delivery('msg_1', '[]')],
    [413, 'body_too_large', () => delivery('msg_1', JSON.stringify({ id: 'x'.repeat(32 * 1024 * 1024) }))],
  ])('is %i %s; onError is called, onEvent is not', async (status, reason, request) => {
    const onError = vi.fn();
    const onEvent = vi.fn();
    const receiver = createWebhookReceiver({ secret: SECRET, onEvent, onError });
    const response = await receiver.fetch(request());
    expect(response.status).toBe(status);
    const answer: unknown = await response.json();
    expect(answer).toMatchObject({ reason, message: expect.any(String) });
    expect(JSON.stringify(answer)).not.toContain('test_secret');
    expect(onEvent).not.toHaveBeenCalled();
    expect(onError).toHaveBeenCalledTimes(1);
    expect(onError.mock.calls[0]?.[0]).toBeInstanceOf(WebhookVerificationError);
  });

  test.each<[string, Record<string, string>]>([
    ['no signature', {}],
    ['a malformed signature', { ...signWebhook('', SECRET), 'webhook-signature': 'v3,1234' }],
    ['a malformed timestamp', { ...signWebhook('', SECRET), 'webhook-timestamp': 'now' }],
    ['an old timestamp', { ...signWebhook('', SECRET), 'webhook-timestamp': '1750000000' }],
  ])('does not read the body of a request with %s', async (_what, headers) => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10)),
    });
    const request = new Request('https://example.com/', { method: 'POST', headers, body, duplex: 'half' });
    const read = vi.spyOn(body, 'getReader');
    const onError = vi.fn();
    const response = await createWebhookReceiver({ secret: SECRET, onError, maxBodyBytes: 1000 }).fetch(
      request,
    );
    expect([400, 401]).toContain(response.status);
    expect(onError).toHaveBeenCalledTimes(1);
    expect([read.mock.calls.length, request.bodyUsed]).toEqual([0, false]);
  });

  test('responds 413 to a body without a length as soon as it is too long', async () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(1_000));
        // Far beyond the limit, and yet not endless: a receiver that reads on fails the test and not the machine.
        if (sent === 1_000) controller.close();
      },
    });
    const receiver = createWebhookReceiver({ secret: SECRET, maxBodyBytes: 10_000 });
    const response = await receiver.fetch(
      new Request('https://example.com/', {
        method: 'POST',
        headers: signWebhook('', SECRET),
        body,
        duplex: 'half',
      }),
    );
    expect(response.status).toBe(413);
    expect(sent).toBeLessThan(20);
  });

  test('responds 200 for a body of exactly maxBodyBytes', async () => {
    const maxBodyBytes = new TextEncoder().encode(bodyOf()).byteLength;
    const at = createWebhookReceiver({ secret: SECRET, maxBodyBytes });
    expect((await at.fetch(delivery('msg_1'))).status).toBe(200);
    const under = createWebhookReceiver({ secret: SECRET, maxBodyBytes: maxBodyBytes - 1 });
    expect((await under.fetch(delivery('msg_1'))).status).toBe(413);
  });

  test('responds 400 to a body that is cut off', async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{'));
        controller.error(new Error('cut'));
      },
    });
    const onError = vi.fn();
    const receiver = createWebhookReceiver({ secret: SECRET, onError });
    const request = new Request('https://example.com/', {
      method: 'POST',
      headers: signWebhook('', SECRET),
      body,
      duplex: 'half',
    });
    expect((await receiver.fetch(request)).status).toBe(400);
    expect(onError.mock.calls[0]?.[0]).toMatchObject({ reason: 'unreadable_body' });
  });

  test('responds 500 to a request whose body was read before, and says what to do', async () => {
    const request = delivery('msg_1');
    await request.json();
    const onError = vi.fn();
    const response = await createWebhookReceiver({ secret: SECRET, onError }).fetch(request);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({
      reason: 'parsed_body',
      message: expect.stringContaining('clone()'),
    });
    expect(onError).toHaveBeenCalledTimes(1);
  });
});

describe('options of createWebhookReceiver', () => {
  test.each(['', 'whsec_', []])('throws for the secret %j', (secret) => {
    expect(() => createWebhookReceiver({ secret })).toThrow(WebhookVerificationError);
  });

  test.each<Partial<WebhookReceiverOptions>>([
    { toleranceSeconds: NaN },
    { toleranceSeconds: -1 },
    { maxBodyBytes: 0 },
    { maxBodyBytes: 1.5 },
    { maxBodyBytes: Infinity },
    // Misspelt: every event would be answered with 200, and lost.
    { onevent: () => undefined } as object,
    { toleranceSecond: 5 } as object,
    // Each delivery would fail, and be lost after three retries.
    { store: {} } as object,
    { store: { claim: () => 'new', complete: () => undefined } } as object,
    { onEvent: 'save' } as object,
    { onError: null } as object,
    { now: Date.now() } as object,
  ])('throws for %o', (options) => {
    expect(() => createWebhookReceiver({ secret: SECRET, ...options })).toThrow(ConfigurationError);
  });

  test('accepts several secrets, a tolerance and a clock', async () => {
    const receiver = createWebhookReceiver({
      secret: ['whsec_old', SECRET],
      toleranceSeconds: 10,
      now: () => Date.now() + 11_000,
    });
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(401);
    const others = createWebhookReceiver({ secret: ['whsec_old', SECRET] });
    expect((await others.fetch(delivery('msg_1'))).status).toBe(200);
  });
});

describe('onEvent', () => {
  test('onEvent is called once for repeated deliveries', async () => {
    const onEvent = vi.fn();
    const receiver = createWebhookReceiver({ secret: SECRET, onEvent });
    for (let delivered = 0; delivered < 3; delivered += 1) {
      expect((await receiver.fetch(delivery('msg_1'))).status).toBe(200);
    }
    expect(onEvent).toHaveBeenCalledTimes(1);
    expect((await receiver.fetch(delivery('msg_2'))).status).toBe(200);
    expect(onEvent).toHaveBeenCalledTimes(2);
  });

  test('onEvent is called again for the next delivery after it threw; the response is 500, and onError is called', async () => {
    const failure = new Error('database password: hunter2');
    const onEvent = vi.fn<(event: WebhookEvent) => void>();
    onEvent.mockImplementationOnce(() => {
      throw failure;
    });
    onEvent.mockRejectedValueOnce(failure);
    const onError = vi.fn();
    const receiver = createWebhookReceiver({ secret: SECRET, onEvent, onError });
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      const response = await receiver.fetch(delivery('msg_1'));
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain('hunter2');
      expect(onError).toHaveBeenCalledTimes(attempt);
      expect(onError).toHaveBeenLastCalledWith(failure, {
        webhookId: 'msg_1',
        event: expect.objectContaining({ id: 'task-1' }),
      });
    }
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(200);
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(200);
    expect(onEvent).toHaveBeenCalledTimes(3);
    expect(onError).toHaveBeenCalledTimes(2);
  });

  test('onEvent is called once for concurrent deliveries; both responses wait for it', async () => {
    const handler = gate();
    const onEvent = vi.fn(() => handler.promise);
    const receiver = createWebhookReceiver({ secret: SECRET, onEvent });
    let answers = 0;
    const both = [1, 2].map(async () => {
      const response = await receiver.fetch(delivery('msg_1'));
      answers += 1;
      return response.status;
    });
    await verified();
    expect(answers).toBe(0);
    handler.open();
    expect(await Promise.all(both)).toEqual([200, 200]);
    expect(onEvent).toHaveBeenCalledTimes(1);
  });

  test('onEvent that fails rejects both concurrent deliveries, and is called for the next', async () => {
    const handler = gate();
    const onEvent = vi.fn(() => handler.promise);
    const receiver = createWebhookReceiver({ secret: SECRET, onEvent });
    const both = [1, 2].map(async () => (await receiver.fetch(delivery('msg_1'))).status);
    await verified();
    handler.fail(new Error('no'));
    expect(await Promise.all(both)).toEqual([500, 500]);
    expect(onEvent).toHaveBeenCalledTimes(1);
    onEvent.mockResolvedValue(undefined);
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(200);
    expect(onEvent).toHaveBeenCalledTimes(2);
  });

  test('onEvent is called for the next delivery when onError throws as well', async () => {
    const receiver = createWebhookReceiver({
      secret: SECRET,
      onEvent: () => Promise.reject(new Error('first')),
      onError: () => {
        throw new Error('second');
      },
    });
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(500);
  });
});

describe('a custom store', () => {
  test('a shared store lets one of two processes handle an event; the other responds 503, then 200', async () => {
    const store = createMemoryStore();
    const handler = gate();
    const onEvent = vi.fn(() => handler.promise);
    const one = createWebhookReceiver({ secret: SECRET, store, onEvent });
    const other = createWebhookReceiver({ secret: SECRET, store, onEvent });
    const first = one.fetch(delivery('msg_1'));
    await vi.waitFor(() => expect(onEvent).toHaveBeenCalledTimes(1));
    const meanwhile = await other.fetch(delivery('msg_1'));
    expect(meanwhile.status).toBe(503);
    expect(Number(meanwhile.headers.get('retry-after'))).toBeGreaterThan(0);
    handler.open();
    expect((await first).status).toBe(200);
    const after = await other.fetch(delivery('msg_1'));
    expect(after.status).toBe(200);
    expect(await after.json()).toEqual({ received: true, duplicate: true });
    expect(onEvent).toHaveBeenCalledTimes(1);
  });

  const broken = (broke: keyof WebhookStore): WebhookStore => {
    const store = createMemoryStore();
    return { ...store, [broke]: () => Promise.reject(new Error(`${broke} failed`)) };
  };

  test.each([undefined, null, true, 'OK', 'NEW', Object.create(null)])(
    'a store that returns %o for a claim: responds 500, handles nothing, and says what was expected',
    async (claim) => {
      const onEvent = vi.fn();
      const onError = vi.fn();
      const store = { ...createMemoryStore(), claim: () => claim as never };
      const receiver = createWebhookReceiver({ secret: SECRET, store, onEvent, onError });
      const response = await receiver.fetch(delivery('msg_1'));
      expect(response.status).toBe(500);
      expect(await response.json()).toMatchObject({ reason: 'store_failed' });
      expect(onEvent).not.toHaveBeenCalled();
      expect(onError).toHaveBeenCalledExactlyOnceWith(
        expect.any(ConfigurationError),
        expect.objectContaining({ webhookId: 'msg_1' }),
      );
      expect(String(onError.mock.calls[0]?.[0])).toContain('expected new, running, done');
    },
  );

  test('a store whose claim throws: responds 500, and onEvent is not called', async () => {
    const onEvent = vi.fn();
    const onError = vi.fn();
    const receiver = createWebhookReceiver({ secret: SECRET, store: broken('claim'), onEvent, onError });
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(500);
    expect(onEvent).not.toHaveBeenCalled();
    expect(onError).toHaveBeenCalledTimes(1);
  });

  test('a store whose complete throws: responds 200, and onError is called', async () => {
    const onError = vi.fn();
    const receiver = createWebhookReceiver({
      secret: SECRET,
      store: broken('complete'),
      onEvent: () => {},
      onError,
    });
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(200);
    expect(onError).toHaveBeenCalledTimes(1);
  });

  test('a store whose release throws: responds 500, and onError is called with both errors', async () => {
    const onError = vi.fn();
    const onEvent = () => Promise.reject(new Error('handler failed'));
    const receiver = createWebhookReceiver({ secret: SECRET, store: broken('release'), onEvent, onError });
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(500);
    expect(onError.mock.calls.map(([error]: unknown[]) => String(error))).toEqual([
      'Error: release failed',
      'Error: handler failed',
    ]);
  });
});

describe('a delivery whose handler is killed', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** A store that counts calls, and the first claim as a promise: verification takes real time. */
  const counting = () => {
    const store = createMemoryStore();
    const first = gate();
    const claim = vi.fn<WebhookStore['claim']>((id, leaseMs) => {
      first.open();
      return store.claim(id, leaseMs);
    });
    return {
      claimed: first.promise,
      store: { ...store, claim, renew: vi.fn((id: string, leaseMs: number) => store.renew?.(id, leaseMs)) },
    };
  };

  test('an event of a killed handler is handled by another process at the next delivery after 30 seconds', async () => {
    const { store, claimed } = counting();
    const dead = createWebhookReceiver({
      secret: SECRET,
      store: { ...store, renew: () => undefined },
      onEvent: () => new Promise(() => undefined),
    });
    void dead.fetch(delivery('msg_1'));
    await claimed;
    expect(store.claim).toHaveBeenCalledExactlyOnceWith('msg_1', 30_000);
    const onEvent = vi.fn();
    const other = createWebhookReceiver({ secret: SECRET, store, onEvent });
    await vi.advanceTimersByTimeAsync(29_999);
    expect((await other.fetch(delivery('msg_1'))).status).toBe(503);
    await vi.advanceTimersByTimeAsync(1);
    expect((await other.fetch(delivery('msg_1'))).status).toBe(200);
    expect(onEvent).toHaveBeenCalledTimes(1);
  });

  test('a claim is renewed while a slow handler runs, and not afterwards', async () => {
    const { store, claimed } = counting();
    const handler = gate();
    const slow = createWebhookReceiver({ secret: SECRET, store, onEvent: () => handler.promise });
    const answer = slow.fetch(delivery('msg_1'));
    await claimed;
    await vi.advanceTimersByTimeAsync(15 * 60_000);
    expect(store.renew).toHaveBeenCalledTimes(90);
    expect(store.renew).toHaveBeenLastCalledWith('msg_1', 30_000);
    const other = createWebhookReceiver({ secret: SECRET, store, onEvent: vi.fn() });
    expect((await other.fetch(delivery('msg_1'))).status).toBe(503);
    handler.open();
    expect((await answer).status).toBe(200);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(store.renew).toHaveBeenCalledTimes(90);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a delivery is claimed for 20 minutes in a store without renew', async () => {
    const { renew: _without, ...store } = counting().store;
    const receiver = createWebhookReceiver({ secret: SECRET, store, onEvent: vi.fn() });
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(200);
    expect(store.claim).toHaveBeenCalledExactlyOnceWith('msg_1', 20 * 60_000);
  });

  test('a claim is not renewed after 20 minutes, when the service has given up', async () => {
    const { store, claimed } = counting();
    const stuck = createWebhookReceiver({
      secret: SECRET,
      store,
      onEvent: () => new Promise(() => undefined),
    });
    void stuck.fetch(delivery('msg_1'));
    await claimed;
    await vi.advanceTimersByTimeAsync(21 * 60_000);
    expect(vi.getTimerCount()).toBe(0);
    const other = createWebhookReceiver({ secret: SECRET, store, onEvent: vi.fn() });
    expect((await other.fetch(delivery('msg_1'))).status).toBe(200);
  });
});

describe('a store that never settles', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Tells when it is called. */
  const never = () => {
    const called = gate();
    const call = () => {
      called.open();
      return new Promise<never>(() => undefined);
    };
    return { call, called: called.promise };
  };

  test.each([
    ['claim', 500],
    ['complete', 200],
  ] as const)(
    'a store that never settles in %s: responds %i after 10 seconds, and onError gets the name of the call',
    async (method, status) => {
      const onError = vi.fn();
      const { call, called } = never();
      const store = { ...createMemoryStore(), [method]: call };
      const receiver = createWebhookReceiver({ secret: SECRET, store, onEvent: vi.fn(), onError });
      const answer = receiver.fetch(delivery('msg_1'));
      await called;
      await vi.advanceTimersByTimeAsync(10_000);
      expect((await answer).status).toBe(status);
      expect(String(onError.mock.calls[0]?.[0])).toContain(`store.${method}`);
    },
  );

  test('a claim that comes after the 10 seconds is given back, so that the next delivery is handled', async () => {
    const memory = createMemoryStore();
    const called = gate();
    const late = gate();
    const claim = vi.fn<WebhookStore['claim']>((id, leaseMs) => memory.claim(id, leaseMs));
    claim.mockImplementationOnce((id, leaseMs) => {
      called.open();
      return late.promise.then(() => memory.claim(id, leaseMs));
    });
    const onEvent = vi.fn();
    const receiver = createWebhookReceiver({ secret: SECRET, store: { ...memory, claim }, onEvent });
    const answer = receiver.fetch(delivery('msg_1'));
    await called.promise;
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await answer).status).toBe(500);
    late.open();
    await vi.advanceTimersByTimeAsync(0);
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(200);
    expect(onEvent).toHaveBeenCalledTimes(1);
  });
});

describe('a secret function', () => {
  test('a secret function is called with the first delivery, not before, and once for many', async () => {
    const secret = vi.fn(() => Promise.resolve(SECRET));
    const receiver = createWebhookReceiver({ secret });
    expect(secret).not.toHaveBeenCalled();
    const answers = await Promise.all([1, 2, 3].map((id) => receiver.fetch(delivery(`msg_${id}`))));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(secret).toHaveBeenCalledTimes(1);
  });

  test('a secret function is called once more after a signature that does not match: the event of a rotated secret is accepted', async () => {
    const secret = vi.fn(() => 'whsec_new');
    secret.mockReturnValueOnce(`${SECRET}\n`);
    const receiver = createWebhookReceiver({ secret });
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(200);
    expect((await receiver.fetch(delivery('msg_2', bodyOf(), 'whsec_new'))).status).toBe(200);
    expect((await receiver.fetch(delivery('msg_3', bodyOf(), 'whsec_new'))).status).toBe(200);
    expect(secret).toHaveBeenCalledTimes(2);
  });

  test('a secret function is called at most 5 times a minute for forged deliveries, and again afterwards', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const secret = vi.fn(() => SECRET);
      const receiver = createWebhookReceiver({ secret });
      for (let sent = 0; sent < 20; sent += 1) {
        expect((await receiver.fetch(delivery(`msg_${sent}`, bodyOf(), 'whsec_forged'))).status).toBe(401);
      }
      expect(secret).toHaveBeenCalledTimes(6);
      expect((await receiver.fetch(delivery('msg_genuine'))).status).toBe(200);
      vi.advanceTimersByTime(60_000);
      expect((await receiver.fetch(delivery('msg_x', bodyOf(), 'whsec_forged'))).status).toBe(401);
      expect(secret).toHaveBeenCalledTimes(7);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a secret function that fails: responds 500, and is called again for the next delivery', async () => {
    const secret = vi.fn(() => Promise.resolve(SECRET));
    secret.mockRejectedValueOnce(new Error('no network'));
    const onError = vi.fn();
    const receiver = createWebhookReceiver({ secret, onError });
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(500);
    expect(onError.mock.calls[0]?.[0]).toMatchObject({
      name: 'ConfigurationError',
      cause: expect.objectContaining({ message: 'no network' }),
    });
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(200);
  });

  test('a secret function that returns an empty secret: responds 500, even for a delivery signed with it', async () => {
    const receiver = createWebhookReceiver({ secret: () => ' \n' });
    const response = await receiver.fetch(delivery('msg_1'));
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ reason: 'invalid_secret' });
  });
});

describe('the journal of a receiver', () => {
  test('onEvent gets the idempotency key of the task from the journal', async () => {
    const onEvent = vi.fn();
    const find = vi.fn(async (id: string) => (id === 'task-1' ? 'order-1042' : undefined));
    const receiver = createWebhookReceiver({ secret: SECRET, onEvent, journal: { find } });
    await receiver.fetch(delivery('msg_1'));
    expect(onEvent).toHaveBeenLastCalledWith(expect.objectContaining({ id: 'task-1' }), {
      idempotencyKey: 'order-1042',
    });
    await receiver.fetch(delivery('msg_2', bodyOf('task-2')));
    expect(onEvent).toHaveBeenLastCalledWith(expect.objectContaining({ id: 'task-2' }), {});
  });

  test('onEvent gets no key from a journal without find', async () => {
    const onEvent = vi.fn();
    const receiver = createWebhookReceiver({ secret: SECRET, onEvent, journal: {} });
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(200);
    expect(onEvent).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ id: 'task-1' }), {});
  });

  test('a journal that fails: responds 500, and onEvent is called with the key at the next delivery', async () => {
    const onEvent = vi.fn();
    const find = vi.fn(async () => 'order-1042');
    find.mockRejectedValueOnce(new Error('database down'));
    const receiver = createWebhookReceiver({ secret: SECRET, onEvent, journal: { find } });
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(500);
    expect(onEvent).not.toHaveBeenCalled();
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(200);
    expect(onEvent).toHaveBeenCalledTimes(1);
  });
});

describe('the in-memory store', () => {
  for (const { name, run } of webhookStoreTests(oneStore())) test(name, run);

  test('the in-memory store forgets a handled delivery after 24 hours, however many there are, and not before', async () => {
    vi.useFakeTimers();
    try {
      const store = createMemoryStore();
      await store.claim('a', 30_000);
      await store.complete('a');
      for (let index = 0; index < 20_000; index += 1) await store.complete(`other ${index}`);
      vi.advanceTimersByTime(24 * 3_600_000 - 1);
      expect(await store.claim('a', 30_000)).toBe('done');
      vi.advanceTimersByTime(1);
      expect(await store.claim('a', 30_000)).toBe('new');
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('webhookStoreTests fail', () => {
  /** Runs one of the tests on a store. */
  const runTest = (name: string, change: (good: WebhookStore) => Partial<WebhookStore>) => {
    const good = createMemoryStore();
    const store = { ...good, ...change(good) };
    return webhookStoreTests(() => store)
      .find((each) => each.name === name)
      ?.run();
  };

  test('for a store whose claims have no lease', async () => {
    const withoutLease = (good: WebhookStore) => ({ claim: (id: string) => good.claim(id, 1e9) });
    const name = 'a claim whose lease has ended, as of a process that died, is new for one of 50 callers';
    await expect(runTest(name, withoutLease)).rejects.toThrow('not free 3 s after its lease');
  });

  test('for a claim that is not atomic', async () => {
    const claimed = new Set<string>();
    const claim = async (id: string) => {
      const isNew = !claimed.has(id);
      await new Promise((resolve) => setTimeout(resolve, 1));
      claimed.add(id);
      return isNew ? 'new' : 'running';
    };
    const name = 'one of 50 concurrent claims of a new delivery gets it';
    await expect(runTest(name, () => ({ claim }))).rejects.toThrow('expected one claim to get `new`');
  });

  test('for a store that forgets what was handled', async () => {
    const name = 'a completed delivery is done for every caller';
    await expect(runTest(name, (good) => ({ complete: (id) => good.release(id) }))).rejects.toThrow();
  });
});

/** Opens one store for all tests. */
function oneStore() {
  const store = createMemoryStore();
  return () => store;
}

describe('subscribe', () => {
  test('subscribe calls a listener with the events of its task only, until it unsubscribes', async () => {
    const receiver = createWebhookReceiver({ secret: SECRET });
    const heard: Prediction[] = [];
    const unsubscribe = receiver.subscribe('task-1', (prediction) => heard.push(prediction));
    await receiver.fetch(delivery('msg_1', bodyOf('task-2')));
    expect(heard).toEqual([]);
    await receiver.fetch(delivery('msg_2', bodyOf('task-1')));
    expect(heard).toMatchObject([{ id: 'task-1', status: 'completed' }]);
    unsubscribe();
    unsubscribe();
    await receiver.fetch(delivery('msg_3', bodyOf('task-1', 'failed')));
    expect(heard).toHaveLength(1);
  });

  test('subscribe calls a listener before onEvent has finished, and also when onEvent fails', async () => {
    const handler = gate();
    const receiver = createWebhookReceiver({ secret: SECRET, onEvent: () => handler.promise });
    const listener = vi.fn();
    receiver.subscribe('task-1', listener);
    const answer = receiver.fetch(delivery('msg_1'));
    await vi.waitFor(() => expect(listener).toHaveBeenCalledTimes(1));
    handler.fail(new Error('no'));
    expect((await answer).status).toBe(500);
  });

  test('subscribe never calls a listener with an unverified event', async () => {
    const receiver = createWebhookReceiver({ secret: SECRET });
    const listener = vi.fn();
    receiver.subscribe('task-1', listener);
    await receiver.fetch(delivery('msg_1', bodyOf(), 'whsec_other'));
    receiver.subscribe('task-1', listener);
    await settled();
    expect(listener).not.toHaveBeenCalled();
  });

  test('subscribe calls a listener with an earlier event, after subscribe has returned', async () => {
    const receiver = createWebhookReceiver({ secret: SECRET });
    await receiver.fetch(delivery('msg_1'));
    const listener = vi.fn();
    const unsubscribe = receiver.subscribe('task-1', listener);
    expect(listener).not.toHaveBeenCalled();
    await vi.waitFor(() => expect(listener).toHaveBeenCalledTimes(1));
    unsubscribe();
    // Unsubscribed before its turn came.
    receiver.subscribe('task-1', listener)();
    await settled();
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test('subscribe does not repeat an earlier event that is not terminal', async () => {
    const receiver = createWebhookReceiver({ secret: SECRET });
    const during = vi.fn();
    receiver.subscribe('task-1', during);
    await receiver.fetch(delivery('msg_1', bodyOf('task-1', 'processing')));
    expect(during).toHaveBeenCalledTimes(1);
    const after = vi.fn();
    receiver.subscribe('task-1', after);
    await settled();
    expect(after).not.toHaveBeenCalled();
  });

  test('subscribe remembers the last 1,000 finished tasks', async () => {
    const receiver = createWebhookReceiver({ secret: SECRET });
    for (let count = 0; count <= 1_000; count += 1) {
      await receiver.fetch(delivery(`msg_${count}`, bodyOf(`task-${count}`)));
    }
    const heard: string[] = [];
    for (const id of ['task-0', 'task-1', 'task-1000']) {
      receiver.subscribe(id, (prediction) => heard.push(prediction.id));
    }
    await vi.waitFor(() => expect(heard).toEqual(['task-1', 'task-1000']));
  });

  test('subscribe remembers finished tasks without their input; listeners receive it', async () => {
    const receiver = createWebhookReceiver({ secret: SECRET });
    const [before, after] = [vi.fn(), vi.fn()];
    receiver.subscribe('task-1', before);
    const event = { ...(JSON.parse(bodyOf()) as WebhookEvent), input: { prompt: 'A fox' } };
    await receiver.fetch(delivery('msg_1', JSON.stringify(event)));
    receiver.subscribe('task-1', after);
    expect(before).toHaveBeenCalledExactlyOnceWith(expect.objectContaining(event));
    await vi.waitFor(() => expect(after).toHaveBeenCalled());
    const { input: _input, ...kept } = event;
    expect(after).toHaveBeenCalledExactlyOnceWith(expect.objectContaining(kept));
    expect(after.mock.calls[0]?.[0]).not.toHaveProperty('input');
  });

  test('subscribe calls the other listeners and responds 200 when a listener throws; onError is called', async () => {
    const onError = vi.fn();
    const receiver = createWebhookReceiver({ secret: SECRET, onError });
    receiver.subscribe('task-1', () => {
      throw new Error('thrown');
    });
    receiver.subscribe('task-1', () => Promise.reject(new Error('rejected')));
    const listener = vi.fn();
    receiver.subscribe('task-1', listener);
    expect((await receiver.fetch(delivery('msg_1'))).status).toBe(200);
    expect(listener).toHaveBeenCalledTimes(1);
    await vi.waitFor(() => expect(onError).toHaveBeenCalledTimes(2));
    expect(onError.mock.calls.map(([error]: unknown[]) => String(error))).toEqual([
      'Error: thrown',
      'Error: rejected',
    ]);
  });

  test('a listener may subscribe and unsubscribe while it is called', async () => {
    const receiver = createWebhookReceiver({ secret: SECRET });
    const heard: string[] = [];
    let unsubscribeSecond = () => {};
    receiver.subscribe('task-1', () => {
      heard.push('first');
      unsubscribeSecond();
      receiver.subscribe('task-1', () => heard.push('third'));
    });
    unsubscribeSecond = receiver.subscribe('task-1', () => heard.push('second'));
    await receiver.fetch(delivery('msg_1'));
    await vi.waitFor(() => expect(heard).toEqual(['first', 'third']));
  });
});

test('the receiver prints nothing', async () => {
  const writes = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')];
  const methods = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name));
  const receiver = createWebhookReceiver({
    secret: SECRET,
    onEvent: () => Promise.reject(new Error('no')),
  });
  await receiver.fetch(delivery('msg_1'));
  await receiver.fetch(delivery('msg_1', bodyOf(), 'whsec_other'));
  for (const spy of [...writes, ...methods]) expect(spy).not.toHaveBeenCalled();
});
