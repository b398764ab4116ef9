// 10,000 waits in one process for ten minutes of the emulator's time, by polls and by webhooks.
// @ts-nocheck: what goes between processes has no types.
import { startEmulatorProcess } from '../emulator.mjs';
import { compare, path, runNode } from '../harness.mjs';

/** How fast the emulator's clock runs: ten minutes take two and a half. The client's own intervals are real time. */
const SPEED = 4;
/** Polls notice the last end before ten minutes. */
const TASK_MS = 360_000;
/** As many as the largest account may start, in the emulator's time. */
const STARTS_PER_SECOND = (5000 / 60) * SPEED;

/** @type {import('../harness.mjs').Bench} */
export async function bench({ turns, isTiny }) {
  const count = isTiny ? 3 : 10_000;
  const taskMs = isTiny ? 1000 : TASK_MS;
  const program = (how, startsPerSecond) => async () => {
    const emulator = await startEmulatorProcess(taskMs, {}, SPEED);
    const { url, apiKey, secret } = emulator;
    const args = [how, count, startsPerSecond, taskMs / SPEED, url, apiKey, secret].map(String);
    const counts = await runNode(['--expose-gc', path('scale-program.mjs'), ...args]);
    const { polls, submits } = await emulator.count();
    emulator.stop();
    if (submits !== count) throw new Error(`${how}: ${submits} submits of ${count} tasks`);
    return { ...counts, polls: polls / count };
  };
  const burst = await compare({ ours: program('polls', 0), bare: program('bare', 0) }, turns);
  const results = await compare(
    Object.fromEntries(['polls', 'webhooks', 'bare'].map((how) => [how, program(how, STARTS_PER_SECOND)])),
    // Once: a turn of ten minutes is long enough.
    1,
  );
  const rowsOf = (title, ours, baseline, against) => {
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
      row('… CPU an hour', 'cpuSecondsAnHour', 's'),
      row('… polls of each', 'polls', '', { digits: 1 }),
      row('… event-loop delay (99 %)', 'p99Ms', 'ms', { digits: 1, most: 20 }),
      row('… longest event-loop delay', 'maxMs', 'ms'),
      row('… end noticed after (95 %)', 'lag95Ms', 'ms'),
    ];
  };
  return [
    ...rowsOf('10,000 waits by polls', 'polls', 'bare', 'bare undici'),
    ...rowsOf('10,000 waits by webhooks', 'webhooks', 'polls', 'by polls'),
    {
      name: '10,000 tasks started in one tick: longest event-loop delay',
      ours: burst.ours.startMaxMs,
      baseline: burst.bare.startMaxMs,
      against: 'bare undici',
      unit: 'ms',
    },
    {
      name: '… CPU of each start',
      ours: burst.ours.submitCpuMs,
      baseline: burst.bare.submitCpuMs,
      against: 'bare undici',
      unit: 'ms',
      digits: 2,
    },
  ];
}
