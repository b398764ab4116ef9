// Makes many videos in one process, and reports its memory, CPU, event-loop delay and lag.
// Usage: scale-program.mjs <polls, webhooks or bare> <count> <starts a second> <real milliseconds of a task> <url> <key> <secret>
// Without a number of starts a second all are started in one tick, and only their start is measured.
// @ts-nocheck: three programs in one.
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from './quantile.mjs';
import { report } from './report.mjs';

const [how, ...rest] = process.argv.slice(2);
const [count, startsPerSecond, taskMs] = rest.slice(0, 3).map(Number);
const [baseUrl, apiKey, secret] = rest.slice(3);
const MODEL = 'kwaivgi/kling-video-o3-std/reference-to-video';
const inputOf = (index) => ({ prompt: `A fox in the snow, ${index}` });
const POLLS_PER_SECOND = 200;
/** With webhooks a poll is the fallback for a lost event. The default of 30 s would be 333 polls a second. */
const FALLBACK_POLL_MS = 300_000;

const programs = {
  async polls() {
    const { WaveSpeedKling } = await import('wavespeed-kling');
    const kling = new WaveSpeedKling({ apiKey, baseUrl, maxPollsPerSecond: POLLS_PER_SECOND });
    await kling.balance();
    return (index, onSubmitted) => kling.run(MODEL, inputOf(index), { onSubmitted, timeoutMs: 3_600_000 });
  },
  async webhooks() {
    const { WaveSpeedKling } = await import('wavespeed-kling');
    const { createWebhookReceiver } = await import('wavespeed-kling/webhooks');
    const kling = new WaveSpeedKling({ apiKey, baseUrl });
    await kling.balance();
    const webhookReceiver = createWebhookReceiver({ secret });
    const server = createServer((request, response) => void webhookReceiver.node(request, response));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const webhookUrl = `http://127.0.0.1:${server.address().port}/`;
    const options = { webhookUrl, webhookReceiver, pollIntervalMs: FALLBACK_POLL_MS, timeoutMs: 3_600_000 };
    return (index, onSubmitted) => kling.run(MODEL, inputOf(index), { ...options, onSubmitted });
  },
  /** The same schedule with bare undici: one timer polls all tasks in turn. */
  async bare() {
    const { Pool } = await import('undici');
    const pool = new Pool(baseUrl, { connections: 128 });
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
    const call = async (path, method, body) => {
      const response = await pool.request({ path: `/api/v3/${path}`, method, headers, body });
      return (await response.body.json()).data;
    };
    await call('balance', 'GET');
    const waiting = new Map();
    const pollNext = async () => {
      const [first] = waiting;
      if (first === undefined) return;
      const [id, resolve] = first;
      waiting.delete(id);
      const { status } = await call(`predictions/${id}/result`, 'GET');
      if (status === 'completed') resolve();
      else waiting.set(id, resolve);
    };
    setInterval(() => void pollNext(), 1000 / POLLS_PER_SECOND);
    return async (index, onSubmitted) => {
      const { id } = await call(MODEL, 'POST', JSON.stringify(inputOf(index)));
      onSubmitted();
      await new Promise((resolve) => waiting.set(id, resolve));
    };
  },
};

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const memory = async () => {
  globalThis.gc();
  await sleep(100);
  return process.memoryUsage.rss();
};

const run = await programs[how]();
const idle = await memory();
// The delay includes the 10 ms of its own timer: an idle process has 10.
const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
const cpuBefore = cpuMs();
let submitted = 0;
let onAllSubmitted;
const allSubmitted = new Promise((resolve) => (onAllSubmitted = resolve));
const lags = [];
const work = async (index) => {
  let endsAt = 0;
  await run(index, () => {
    endsAt = performance.now() + taskMs;
    if (++submitted === count) onAllSubmitted();
  });
  lags.push(performance.now() - endsAt);
};
const tasks = [];
const startedAt = performance.now();
for (let index = 0; index < count; index++) {
  tasks.push(work(index));
  const dueAt = startedAt + (startsPerSecond === 0 ? 0 : (index * 1000) / startsPerSecond);
  if (dueAt > performance.now()) await sleep(dueAt - performance.now());
}
await allSubmitted;
const started = { submitCpuMs: (cpuMs() - cpuBefore) / count, startMaxMs: delay.max / 1e6 };
if (startsPerSecond === 0) {
  report(started);
  process.exit();
}
const kbEach = ((await memory()) - idle) / 1024 / count;
// The collection of garbage just made is no delay of a program.
const afterwards = monitorEventLoopDelay({ resolution: 10 });
afterwards.enable();

// While all wait: the median of parts, because V8 collects its garbage once when a program turns idle.
const PARTS = 9;
const cpuShares = [];
for (let part = 0; part < PARTS; part++) {
  const [from, cpu] = [performance.now(), cpuMs()];
  await sleep(taskMs / 2 / PARTS);
  cpuShares.push((cpuMs() - cpu) / (performance.now() - from));
}
await Promise.all(tasks);
report({
  ...started,
  kbEach,
  cpuSecondsAnHour: quantile(cpuShares, 0.5) * 3600,
  p99Ms: delay.percentile(99) / 1e6,
  maxMs: Math.max(started.startMaxMs, afterwards.max / 1e6),
  lagMs: quantile(lags, 0.5),
  lag95Ms: quantile(lags, 0.95),
});
process.exit();
