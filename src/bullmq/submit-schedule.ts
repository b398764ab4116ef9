/** Paces the submits of all workers of a queue: each job gets a start time of its own. */
import type { Worker } from 'bullmq';

/** The parts of BullMQ's Redis client that are used here. Older releases of BullMQ 5 have no `runCommand`. */
interface BullRedis {
  defineCommand(name: string, definition: { numberOfKeys: number; lua: string }): void;
  runCommand?(name: string, args: string[]): Promise<unknown>;
  [command: string]: unknown;
}

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
export async function reserveStart(worker: Worker, key: string, perMinute: number): Promise<number> {
  const redis = await getClient(worker);
  redis.defineCommand(COMMAND, { numberOfKeys: 1, lua: RESERVE });
  const args = [key, String(60_000 / perMinute)];
  const command = redis[COMMAND] as (...args: string[]) => Promise<unknown>;
  return Number(await (redis.runCommand?.(COMMAND, args) ?? command.apply(redis, args)));
}

/** BullMQ 6 has the client on its backend, BullMQ 5 on the worker. */
function getClient(worker: Worker): Promise<BullRedis> {
  const { backend, client } = worker as unknown as Record<
    'backend' | 'client',
    { client?: Promise<BullRedis> } & Promise<BullRedis>
  >;
  return backend?.client ?? client;
}
