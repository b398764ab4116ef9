/** The entry `wavespeed-kling/bullmq`: a journal on Redis, and workers that never pay twice. */
export {
  addKling,
  type KlingJob,
  type KlingJobData,
  type KlingJobOptions,
  type KlingJobProgress,
} from './job.js';
export { redisEvents, type RedisEvents } from './redis-events.js';
export { redisJournal, type RedisJournalOptions } from './redis-journal.js';
export { createKlingWorker } from './worker.js';
export type { KlingWorkerOptions } from './worker-options.js';
