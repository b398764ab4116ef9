// 10,000 waits in one process for ten minutes of the emulator's time, by polls and by webhooks.
// @ts-nocheck: what goes between processes has no types.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { compare, path, runNode } from '../harness.mjs';

/** How fast the emulator's clock runs: ten minutes take two and a half. The client's own intervals are real time. */
const SPEED = 4;
/** All are submitted at once, and all end together eight minutes later; polls notice the last end before ten. */
const TASK_MS = 480_000;

/** @type {import('../harness.mjs').Bench} */
export async function bench({ isTiny }) {
  const count = isTiny ? 3 : 10_000;
  const taskMs = isTiny ? 1000 : TASK_MS;
  const program = (how) => async () => {
    const service = fork(path('scale-service.mjs'), [taskMs, SPEED].map(String));
    const [{ url, apiKey, secret }] = await once(service, 'message');
    const args = [how, count, taskMs / SPEED, url, apiKey, secret].map(String);
    const counts = await runNode(['--expose-gc', path('scale-program.mjs'), ...args]);
    service.send('report');
    const [{ polls, submits }] = await once(service, 'message');
    service.kill();
    if (submits !== count) throw new Error(`${how}: ${submits} submits of ${count} tasks`);
    return { ...counts, polls: polls / count };
  };
  // Once: a turn is long enough to be its own mean.
  const results = await compare(
    { polls: program('polls'), webhooks: program('webhooks'), bare: program('bare') },
    1,
  );
  const rows = (title, ours, baseline, against) => {
    const row = (name, key, unit, more) => ({
      name,
      ours: results[ours][key],
      baseline: results[baseline][key],
      against,
      unit,
      ...more,
    });
    return [
      row(`${title}: memory of each`, 'kbEach', 'KB', { digits: 1 }),
      row('… CPU of a submit', 'submitCpuMs', 'ms', { digits: 2 }),
      row('… CPU an hour of waiting', 'cpuSecondsAnHour', 's'),
      row('… polls of each', 'polls', '', { digits: 1 }),
      row('… event-loop delay while they start (99 %)', 'startP99Ms', 'ms', { digits: 1, most: 20 }),
      row('… over the ten minutes (99 %)', 'p99Ms', 'ms', { digits: 1, most: 20 }),
      row('… end noticed after (95 %)', 'lag95Ms', 'ms'),
    ];
  };
  return [
    ...rows('10,000 waits by polls', 'polls', 'bare', 'bare undici'),
    ...rows('10,000 waits by webhooks', 'webhooks', 'polls', 'by polls'),
  ];
}
