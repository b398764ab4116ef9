// BullMQ workers on one Redis: throughput of one, two and four, and held waits beside delayed jobs.
import { compare } from '../harness.mjs';
import { workOff } from '../queue.mjs';

/** @typedef {import('../harness.mjs').Row} Row */

/** @type {import('../harness.mjs').Bench} */
export async function bench(options) {
  return [...(await measureThroughput(options)), ...(await compareDesigns(options))];
}

/**
 * @param {import('../harness.mjs').Options} options
 * @returns {Promise<Row[]>}
 */
async function measureThroughput({ turns, isTiny }) {
  const CONCURRENCY = 25;
  const ACCOUNT = 50;
  const taskMs = isTiny ? 600 : 3000;
  const work = (/** @type {{ workers: number, accountLimit?: number }} */ options) => () =>
    workOff({ ...options, concurrency: CONCURRENCY, jobs: isTiny ? 4 : 200, taskMs });
  const results = await compare(
    {
      one: work({ workers: 1 }),
      two: work({ workers: 2 }),
      four: work({ workers: 4 }),
      limited: work({ workers: 4, accountLimit: ACCOUNT }),
    },
    turns,
  );
  const base = {
    baseline: results.one.tasksPerSecond,
    against: 'one worker',
    unit: '',
    digits: 1,
    moreIsBetter: true,
  };
  return [
    { ...base, name: 'Two workers of 25 tasks at once: tasks a second', ours: results.two.tasksPerSecond },
    { ...base, name: 'Four workers', ours: results.four.tasksPerSecond },
    {
      ...base,
      name: `Four workers, and an account of ${ACCOUNT} tasks at once`,
      ours: results.limited.tasksPerSecond,
      baseline: ACCOUNT / (taskMs / 1000),
      against: 'what the account allows',
    },
    {
      name: '… submits a task, those that got a 429 included',
      ours: results.limited.submitsEach,
      baseline: results.four.submitsEach,
      against: 'without a limit',
      unit: '',
      digits: 2,
    },
  ];
}

/**
 * @param {import('../harness.mjs').Options} options
 * @returns {Promise<Row[]>}
 */
async function compareDesigns({ turns, isTiny }) {
  const jobs = isTiny ? 4 : 500;
  const work = (/** @type {'held' | 'delayed'} */ design) => () =>
    workOff({ design, workers: 1, concurrency: jobs, jobs, taskMs: isTiny ? 600 : 15_000 });
  const { held, delayed } = await compare({ held: work('held'), delayed: work('delayed') }, turns);
  /** @type {(name: string, key: string, unit: string, digits?: number) => Row} */
  const row = (name, key, unit, digits = 0) => ({
    name,
    ours: held[key],
    baseline: delayed[key],
    against: 'a delayed job for each poll',
    unit,
    digits,
  });
  return [
    row('500 held waits of 15 s: Redis commands of each', 'commandsEach', ''),
    row('… CPU of each', 'cpuMsEach', 'ms', 1),
    row('… memory of each', 'kbEach', 'KB'),
    row('… end noticed after (95 %)', 'lag95Ms', 'ms'),
  ];
}
