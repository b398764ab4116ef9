// The journal on a real Redis: compare-and-set, one key per task, expiry, and bad options.
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ConfigurationError, type JournalEntry, JournalError, type Prediction } from 'wavespeed-kling';
import { redisEvents, redisJournal } from 'wavespeed-kling/bullmq';
import { journalTests } from 'wavespeed-kling/testing';
import { failure } from '../support/client.js';
import { hasRedis, startRedis } from './support.js';

const BASE = { fingerprint: 'f', model: 'm', attempt: 1 };
const idle: JournalEntry = { ...BASE, state: 'idle', reason: '429' };
const submitted = (predictionId: string): JournalEntry => ({ ...BASE, state: 'submitted', predictionId });
const ended = (predictionId: string): JournalEntry => ({
  ...BASE,
  state: 'ended',
  predictionId,
  prediction: { id: predictionId } as Prediction,
});

describe.skipIf(!hasRedis())('redisJournal', () => {
  let redis: Redis;
  let stop: () => void;
  beforeAll(async () => {
    const server = await startRedis();
    stop = server.stop;
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    await redis?.quit();
    stop?.();
  });
  beforeEach(() => redis.flushdb());

  for (const { name, run } of journalTests(() => redisJournal(redis))) test(name, run, 30_000);

  test('returns what was written, with a revision that grows', async () => {
    const journal = redisJournal(redis);
    expect(await journal.get('order')).toBeUndefined();
    const first = await journal.put('order', idle);
    expect(await journal.get('order')).toEqual({ entry: idle, revision: first });
    const second = await journal.put('order', submitted('t'), Number(first));
    expect(second).not.toBe(first);
    expect(await journal.get('order')).toEqual({ entry: submitted('t'), revision: second });
  });

  test('rejects a write whose revision is not the stored one', async () => {
    const journal = redisJournal(redis);
    expect(await journal.put('order', idle, 1)).toBe('stale');
    const revision = Number(await journal.put('order', idle));
    expect(await journal.put('order', submitted('t'))).toBe('stale');
    expect(await journal.put('order', submitted('t'), revision + 1)).toBe('stale');
    expect(await journal.get('order')).toEqual({ entry: idle, revision });
  });

  test('lets only one of many concurrent writers win', async () => {
    const results = await Promise.all(
      Array.from({ length: 50 }, () => redisJournal(redis).put('order', idle)),
    );
    expect(results.filter((result) => typeof result === 'number')).toHaveLength(1);
  });

  test('gives a task to one key only', async () => {
    const journal = redisJournal(redis);
    const keys = Array.from({ length: 20 }, (_, index) => `order-${index}`);
    const results = await Promise.all(keys.map((key) => journal.put(key, submitted('twin'))));
    expect(results.filter((result) => typeof result === 'number')).toHaveLength(1);
    expect(results.filter((result) => result === 'taken')).toHaveLength(19);
    const owner = keys[results.findIndex((result) => typeof result === 'number')] ?? '';
    const stored = await journal.get(owner);
    expect(typeof (await journal.put(owner, ended('twin'), stored?.revision))).toBe('number');
  });

  test('keeps an entry until 8 days after its end, and before that for ever', async () => {
    const journal = redisJournal(redis, { prefix: 'app' });
    const revision = await journal.put('order', submitted('t'));
    const ttls = async () => Promise.all((await redis.keys('*')).map((key) => redis.pttl(key)));
    expect(await ttls()).toEqual([-1, -1]);
    await journal.put('order', ended('t'), Number(revision));
    for (const ttl of await ttls()) expect(ttl).toBeGreaterThan(8 * 86_400_000 - 10_000);
  });

  test('keeps an entry that is proven to have no task for 8 days', async () => {
    await redisJournal(redis).put('order', idle);
    expect(await redis.pttl('{wavespeed-kling}:key:order')).toBeGreaterThan(8 * 86_400_000 - 10_000);
  });

  test.each([{}, { keyPrefix: 'shop:' }])(
    'finds the key of a task, and yields every entry, with %j',
    async (options) => {
      const client = redis.duplicate(options);
      const journal = redisJournal(client, { prefix: 'a*[b]?' });
      await redisJournal(client, { prefix: 'a*[b]?2' }).put('of-another-prefix', submitted('t-0'));
      await journal.put('order:*', submitted('t-1'));
      await Promise.all(Array.from({ length: 1200 }, (_, index) => journal.put(`order-${index}`, idle)));
      expect(await journal.find('t-1')).toBe('order:*');
      expect(await journal.find('t-0')).toBeUndefined();
      const keys = [];
      for await (const { key, entry } of journal.entries()) {
        keys.push(key);
        expect(entry).toEqual(key === 'order:*' ? submitted('t-1') : idle);
      }
      expect(keys.sort()).toEqual(
        ['order:*', ...Array.from({ length: 1200 }, (_, index) => `order-${index}`)].sort(),
      );
      client.disconnect();
    },
  );

  test('does not quote an entry that is damaged', async () => {
    await redis.hset('{wavespeed-kling}:key:order', { revision: 1, entry: 'wsk-secret' });
    const error = await failure(redisJournal(redis).get('order'), JournalError);
    expect(error.message).toBe('The entry of "order" in Redis is not JSON.');
  });

  test('uses one hash slot, so that a cluster runs the script', async () => {
    await redisJournal(redis).put('order', submitted('t'));
    const slots = await Promise.all(
      (await redis.keys('*')).map((key) => redis.cluster('KEYSLOT', key).catch(() => key)),
    );
    const tags = (await redis.keys('*')).map((key) => /\{[^}]+\}/.exec(key)?.[0]);
    expect(slots).toHaveLength(2);
    expect(new Set(tags)).toEqual(new Set(['{wavespeed-kling}']));
  });

  test.each([
    { ttlMs: 1000 },
    { ttlMs: 1.5e9 + 0.5 },
    { prefix: '' },
    { prefix: 'a{b}' },
    { prefx: 'staging' },
  ])('rejects %j', (options) => {
    expect(() => redisJournal(redis, options)).toThrow(ConfigurationError);
  });

  test('reads revisions from a client with `stringNumbers`', async () => {
    const strings = redis.duplicate({ stringNumbers: true });
    const journal = redisJournal(strings);
    expect(await journal.put('order', idle)).toBe(1);
    expect(await journal.put('order', idle, 1)).toBe(2);
    strings.disconnect();
  });

  // node-redis has `eval` and `duplicate` as well, but other names for the commands.
  test.each([
    ['an empty object', {}],
    [
      'a client of node-redis',
      { eval: () => 1, duplicate: () => undefined, hmGet: () => [], set: () => 'OK' },
    ],
  ])('rejects %s', (_, client) => {
    expect(() => redisJournal(client as unknown as Redis)).toThrow('expected a client of ioredis');
    expect(() => redisEvents(client as unknown as Redis)).toThrow('expected a client of ioredis');
  });
});
