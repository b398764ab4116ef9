/** Shows the queue in the terminal until every job has ended: `node status.mjs`. */
import { pathToFileURL } from 'node:url';
import { Queue } from 'bullmq';
import { QUEUE, redis } from './connections.mjs';

/** @typedef {import('wavespeed-kling/bullmq').KlingJob} KlingJob */

const SYMBOLS = { waiting: '·', delayed: '·', active: '▸', completed: '✓', failed: '✗' };

/** @param {KlingJob} job */
async function describe(job) {
  const state = await job.getState();
  const { status = '', id = '' } = /** @type {{ status?: string, id?: string }} */ (Object(job.progress));
  const symbol = SYMBOLS[/** @type {keyof typeof SYMBOLS} */ (state)] ?? '·';
  const text = state === 'failed' ? job.failedReason : `${status.padEnd(11)} ${id}`;
  return { state, line: `${symbol} ${String(job.id).padEnd(9)} ${state.padEnd(10)} ${text}` };
}

/**
 * Prints the jobs whenever one has changed: in place in a terminal, the changed lines alone elsewhere.
 *
 * @param {() => string} getFooter
 */
export async function showStatus(getFooter = () => '') {
  const queue = new Queue(QUEUE, { connection: redis });
  /** @type {string[]} */
  let shown = [];
  for (;;) {
    const jobs = /** @type {KlingJob[]} */ (
      await queue.getJobs(['waiting', 'delayed', 'active', 'completed', 'failed'])
    );
    jobs.sort((one, other) => one.timestamp - other.timestamp);
    const seen = await Promise.all(jobs.map(describe));
    const lines = [...seen.map(({ line }) => line), getFooter()];
    if (lines.join() !== shown.join()) {
      const isTerminal = process.stdout.isTTY === true;
      const up = isTerminal && shown.length > 0 ? `\x1b[${shown.length}A\x1b[J` : '';
      const changed = isTerminal ? lines : lines.filter((line) => !shown.includes(line));
      process.stdout.write(`${up}${changed.join('\n')}\n`);
      shown = lines;
    }
    if (seen.length > 0 && seen.every(({ state }) => state === 'completed' || state === 'failed')) break;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  await queue.close();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await showStatus();
  redis.disconnect();
}
