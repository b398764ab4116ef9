// Kills and freezes worker processes at random while the service fails at random: every job gets its video, and none is paid for twice.
// usage: npm run chaos:bullmq -- [--jobs 200] [--workers 4] [--concurrency 5] [--timeout 300 (seconds)] [--seed N]
// @ts-nocheck: what goes between processes has no types.
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { KLING_O1, KLING_O3_STD, WaveSpeedKling } from 'wavespeed-kling';
import { addKling, redisJournal } from 'wavespeed-kling/bullmq';
import { startEmulator } from 'wavespeed-kling/testing';
import { startRedis } from '../bullmq/redis-server.mjs';
import { createRandom } from '../soak/random.mjs';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '200' },
    workers: { type: 'string', default: '4' },
    concurrency: { type: 'string', default: '5' },
    timeout: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
  },
});
const jobCount = Number(values.jobs);
const deadline = Date.now() + Number(values.timeout) * 1000;
const { pick, chance, int } = createRandom(Number(values.seed));
const counts = { kills: 0, freezes: 0, faults: 0 };
/** Faults of the workers' own that took effect, by name. */
const effects = {};
const PAGE = '<html><head><title>Gateway</title></head><body>no</body></html>';
// BullMQ compares the clocks of its workers: further apart, it would hold back jobs for as long.
const CLOCKS_MS = [0, 0, 3000, -3000];

const redis = await startRedis();
const emulator = await startEmulator({ queueMs: 200, processingMs: 1000, balance: 1e6, listLagMs: 200 });
// Of another model: a task of the same one, which nobody explains, would leave keys open.
const stranger = emulator.addTask({ model: KLING_O3_STD, input: { prompt: 'Of another program' } });
const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
const queueName = `chaos-${randomUUID()}`;
const queue = new Queue(queueName, { connection });

const workers = [];
const startWorker = () => {
  const { apiKey, baseUrl } = emulator;
  const settings = JSON.stringify({
    redisUrl: redis.url,
    queueName,
    apiKey,
    baseUrl,
    concurrency: Number(values.concurrency),
    seed: int(0, 1e9),
    clockMs: pick(CLOCKS_MS),
    setClockMs: pick(CLOCKS_MS),
  });
  const worker = fork(fileURLToPath(new URL('bullmq-worker.mjs', import.meta.url)), [settings]);
  return worker.on('message', (name) => (effects[name] = (effects[name] ?? 0) + 1));
};

/** Sets one random fault for the next matching call. */
function setFault() {
  const statuses = { kind: 'status', status: pick([502, 503]) };
  const limited = { kind: 'status', status: 429, headers: { 'retry-after': '1' } };
  const lost = { kind: 'reset', when: pick(['request', 'headers', 'body']) };
  // A page of a gateway proves nothing, whatever its status.
  const page = { kind: 'status', status: int(400, 499), body: PAGE };
  const another = { kind: 'data', patch: () => stranger.prediction() };
  const fault = pick([
    { on: 'submit', ...lost },
    { on: 'submit', ...lost, when: 'request', accepted: chance(0.5) },
    { on: 'submit', ...statuses, accepted: chance(0.5) },
    { on: 'submit', kind: 'hang', when: 'headers', accepted: chance(0.5) },
    { on: 'submit', kind: 'delay', ms: 400 },
    { on: 'submit', ...limited },
    { on: 'submit', ...page, accepted: chance(0.5) },
    { on: 'submit', ...page, accepted: chance(0.5) },
    { on: 'submit', ...another },
    { on: 'submit', kind: 'extra' },
    { on: 'result', ...statuses },
    { on: 'result', ...lost },
    { on: 'result', ...limited },
    { on: 'result', ...page },
    { on: 'result', ...another },
    { on: 'result', kind: 'extra' },
    { on: 'list', ...page },
    { on: 'list', ...statuses },
    { on: 'list', ...lost },
  ]);
  emulator.fail(fault);
  counts.faults++;
}

/** Kills a worker and starts another, or freezes it, at times for longer than its lock and its lease last. */
async function harm(index) {
  const worker = workers[index];
  if (chance(0.1)) {
    worker.kill('SIGUSR2');
    return;
  }
  if (chance(0.5)) {
    worker.kill('SIGKILL');
    counts.kills++;
    workers[index] = startWorker();
    return;
  }
  worker.kill('SIGSTOP');
  counts.freezes++;
  await sleep(int(500, 4500));
  worker.kill('SIGCONT');
}

// Each input is used twice: a task is never told from another by its input alone.
const prompts = Array.from({ length: jobCount }, (_, index) => `A fox, number ${index >> 1}`);
await Promise.all(prompts.map((prompt) => addKling(queue, { model: KLING_O1, input: { prompt } })));
for (let index = 0; index < Number(values.workers); index++) workers.push(startWorker());

const busy = new Set();
const startedAt = Date.now();
let ended = 0;
while (ended < jobCount && Date.now() < deadline) {
  await sleep(int(100, 400));
  if (counts.faults < jobCount) setFault();
  const index = int(0, workers.length - 1);
  // A process takes a second to start: killed more often than that, none would ever work.
  if (!busy.has(index)) {
    busy.add(index);
    void harm(index)
      .then(() => sleep(2000))
      .finally(() => busy.delete(index));
  }
  const { completed, failed } = await queue.getJobCounts('completed', 'failed');
  ended = completed + failed;
}

// Where the history cannot tell, a person settles the key: a job whose task nobody has gets it, another one is free.
emulator.clearFaults();
const journal = redisJournal(connection, { prefix: queueName });
const person = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url, journal });
const openJobs = await queue.getJobs(['failed']);
for (const job of openJobs) {
  const key = /^idempotencyKey "([^"]+)"/.exec(job.failedReason)?.[1];
  if (key === undefined) continue;
  const claimed = new Set();
  for await (const { entry } of journal.entries()) claimed.add(entry.predictionId);
  const task = emulator.account.tasks.find(
    ({ id, input }) => !claimed.has(id) && input.prompt === job.data.input.prompt,
  );
  await person.resolve(key, task?.id ?? null, { force: true });
  await job.retry();
}
await person.close();
while ((await queue.getJobCountByTypes('active', 'waiting', 'delayed')) > 0 && Date.now() < deadline) {
  await sleep(100);
}

const jobs = await queue.getJobs(['completed', 'failed', 'active', 'waiting', 'delayed']);
const done = jobs.filter(({ returnvalue }) => returnvalue?.status === 'completed');
const ids = new Set(done.map(({ returnvalue }) => returnvalue.id));
const { tasks, charged } = emulator.account;
const sorted = (list) => list.toSorted((one, other) => one.localeCompare(other)).join();
const paidPrompts = tasks.map(({ input }) => input.prompt);
const checks = [
  ['every job is done', done.length === jobCount],
  ['each job has a task of its own', ids.size === jobCount],
  ['no task is paid for twice', tasks.length <= jobCount],
  ['no task that was paid for is lost', tasks.every(({ id }) => ids.has(id))],
  ['each input has as many tasks as jobs', sorted(paidPrompts) === sorted(prompts)],
];
for (const worker of workers) worker.kill('SIGKILL');
for (const job of jobs)
  if (job.failedReason && !job.returnvalue) console.log(`${job.id}: ${job.failedReason}`);
console.log(
  `${jobCount} jobs, ${done.length} done, ${tasks.length} tasks paid for ($${charged}), ` +
    `${emulator.requestCount({ operation: 'submit' })} submits, ${((Date.now() - startedAt) / 1000).toFixed(1)} s`,
);
console.log(
  `${counts.kills} kills, ${counts.freezes} freezes, ${counts.faults} faults set (seed ${values.seed})`,
);
for (const { operation, fault, status } of emulator.requests) {
  if (fault === undefined) continue;
  const name = `${operation}: ${fault === 'status' && status < 500 && status !== 429 ? 'page' : fault}`;
  effects[name] = (effects[name] ?? 0) + 1;
}
console.log(`${openJobs.length} jobs were open, and settled by hand`);
console.log(`took effect: ${JSON.stringify(effects)}`);
for (const [name, isTrue] of checks) if (!isTrue) console.log(`FAILED: ${name}`);
const failed = checks.filter(([, isTrue]) => !isTrue).length;
console.log(`${checks.length - failed} passed, ${failed} failed`);

await queue.close();
connection.disconnect();
redis.stop();
await emulator.close();
process.exit(failed === 0 ? 0 : 1);
