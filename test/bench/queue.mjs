// Works off a BullMQ queue with some worker processes on one Redis, and counts what that took.
// @ts-nocheck: what goes between processes has no types.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { KLING_O1 } from 'wavespeed-kling';
import { startRedis } from '../bullmq/redis-server.mjs';
import { startEmulatorProcess } from './emulator.mjs';
import { path } from './harness.mjs';
import { quantile } from './quantile.mjs';

/**
 * @param {object} options
 * @param {'held' | 'delayed'} [options.design] A worker holds its waits, or looks at each task every 5 s in a delayed job.
 * @param {number} options.workers
 * @param {number} options.concurrency Of each worker.
 * @param {number} options.jobs
 * @param {number} options.taskMs
 * @param {number | undefined} [options.accountLimit] Tasks that the account may run at the same time.
 */
export async function workOff({ design = 'held', workers, concurrency, jobs, taskMs, accountLimit }) {
  const redis = await startRedis();
  const emulator = await startEmulatorProcess(taskMs, { concurrency: accountLimit });
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const queueName = `bench-${design}`;
  const queue = new Queue(queueName, { connection });
  const read = async (section, field) =>
    Number(new RegExp(`${field}:(\\d+)`).exec(await connection.info(section))[1]);
  const [apiKey, baseUrl] = [emulator.apiKey, emulator.url];
  const settings = JSON.stringify({ design, redisUrl: redis.url, queueName, apiKey, baseUrl, concurrency });
  const processes = Array.from({ length: workers }, () =>
    fork(path('bullmq-worker.mjs'), [settings], { execArgv: ['--expose-gc'] }),
  );
  await Promise.all(processes.map((worker) => once(worker, 'message')));
  const ask = async () => {
    const answers = processes.map((worker) => once(worker, 'message'));
    for (const worker of processes) worker.send('usage');
    const sum = { bytes: 0, cpuMs: 0 };
    for (const [{ bytes, cpuMs }] of await Promise.all(answers)) {
      sum.bytes += bytes;
      sum.cpuMs += cpuMs;
    }
    return sum;
  };

  const commandsBefore = await read('stats', 'total_commands_processed');
  const data = { model: KLING_O1, input: { prompt: 'A fox in the snow' } };
  const startedAt = performance.now();
  const added = Array.from({ length: jobs }, (_, index) => ({
    name: 'video',
    data,
    opts: { jobId: `job-${index}` },
  }));
  await queue.addBulk(added);
  let waiting;
  while ((await queue.getCompletedCount()) < jobs) {
    // Once, when every task was started.
    if (waiting === undefined && (await emulator.count()).tasks === jobs) waiting = await ask();
    if ((await queue.getFailedCount()) > 0) throw new Error('A job failed.');
    await sleep(100);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const commands = (await read('stats', 'total_commands_processed')) - commandsBefore;
  const { cpuMs } = await ask();
  const { submits, polls, tasks } = await emulator.count();
  if (tasks !== jobs) throw new Error(`${tasks} tasks of ${jobs} jobs`);
  const completed = await queue.getCompleted(0, jobs);
  const lags = completed.map(
    ({ finishedOn, returnvalue }) => finishedOn - Date.parse(returnvalue.created_at) - taskMs,
  );

  for (const worker of processes) worker.kill();
  await queue.close();
  connection.disconnect();
  redis.stop();
  emulator.stop();
  return {
    tasksPerSecond: jobs / seconds,
    kbEach: waiting.bytes / jobs / 1024,
    cpuMsEach: cpuMs / jobs,
    pollsEach: polls / jobs,
    submitsEach: submits / jobs,
    commandsEach: commands / jobs,
    lag95Ms: quantile(lags, 0.95),
  };
}
