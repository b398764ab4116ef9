// A worker of queue.mjs: it holds its waits, or looks at each task in a delayed job.
// @ts-nocheck: what goes between processes has no types.
import { DelayedError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { isTerminal, WaveSpeedKling } from 'wavespeed-kling';
import { createKlingWorker, redisJournal } from 'wavespeed-kling/bullmq';

const { design, redisUrl, queueName, apiKey, baseUrl, concurrency } = JSON.parse(process.argv[2]);
const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
const client = new WaveSpeedKling({
  apiKey,
  baseUrl,
  journal: redisJournal(connection, { prefix: queueName }),
});

async function pollOnce(job, token) {
  if (job.data.id === undefined) {
    const { id } = await client.submit(job.data.model, job.data.input, { idempotencyKey: job.id });
    await job.updateData({ ...job.data, id });
  } else {
    const task = await client.get(job.data.id);
    if (isTerminal(task.status)) return task;
  }
  await job.moveToDelayed(Date.now() + 5000, token);
  throw new DelayedError();
}

const getMemory = () => {
  globalThis.gc?.();
  return process.memoryUsage().rss;
};
const idle = getMemory();
if (design === 'held') createKlingWorker(queueName, client, { connection, concurrency });
else new Worker(queueName, pollOnce, { connection, concurrency: 100 });
process.send('ready');
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ bytes: getMemory() - idle, cpuMs: (user + system) / 1000 });
});
process.once('disconnect', () => process.exit());
