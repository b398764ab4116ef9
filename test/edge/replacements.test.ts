// What stands for Node's modules in the edge build does what Node's do.
import * as crypto from 'node:crypto';
import * as util from 'node:util';
import { fc } from '../support/properties.js';
import { describe, expect, test } from 'vitest';
import { createHash } from '../../src/edge/crypto.js';
import { inspect, isDeepStrictEqual } from '../../src/edge/util.js';

describe('createHash of the edge build', () => {
  test('returns what Node returns, however the data is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 300 }))),
        (parts) => {
          const own = createHash('sha256');
          const nodes = crypto.createHash('sha256');
          for (const part of parts) {
            own.update(part);
            nodes.update(part);
          }
          expect(own.digest('hex')).toBe(nodes.digest('hex'));
        },
      ),
    );
  });

  test.each([0, 55, 56, 63, 64, 65, 119, 120, 1_000_003])(
    'returns what Node returns for %i bytes',
    (size) => {
      const bytes = new Uint8Array(size).fill(0x61);
      const expected = crypto.createHash('sha256').update(bytes).digest('hex');
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(expected);
    },
  );
});

test('isDeepStrictEqual of the edge build agrees with Node on JSON', () => {
  const value = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(value, value, (one, other) => {
      expect(isDeepStrictEqual(one, other)).toBe(util.isDeepStrictEqual(one, other));
      expect(isDeepStrictEqual(one, structuredClone(one))).toBe(true);
    }),
  );
  expect(isDeepStrictEqual({ a: 1 }, { a: 1, b: undefined })).toBe(false);
  expect(isDeepStrictEqual({ a: undefined }, { b: undefined })).toBe(false);
});

describe('inspect of the edge build finds a key', () => {
  const key = 'sk-secret-1234';
  test.each([
    ['in the message of an error', new Error(key)],
    ['in the cause of an error', new Error('x', { cause: { request: { token: key } } })],
    ['in headers', { headers: new Headers({ authorization: `Bearer ${key}` }) }],
    ['in a map', new Map([[key, 1]])],
    ['in an array', [[[key]]]],
    ['in a property that is not enumerable', Object.defineProperty({}, 'hidden', { value: key })],
    ['as the name of a property', { [key]: 1 }],
  ])('%s', (_, value) => {
    expect(inspect(value, { depth: 10 })).toContain(key);
  });

  test('in a request', () => {
    const request = new Request('https://example.com', { headers: { authorization: key } });
    expect(inspect({ request }, { depth: 10 })).toContain(key);
  });

  test('and ends for a value that contains itself', () => {
    const value: { self?: unknown } = {};
    value.self = value;
    expect(inspect(value, { depth: 10 })).not.toContain(key);
  });
});
