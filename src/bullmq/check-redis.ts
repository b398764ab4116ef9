/** The checks of a Redis client and a key prefix. */
import { ConfigurationError } from '../index.js';

/** Methods of an ioredis client. Other clients spell them differently (`hmGet`), or do not have all of them. */
const METHODS = ['eval', 'hmget', 'duplicate', 'defineCommand'];

/** @throws {ConfigurationError} unless `redis` is an ioredis client and `prefix` is valid. */
export function checkRedis(caller: string, redis: unknown, prefix: unknown): void {
  // Braces would change the hash tag, which keeps all keys on one node of a cluster.
  if (typeof prefix !== 'string' || prefix === '' || /[{}]/.test(prefix)) {
    throw new ConfigurationError(`${caller}: \`prefix\`: expected a string without braces, not empty.`);
  }
  const client = (redis ?? {}) as Record<string, unknown>;
  if (METHODS.some((name) => typeof client[name] !== 'function')) {
    throw new ConfigurationError(
      `${caller}: expected a client of ioredis, such as new Redis(); clients of other libraries, such as node-redis, do not work.`,
    );
  }
}
