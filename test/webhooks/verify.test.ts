/** `verifyWebhook`: what it accepts, one test per rejection, and test vectors computed by openssl. */
import { readFileSync } from 'node:fs';
import { fc } from '../support/properties.js';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ConfigurationError, verifyWebhook, WebhookVerificationError } from 'wavespeed-kling/webhooks';
import type {
  RawWebhookBody,
  VerifyWebhookOptions,
  WebhookHeaders,
  WebhookSecret,
  WebhookVerificationReason,
} from 'wavespeed-kling/webhooks';
import { signWebhook } from '../../src/testing/service/sign.js';

const SECRET = 'whsec_dGhpcyBpcyBub3QgZGVjb2RlZA';
const TIMESTAMP = 1_750_000_000;
const now = () => TIMESTAMP * 1000;
const BODY = JSON.stringify({
  id: 'task-1',
  model: 'kwaivgi/kling-video-o3-std/reference-to-video',
  status: 'completed',
  outputs: ['https://cdn.example.com/video.mp4'],
  urls: { get: 'https://api.wavespeed.ai/api/v3/predictions/task-1/result' },
  has_nsfw_contents: [false],
  created_at: '2025-06-15T15:06:40.123456789Z',
  error: '',
  timings: { inference: 61_234 },
  input: { prompt: 'a café at night' },
});
const sign = (body: string | Uint8Array = BODY, secret = SECRET) =>
  signWebhook(body, secret, { id: 'msg_1', timestamp: TIMESTAMP });

/** The error that the call rejects with. */
async function rejection(call: Promise<unknown>): Promise<WebhookVerificationError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof WebhookVerificationError)) throw new Error('It was not rejected.', { cause: error });
  return error;
}

async function expectReason(
  reason: WebhookVerificationReason,
  given: {
    body?: unknown;
    headers?: unknown;
    secret?: unknown;
    options?: VerifyWebhookOptions;
  },
): Promise<string> {
  const error = await rejection(
    verifyWebhook(
      ('body' in given ? given.body : BODY) as RawWebhookBody,
      ('headers' in given ? given.headers : sign()) as WebhookHeaders,
      ('secret' in given ? given.secret : SECRET) as WebhookSecret,
      { now, ...given.options },
    ),
  );
  expect(error.reason).toBe(reason);
  expect(error.name).toBe('WebhookVerificationError');
  expect(error.message).not.toContain(SECRET.slice('whsec_'.length));
  return error.message;
}

describe('vectors computed by openssl', () => {
  test('use the text after whsec_ as the key, not its base64 decoding', async () => {
    // printf '%s.%s.%s' msg_1 1750000000 '{"id":"pred_123","status":"completed","outputs":["https://cdn.example.com/v.mp4"],"error":""}' |
    //   openssl dgst -sha256 -hmac 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const event = await verifyWebhook(
      '{"id":"pred_123","status":"completed","outputs":["https://cdn.example.com/v.mp4"],"error":""}',
      {
        'webhook-id': 'msg_1',
        'webhook-timestamp': '1750000000',
        'webhook-signature': 'v3,eb8ce35c5f40657dbeb16feec9c9e869e68b6bec95ed6d6867ff5db10988398b',
      },
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      { now },
    );
    expect(event).toMatchObject({ id: 'pred_123', outputs: ['https://cdn.example.com/v.mp4'] });
  });

  test('encode body and key as UTF-8', async () => {
    // printf '%s.%s.%s' msg_2 1750000000 '{"id":"café","status":"failed","outputs":null,"error":"日本 🎬"}' |
    //   openssl dgst -sha256 -hmac 'clé-ünïcode'
    const event = await verifyWebhook(
      '{"id":"café","status":"failed","outputs":null,"error":"日本 🎬"}',
      {
        'webhook-id': 'msg_2',
        'webhook-timestamp': '1750000000',
        'webhook-signature': 'v3,4eb856b59fb7991f45d9fde9452a30a654632cb28481f0150bce4d8646653306',
      },
      'whsec_clé-ünïcode',
      { now },
    );
    expect(event).toMatchObject({ id: 'café', status: 'failed', outputs: [], error: '日本 🎬' });
  });

  test('verify bytes that are not UTF-8 as they are', async () => {
    // printf '%s.%s.{"id":"bytes","prompt":"\xff\xfe"}' msg_3 1750000000 |
    //   openssl dgst -sha256 -hmac 'plain key with spaces'
    const body = Buffer.concat([
      Buffer.from('{"id":"bytes","prompt":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ]);
    const event = await verifyWebhook(
      body,
      {
        'webhook-id': 'msg_3',
        'webhook-timestamp': '1750000000',
        'webhook-signature': 'v3,975af0c6798f8ca65fc87cdad0a658caabb9d4d2b924ee443e77f23d4053a140',
      },
      'plain key with spaces',
      { now },
    );
    expect(event.id).toBe('bytes');
  });
});

describe('verifyWebhook accepts', () => {
  const bytes = new TextEncoder().encode(BODY);
  const shifted = new Uint8Array(bytes.byteLength + 9);
  shifted.set(bytes, 4);
  test.each<[string, RawWebhookBody]>([
    ['a string', BODY],
    ['a Buffer', Buffer.from(BODY)],
    ['a Uint8Array', bytes],
    ['a view into a larger buffer', shifted.subarray(4, 4 + bytes.byteLength)],
    ['a DataView', new DataView(bytes.buffer)],
    ['an ArrayBuffer', bytes.buffer],
  ])('the body as %s', async (_name, body) => {
    expect((await verifyWebhook(body, sign(), SECRET, { now })).id).toBe('task-1');
  });

  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = sign();
  test.each<[string, WebhookHeaders]>([
    ['Headers', new Headers(sign())],
    ['a Map', new Map(Object.entries(sign()))],
    ['a plain record', sign()],
    [
      'any case',
      { 'Webhook-Id': id, 'WEBHOOK-TIMESTAMP': timestamp, 'webhook-Signature': signature, host: 'x' },
    ],
    [
      'lists of strings',
      {
        'webhook-id': [id],
        'webhook-timestamp': [timestamp],
        'webhook-signature': [signature],
        via: undefined,
      },
    ],
    ['a repeated signature header', { ...sign(), 'webhook-signature': [signature, 'v3,bad'] }],
    ['white space around the values', { ...sign(), 'webhook-timestamp': ` ${timestamp} ` }],
  ])('headers as %s', async (_name, headers) => {
    expect((await verifyWebhook(BODY, headers, SECRET, { now })).id).toBe('task-1');
  });

  test('any of several secrets, with or without the prefix', async () => {
    const secrets = ['whsec_old', 'whsec_new'] as const;
    await verifyWebhook(BODY, sign(BODY, 'whsec_old'), secrets, { now });
    await verifyWebhook(BODY, sign(BODY, 'new'), secrets, { now });
    await expectReason('signature_mismatch', { headers: sign(BODY, 'whsec_other'), secret: secrets });
  });

  test.each([`${SECRET}\n`, `  ${SECRET}\r\n`, [`${SECRET} `]])(
    'the secret %j, without its white space',
    async (secret) => {
      expect((await verifyWebhook(BODY, sign(), secret, { now })).id).toBe('task-1');
    },
  );

  test('any of several signatures, and ignores other versions', async () => {
    const headers = {
      ...sign(),
      'webhook-signature': `v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= v3,${'0'.repeat(64)}  ${signature} v4,x`,
    };
    expect((await verifyWebhook(BODY, headers, SECRET, { now })).id).toBe('task-1');
  });

  test('uppercase hexadecimal digits', async () => {
    const headers = { ...sign(), 'webhook-signature': `v3,${signature.slice(3).toUpperCase()}` };
    expect((await verifyWebhook(BODY, headers, SECRET, { now })).id).toBe('task-1');
  });

  test('new fields, nulls and a new status', async () => {
    const body = JSON.stringify({
      id: 'task-2',
      status: 'paused',
      outputs: null,
      error: null,
      urls: null,
      has_nsfw_contents: null,
      timings: null,
      shiny: { new: true },
    });
    expect(await verifyWebhook(body, sign(body), SECRET, { now })).toEqual({
      id: 'task-2',
      model: '',
      status: 'paused',
      outputs: [],
      error: '',
      urls: {},
      has_nsfw_contents: [],
      timings: {},
      created_at: '',
      shiny: { new: true },
    });
  });

  test('a timestamp exactly at the tolerance, in both directions', async () => {
    for (const offset of [-300, 300]) {
      const at = () => (TIMESTAMP + offset) * 1000;
      await verifyWebhook(BODY, sign(), SECRET, { now: at });
    }
    await verifyWebhook(BODY, sign(), SECRET, { now, toleranceSeconds: 0 });
  });

  test('a current timestamp by the system clock', async () => {
    expect((await verifyWebhook(BODY, signWebhook(BODY, SECRET), SECRET)).id).toBe('task-1');
    expect((await rejection(verifyWebhook(BODY, sign(), SECRET))).reason).toBe('timestamp_too_old');
  });

  test('everything that signWebhook signs', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .string({ minLength: 1, unit: 'binary' })
          .filter((secret) => secret.trim() !== '' && secret.trim() === secret),
        fc.stringMatching(/^[\w-]+$/),
        fc.json(),
        async (secret, webhookId, json) => {
          const body = `{"id":"x","input":${json}}`;
          const headers = signWebhook(body, `whsec_${secret}`, { id: webhookId, timestamp: TIMESTAMP });
          const event = await verifyWebhook(body, headers, `whsec_${secret}`, { now });
          expect(event.input).toEqual(JSON.parse(json));
        },
      ),
    );
  });
});

describe('verifyWebhook rejects', () => {
  test.each<[string, unknown]>([
    ['empty', ''],
    ['the prefix alone', 'whsec_'],
    ['white space', ' \n'],
    ['an empty list', []],
    ['a list with an empty one', [SECRET, '']],
    ['undefined', undefined],
    ['null', null],
  ])('a secret that is %s', async (_name, secret) => {
    const message = await expectReason('invalid_secret', { secret });
    expect(message).toContain('whsec_');
  });

  test('an empty secret even when the webhook is signed with it', async () => {
    const { createHmac } = await import('node:crypto');
    const hex = createHmac('sha256', '').update(`msg_1.${TIMESTAMP}.${BODY}`).digest('hex');
    await expectReason('invalid_secret', {
      secret: 'whsec_',
      headers: { ...sign(), 'webhook-signature': `v3,${hex}` },
    });
  });

  test.each<[string, unknown]>([
    ['a parsed object', JSON.parse(BODY)],
    ['a Buffer that went through JSON', JSON.parse(JSON.stringify(Buffer.from(BODY)))],
    ['the result of String(object)', '[object Object]'],
    ['a list', [1]],
    ['a number', 1],
    ['nothing', undefined],
    ['null', null],
    ['a Request', new Request('https://example.com', { method: 'POST', body: BODY })],
  ])('%s instead of the raw body, and links to the recipes', async (_name, body) => {
    expect(await expectReason('parsed_body', { body })).toContain('docs/webhooks.md#the-raw-body');
  });

  test.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    'a request without %s',
    async (name) => {
      const { [name]: _left, ...others }: Record<string, string> = sign();
      expect(await expectReason('missing_header', { headers: others })).toContain(name);
      await expectReason('missing_header', { headers: new Headers(others) });
      await expectReason('missing_header', { headers: { ...others, [name]: '' } });
      await expectReason('missing_header', { headers: { ...others, [name]: [] } });
    },
  );

  test('a signed id with a dot, which could be cut into another id and timestamp', async () => {
    const headers = signWebhook(BODY, SECRET, { id: `msg.${TIMESTAMP}`, timestamp: TIMESTAMP });
    await expectReason('invalid_id', { headers });
  });

  test.each([undefined, null, 'webhook-id: 1'])('headers that are %j', async (headers) => {
    await expectReason('missing_header', { headers });
  });

  const hex = sign()['webhook-signature'].slice('v3,'.length);
  test.each<[string, string]>([
    ['no version', hex],
    ['another version only', `v1,${hex}`],
    ['a digit too few', `v3,${hex.slice(1)}`],
    ['a digit too many', `v3,${hex}0`],
    ['a letter that is not a digit', `v3,g${hex.slice(1)}`],
    ['base64', 'v3,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4='],
    ['an equals sign', `v3=${hex}`],
    ['nothing after the version', 'v3,'],
    ['more than 16 signatures', `v3,${hex} `.repeat(17)],
  ])('a signature with %s', async (_name, signature) => {
    await expectReason('invalid_signature_format', {
      headers: { ...sign(), 'webhook-signature': signature },
    });
  });

  test.each([
    'NaN',
    '-1750000000',
    '1750000000.5',
    '1.75e9',
    '0x684f',
    '+1750000000',
    '1 750',
    '9'.repeat(16),
  ])('the timestamp %j', async (timestamp) => {
    await expectReason('invalid_timestamp', { headers: { ...sign(), 'webhook-timestamp': timestamp } });
  });

  test('an old timestamp, and says by how much', async () => {
    const options = { now: () => (TIMESTAMP + 301) * 1000 };
    expect(await expectReason('timestamp_too_old', { options })).toContain('301 s ago');
    await expectReason('timestamp_too_old', {
      options: { toleranceSeconds: 0, now: () => (TIMESTAMP + 1) * 1000 },
    });
  });

  test('a timestamp ahead of the clock', async () => {
    const options = { now: () => (TIMESTAMP - 301) * 1000 };
    expect(await expectReason('timestamp_too_new', { options })).toContain('301 s ahead');
    // Milliseconds, by mistake.
    await expectReason('timestamp_too_new', {
      headers: { ...sign(), 'webhook-timestamp': `${TIMESTAMP}000` },
    });
  });

  test('any timestamp when the clock returns NaN', async () => {
    await expectReason('timestamp_too_old', { options: { now: () => NaN } });
  });

  test('a signature made with another secret, of another id, timestamp or body', async () => {
    await expectReason('signature_mismatch', { headers: sign(BODY, 'whsec_other') });
    await expectReason('signature_mismatch', { headers: { ...sign(), 'webhook-id': 'msg_2' } });
    await expectReason('signature_mismatch', {
      headers: { ...sign(), 'webhook-timestamp': String(TIMESTAMP + 1) },
    });
    await expectReason('signature_mismatch', { body: `${BODY} ` });
    expect(await expectReason('signature_mismatch', { body: '' })).toContain('empty');
  });

  test('a signature of a generic Standard Webhooks library: the base64-decoded secret as the key', async () => {
    const { createHmac } = await import('node:crypto');
    const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
    const decoded = createHmac('sha256', key).update(`msg_1.${TIMESTAMP}.${BODY}`).digest('hex');
    await expectReason('signature_mismatch', {
      headers: { ...sign(), 'webhook-signature': `v3,${decoded}` },
    });
  });

  test('any flipped bit of the body, the signature, the timestamp, the id or the secret', async () => {
    const bytes = new TextEncoder().encode(BODY);
    const flipped = (text: string, bit: number): string => {
      const copy = Buffer.from(text);
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return copy.toString('latin1');
    };
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.byteLength * 8 - 1), async (bit) => {
        const body = bytes.slice();
        body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await expectReason('signature_mismatch', { body });
      }),
    );
    for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const) {
      const value = sign()[name];
      for (let bit = 0; bit < value.length * 8; bit += 1) {
        const changed = flipped(value, bit);
        // The case of a hexadecimal letter does not matter.
        if (changed.toLowerCase() === value && name === 'webhook-signature') continue;
        const call = verifyWebhook(BODY, { ...sign(), [name]: changed }, SECRET, { now });
        await rejection(call);
      }
    }
    for (let bit = 'whsec_'.length * 8; bit < SECRET.length * 8; bit += 1) {
      await rejection(verifyWebhook(BODY, sign(), flipped(SECRET, bit), { now }));
    }
  });

  test.each(['', 'null', '[]', '"text"', '{}', '{"id":null}', '{"id":""}', '{"id":"x"', 'OK'])(
    'a signed body that is not a prediction: %s',
    async (body) => {
      await expectReason('invalid_payload', { body, headers: sign(body) });
    },
  );

  test('a misspelt option, which would leave the tolerance at its default', async () => {
    const call = verifyWebhook(BODY, sign(), SECRET, { now, tolerance: 5 } as object);
    await expect(call).rejects.toThrow(/tolerance/);
    await expect(call).rejects.toThrow(ConfigurationError);
  });

  test.each([NaN, -1, Infinity, '300'])('the tolerance %j', async (toleranceSeconds) => {
    const call = verifyWebhook(BODY, sign(), SECRET, { now, toleranceSeconds: toleranceSeconds as number });
    await expect(call).rejects.toThrow(ConfigurationError);
    await expect(call).rejects.toThrow(/toleranceSeconds/);
  });
});

test('the page that the error of a parsed body refers to has a recipe for each framework', () => {
  const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
  const section = /^## The raw body$([\s\S]*?)^## /m.exec(page)?.[1];
  for (const framework of ['Express', 'Fastify', 'Hono', 'Next', 'Lambda']) {
    expect(section).toContain(`${framework}`);
  }
});

test('computes one HMAC per secret, however many signatures the header has', async () => {
  const sign_ = vi.spyOn(crypto.subtle, 'sign');
  const verify = vi.spyOn(crypto.subtle, 'verify');
  onTestFinished(() => void vi.restoreAllMocks());
  const wrong = Array.from({ length: 16 }, (_, index) => `v3,${String(index).padStart(64, '0')}`).join(' ');
  const headers = { ...sign(), 'webhook-signature': wrong };
  await expectReason('signature_mismatch', { headers, secret: ['whsec_one', 'whsec_two'] });
  expect(sign_.mock.calls.length + verify.mock.calls.length).toBe(2);
});

test('reports errors of the receiver’s set-up before errors of the request', async () => {
  await expectReason('invalid_secret', { secret: '', body: {}, headers: {} });
  await expectReason('parsed_body', { body: {}, headers: {} });
});

test('returns the complete prediction, typed', async () => {
  const event = await verifyWebhook(BODY, sign(), SECRET, { now });
  const outputs: string[] = event.outputs;
  expect(outputs).toEqual(['https://cdn.example.com/video.mp4']);
  expect(event).toEqual(JSON.parse(BODY));
});
