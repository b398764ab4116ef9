// A worker process of the chaos test. Its lock, lease and timeouts are short, so that a freeze outlasts them.
// @ts-nocheck: what goes between processes has no types.
import { Redis } from 'ioredis';
import { WaveSpeedKling } from 'wavespeed-kling';
import { createKlingWorker, redisJournal } from 'wavespeed-kling/bullmq';

const { redisUrl, queueName, apiKey, baseUrl, concurrency } = JSON.parse(process.argv[2]);
const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
const client = new WaveSpeedKling({
  apiKey,
  baseUrl,
  journal: redisJournal(redis, { prefix: queueName }),
  requestTimeoutMs: 2000,
  idempotency: { leaseMs: 1500, settleMs: 2500 },
  pollIntervalMs: 300,
});
const worker = createKlingWorker(queueName, client, {
  connection: redis,
  concurrency,
  whenAbsent: 'resubmit',
  lockDuration: 2000,
  stalledInterval: 1000,
});
worker.on('error', () => undefined);
process.once('disconnect', () => process.exit());
