/** Paces the submits of every worker on one Redis: each job gets a start time of its own. */
import type { Cluster, Redis } from 'ioredis';

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

/** Reserves a start for one job. Starts are spread evenly over the minute. */
export async function reserveStart(
  redis: Redis | Cluster,
  queueName: string,
  perMinute: number,
): Promise<number> {
  const key = `{wavespeed-kling}:starts:${queueName}`;
  return Number(await redis.eval(RESERVE, 1, key, String(60_000 / perMinute)));
}
