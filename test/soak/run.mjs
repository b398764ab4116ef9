// Runs random cases for some time, and prints the seeds of those that failed.
// usage: npm run soak -- [--minutes 1] [--seed N (replays one)] [--first N] [--at-once 8]
import { parseArgs } from 'node:util';
import { runCase } from './case.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    first: { type: 'string' },
    'at-once': { type: 'string', default: '8' },
  },
});

const total = { cases: 0, calls: 0, tasks: 0, open: 0, failed: 0 };

/** @param {number} seed */
async function run(seed) {
  /** @type {import('./case.mjs').Outcome} */
  let outcome;
  try {
    outcome = await runCase(seed);
  } catch (error) {
    outcome = {
      calls: 0,
      tasks: 0,
      open: 0,
      problems: [`threw ${error instanceof Error ? error.stack : String(error)}`],
    };
  }
  total.cases++;
  total.calls += outcome.calls;
  total.tasks += outcome.tasks;
  total.open += outcome.open;
  if (outcome.problems.length === 0) return;
  total.failed++;
  console.log(`seed ${seed}: ${outcome.problems.join('; ')}`);
}

// A batch that is left warns of its tasks; the cases look at the errors themselves.
process.removeAllListeners('warning');
process.on('unhandledRejection', (reason) => {
  total.failed++;
  console.log('unhandled rejection:', reason);
});

if (values.seed !== undefined) await run(Number(values.seed));
else {
  const endAt = Date.now() + Number(values.minutes) * 60_000;
  let next = Number(values.first ?? Math.floor(Math.random() * 1e9));
  console.log(`seeds from ${next}`);
  const work = async () => {
    while (Date.now() < endAt) await run(next++);
  };
  await Promise.all(Array.from({ length: Number(values['at-once']) }, work));
}
const { cases, calls, tasks, open, failed } = total;
console.log(`${calls} calls, ${tasks} tasks accepted, ${open} open outcomes`);
console.log(`${cases - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
