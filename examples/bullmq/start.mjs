/**
 * Eight videos by two workers, one of which is killed: each video is made, and paid for, once.
 *
 *   npm run example:bullmq
 *
 * It starts redis-server from the PATH (or uses REDIS_URL) and the local emulator, so it costs nothing.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmulator } from 'wavespeed-kling/testing';

const JOBS = 8;
const PORT = 6399;

/** Starts a Redis of its own, which keeps nothing. */
async function startRedis() {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const server = spawn('redis-server', ['--port', String(PORT), '--save', '', '--dir', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve, reject) => {
    server.once('error', () =>
      reject(new Error('redis-server is not on the PATH: apt-get install redis-server')),
    );
    server.once('exit', () => reject(new Error(`redis-server has not started: is port ${PORT} in use?`)));
    server.stdout.on('data', (text) => String(text).includes('Ready to accept') && resolve(undefined));
  });
  process.env.REDIS_URL = `redis://127.0.0.1:${PORT}`;
  return async () => {
    server.removeAllListeners('exit');
    server.kill();
    await rm(folder, { recursive: true, force: true });
  };
}

/** @param {string} name @param {string[]} args */
const run = (name, ...args) => fork(new URL(name, import.meta.url), args);

const stopRedis = process.env.REDIS_URL ? async () => undefined : await startRedis();
const emulator = await startEmulator({ queueMs: 1000, processingMs: 8000 });
process.env.WAVESPEED_API_KEY = emulator.apiKey;
process.env.WAVESPEED_BASE_URL = emulator.url;
console.log(`On the emulator, with a balance of $${emulator.account.balance}.`);

const workers = [run('worker.mjs'), run('worker.mjs')];
const exits = workers.map((worker) => once(worker, 'exit'));
try {
  await once(run('producer.mjs', String(JOBS)), 'exit');
  const { showStatus } = await import('./status.mjs');
  let note = 'Two workers.';
  setTimeout(() => {
    workers[0]?.kill('SIGKILL');
    note = 'One worker was killed: the other takes its jobs over.';
  }, 5000);
  await showStatus(() => note);
  const { balance, charged, tasks } = emulator.account;
  console.log(
    `${JOBS} jobs, ${tasks.length} tasks, $${charged} charged; the balance is $${balance.toFixed(2)}.`,
  );
  process.exitCode = tasks.length === JOBS ? 0 : 1;
} finally {
  for (const worker of workers) worker.kill('SIGTERM');
  const { redis } = await import('./connections.mjs');
  redis.disconnect();
  await emulator.close();
  await Promise.all(exits);
  await stopRedis();
}
