/** The checks of a Redis client and a key prefix. */
import { ConfigurationError } from '../index.js';

/** @throws {ConfigurationError} for what is no client of ioredis, or no prefix. */
export function checkRedis(caller: string, redis: unknown, prefix: unknown): void {
  const { eval: evaluate, duplicate } = (redis ?? {}) as Record<string, unknown>;
  if (typeof evaluate !== 'function' || typeof duplicate !== 'function') {
    throw new ConfigurationError(`${caller}: expected a client of ioredis, such as new Redis().`);
  }
  // Braces would change the hash tag, which keeps all keys on one node of a cluster.
  if (typeof prefix !== 'string' || prefix === '' || /[{}]/.test(prefix)) {
    throw new ConfigurationError(`${caller}: \`prefix\`: expected a string without braces, not empty.`);
  }
}
