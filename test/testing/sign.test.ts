/** Checks `signWebhook` against digests that the openssl command made. */
import { expect, test } from 'vitest';
import { signWebhook } from '../../src/testing/service/sign.js';

test('signs as openssl does', () => {
  // printf '%s.%s.%s' msg_1 1750000000 '{"id":"pred_123","status":"completed","outputs":["https://cdn.example.com/v.mp4"],"error":""}' |
  //   openssl dgst -sha256 -hmac 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const body =
    '{"id":"pred_123","status":"completed","outputs":["https://cdn.example.com/v.mp4"],"error":""}';
  const options = { id: 'msg_1', timestamp: 1_750_000_000 };
  expect(signWebhook(body, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', options)).toEqual({
    'webhook-id': 'msg_1',
    'webhook-timestamp': '1750000000',
    'webhook-signature': 'v3,eb8ce35c5f40657dbeb16feec9c9e869e68b6bec95ed6d6867ff5db10988398b',
  });
});

test('signs text as its UTF-8 bytes, and a secret without its prefix the same as with it', () => {
  const options = { id: 'msg_1', timestamp: 1_750_000_000 };
  const body = '{"id":"café 🎬"}';
  const signed = signWebhook(body, 'whsec_secret', options);
  expect(signWebhook(new TextEncoder().encode(body), 'secret', options)).toEqual(signed);
});

test('generates an id and a timestamp by default', () => {
  const first = signWebhook('{}', 'secret');
  const second = signWebhook('{}', 'secret');
  expect(first['webhook-id']).toMatch(/^msg_./);
  expect(first['webhook-id']).not.toBe(second['webhook-id']);
  expect(Math.abs(Number(first['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(300);
  expect(first['webhook-timestamp']).toMatch(/^\d+$/);
});

test.each(['', 'whsec_', ' '])('rejects the empty secret %j', (secret) => {
  expect(() => signWebhook('{}', secret)).toThrow(TypeError);
});
