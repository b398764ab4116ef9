// Compares two designs of a worker: it holds its waits, or it looks at each task every 5 seconds in a delayed job.
// usage: npm run bench:bullmq -- [--jobs 1000] [--seconds 30 (how long a task takes)] [--design held | delayed]
// @ts-nocheck: what goes between processes has no types.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { KLING_O1 } from 'wavespeed-kling';
import { startEmulator } from 'wavespeed-kling/testing';
import { startRedis } from '../bullmq/redis-server.mjs';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '30' },
    design: { type: 'string' },
  },
});
const jobs = Number(values.jobs);
const taskMs = Number(values.seconds) * 1000;

async function measure(design) {
  const redis = await startRedis();
  const emulator = await startEmulator({ queueMs: 1000, processingMs: taskMs - 1000, balance: 1e9 });
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const queueName = `bench-${design}`;
  const queue = new Queue(queueName, { connection });
  const data = { model: KLING_O1, input: { prompt: 'A fox in the snow' } };
  await queue.addBulk(
    Array.from({ length: jobs }, (_, index) => ({ name: 'video', data, opts: { jobId: `job-${index}` } })),
  );
  const countCommands = async () =>
    Number(/total_commands_processed:(\d+)/.exec(await connection.info('stats'))?.[1]);
  const getMemory = async () => Number(/used_memory:(\d+)/.exec(await connection.info('memory'))?.[1]);
  const commandsBefore = await countCommands();
  const memoryBefore = await getMemory();

  const { apiKey, baseUrl } = emulator;
  const settings = JSON.stringify({ design, redisUrl: redis.url, queueName, apiKey, baseUrl, jobs });
  const file = fileURLToPath(new URL('bullmq-worker.mjs', import.meta.url));
  const worker = fork(file, [settings], { execArgv: ['--expose-gc'] });
  const ask = async () => {
    worker.send('memory');
    return (await once(worker, 'message'))[0];
  };
  while (emulator.account.tasks.length < jobs) await sleep(100);
  const { bytes } = await ask();
  while ((await queue.getCompletedCount()) + (await queue.getFailedCount()) < jobs) await sleep(500);
  const commands = (await countCommands()) - commandsBefore;
  const memory = (await getMemory()) - memoryBefore;
  const { cpuMs } = await ask();

  const endedAt = new Map(
    emulator.account.tasks.map((task) => [task.id, Date.parse(task.created_at) + taskMs]),
  );
  const completed = await queue.getCompleted(0, jobs);
  const lags = completed.map((job) => job.finishedOn - endedAt.get(job.returnvalue.id)).sort((a, b) => a - b);
  const at = (share) => (lags[Math.floor(lags.length * share)] / 1000).toFixed(1);
  const result = {
    design,
    jobs: completed.length,
    'memory a wait (kB)': (bytes / jobs / 1024).toFixed(0),
    'requests a task': (emulator.requestCount() / jobs).toFixed(1),
    'Redis commands a task': (commands / jobs).toFixed(0),
    'Redis memory a task (kB)': (memory / jobs / 1024).toFixed(1),
    'CPU a task (ms)': (cpuMs / jobs).toFixed(1),
    'lag, median / 95 % (s)': `${at(0.5)} / ${at(0.95)}`,
    submits: emulator.requestCount({ operation: 'submit' }),
  };
  worker.kill();
  await queue.close();
  connection.disconnect();
  redis.stop();
  await emulator.close();
  return result;
}

const results = [];
for (const design of values.design === undefined ? ['held', 'delayed'] : [values.design])
  results.push(await measure(design));
console.table(results);
