/** What the programs of this example share: the queue's name, Redis, and a client with its journal on Redis. */
import { Redis } from 'ioredis';
import { WaveSpeedKling } from 'wavespeed-kling';
import { redisJournal } from 'wavespeed-kling/bullmq';

export const QUEUE = 'videos';

/** BullMQ asks for `maxRetriesPerRequest: null`: commands wait until Redis is back. */
export const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', {
  maxRetriesPerRequest: null,
});

/** The key and the address come from WAVESPEED_API_KEY and WAVESPEED_BASE_URL. */
export const createClient = () => new WaveSpeedKling({ journal: redisJournal(redis) });
