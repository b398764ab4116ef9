/** Paces the submits of all workers of a queue: each job gets a start time of its own. */
import type { RedisQueueBackend } from 'bullmq';

/** A client of Redis as BullMQ wraps it: of ioredis, or another library that it supports. */
type BullRedis = Awaited<RedisQueueBackend['client']>;

/**
 * Reserves the next start time, and returns how long until then.
 * KEYS: the time after the last one · ARGV: time between two starts, in milliseconds
 */
const RESERVE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
redis.call('SET', KEYS[1], at + ARGV[1], 'PX', math.ceil(at - now + ARGV[1]) + 60000)
return math.ceil(at - now)`;

const COMMAND = 'klingReserveStart';

/**
 * Reserves a start for one job, and returns how long until then, in milliseconds. Starts are spread evenly over the minute.
 *
 * @param key Where the queue's next start time is stored.
 */
export async function reserveStart(redis: BullRedis, key: string, perMinute: number): Promise<number> {
  redis.defineCommand(COMMAND, { numberOfKeys: 1, lua: RESERVE });
  return Number(await redis.runCommand(COMMAND, [key, String(60_000 / perMinute)]));
}
