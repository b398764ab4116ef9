/** A journal of idempotency keys on Redis, for workers on several machines. */
import type { Cluster, Redis } from 'ioredis';
import { checkNames } from '../core/validate-options.js';
import { ConfigurationError, type Journal, type JournalEntry, JournalError } from '../index.js';
import { checkRedis } from './check-redis.js';

/** Options of `redisJournal`. */
export interface RedisJournalOptions {
  /** Prefix of every key. @default 'wavespeed-kling' */
  prefix?: string | undefined;
  /**
   * How long an entry is kept after its task ended, or after it was proven that there is none, in milliseconds; at least
   * 8 days. An entry of a task that may still run is kept without a limit. @default 691_200_000 (8 days)
   */
  ttlMs?: number | undefined;
}

/** The service keeps a task for 7 days. */
const MIN_TTL_MS = 8 * 24 * 60 * 60_000;

/**
 * Writes an entry if its revision is the stored one (empty: there is no entry), and the id of its task belongs to no other key.
 * KEYS: entry, task id · ARGV: revision, entry, whether it names a task, key, ttl (0: forever)
 */
const PUT = `
local stored = redis.call('HGET', KEYS[1], 'revision') or ''
if stored ~= ARGV[1] then return 'stale' end
if ARGV[3] == '1' then
  local owner = redis.call('GET', KEYS[2])
  if owner and owner ~= ARGV[4] then return 'taken' end
  redis.call('SET', KEYS[2], ARGV[4])
end
local revision = (tonumber(stored) or 0) + 1
redis.call('HSET', KEYS[1], 'revision', revision, 'entry', ARGV[2])
for index = 1, 2 do
  if tonumber(ARGV[5]) > 0 then redis.call('PEXPIRE', KEYS[index], ARGV[5]) else redis.call('PERSIST', KEYS[index]) end
end
return revision`;

/**
 * Creates a journal on Redis. It is as durable as the server: use `appendonly yes` and `maxmemory-policy noeviction`. All keys share one hash slot, so that it
 * works on a cluster.
 *
 * @throws {ConfigurationError} for a client that is not ioredis, or a bad option.
 * @example
 * const kling = new WaveSpeedKling({ journal: redisJournal(new Redis()) });
 */
export function redisJournal(redis: Redis | Cluster, options: RedisJournalOptions = {}): Required<Journal> {
  checkNames(options, ['prefix', 'ttlMs']);
  const { prefix = 'wavespeed-kling', ttlMs = MIN_TTL_MS } = options;
  checkRedis('redisJournal', redis, prefix);
  if (!Number.isSafeInteger(ttlMs) || ttlMs < MIN_TTL_MS) {
    throw new ConfigurationError(
      `redisJournal: \`ttlMs\`: got ${String(ttlMs)}; expected a whole number, at least ${MIN_TTL_MS} (8 days).`,
    );
  }
  // One hash tag: an entry and the id of its task are written together.
  const entryKey = (key: string) => `{${prefix}}:key:${key}`;
  const taskKey = (id: string) => `{${prefix}}:task:${id}`;
  const get: Journal['get'] = async (key) => {
    const [revision, entry] = await redis.hmget(entryKey(key), 'revision', 'entry');
    if (typeof revision !== 'string' || typeof entry !== 'string') return undefined;
    return { entry: parseEntry(key, entry), revision: Number(revision) };
  };
  return {
    get,
    async put(key, entry, revision) {
      const predictionId = 'predictionId' in entry ? entry.predictionId : undefined;
      const result = await redis.eval(
        PUT,
        2,
        entryKey(key),
        taskKey(predictionId ?? ''),
        revision === undefined ? '' : String(revision),
        JSON.stringify(entry),
        predictionId === undefined ? '0' : '1',
        key,
        entry.state === 'ended' || entry.state === 'idle' ? ttlMs : 0,
      );
      // ioredis returns integers as strings with `stringNumbers`.
      return result === 'stale' || result === 'taken' ? result : Number(result);
    },
    find: async (predictionId) => (await redis.get(taskKey(predictionId))) ?? undefined,
    async *entries() {
      for await (const key of scanKeys(redis, entryKey(''))) {
        const found = await get(key);
        if (found !== undefined) yield { key, entry: found.entry };
      }
    },
  };
}

/** Yields what follows the prefix in the name of each key, once. */
async function* scanKeys(redis: Redis | Cluster, prefix: string): AsyncGenerator<string, void, void> {
  // `SCAN` does not apply the `keyPrefix` of the client, unlike the other commands.
  const start = `${redis.options.keyPrefix ?? ''}${prefix}`;
  const match = `${start.replaceAll(/[\\*?[\]]/g, '\\$&')}*`;
  const seen = new Set<string>();
  for (const node of 'nodes' in redis ? redis.nodes('master') : [redis]) {
    for await (const names of node.scanStream({ match, count: 500 }) as AsyncIterable<string[]>) {
      for (const name of names) {
        if (seen.has(name)) continue;
        seen.add(name);
        yield name.slice(start.length);
      }
    }
  }
}

function parseEntry(key: string, text: string): JournalEntry {
  try {
    return JSON.parse(text) as JournalEntry;
  } catch {
    // The parser's error would quote the entry.
    throw new JournalError(`The entry of ${JSON.stringify(key)} in Redis is not JSON.`);
  }
}
