// Runs contenders in turn, each in a process of its own, and writes their medians as rows of docs/benchmarks.md.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from './quantile.mjs';

/**
 * Numbers: what the probe counts (`userMs`, `systemMs`, `cpuMs`, `wallMs`, `peakMb`), and what a contender adds.
 *
 * @typedef {Record<string, any>} Counts
 */

/**
 * @typedef {object} Row
 * @property {string} name What is measured.
 * @property {number} ours
 * @property {number} baseline Measured in the same run.
 * @property {string} against Name of the baseline.
 * @property {string} unit
 * @property {number} [digits] Decimal places. Default 0.
 * @property {boolean} [moreIsBetter] As of a throughput. The ratio is then turned round.
 * @property {number} [limit] The ratio should not be above it.
 * @property {number} [most] `ours` should not be above it.
 */

/**
 * @typedef {object} Options
 * @property {number} turns How often each contender runs.
 * @property {boolean} isTiny Whether this only shows that the bench still runs.
 */

/** @typedef {(options: Options) => Promise<Row[]>} Bench */

/**
 * Runs the contenders in turn, so that a slow moment of the machine meets all, and returns the median of each count.
 *
 * @template {string} Name
 * @param {Record<Name, () => Promise<Counts>>} contenders
 * @param {number} turns
 * @returns {Promise<Record<Name, Counts>>}
 */
export async function compare(contenders, turns) {
  const names = /** @type {Name[]} */ (Object.keys(contenders));
  const results = /** @type {any} */ (Object.fromEntries(names.map((name) => [name, []])));
  for (let turn = 0; turn < turns; turn++) {
    const first = turn % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      const counts = await contenders[name]();
      results[name].push(counts);
      console.log(`${turn + 1}/${turns} ${name}: ${describe(counts)}`);
    }
  }
  return /** @type {Record<Name, Counts>} */ (
    Object.fromEntries(names.map((name) => [name, mediansOf(results[name])]))
  );
}

const describe = (/** @type {Counts} */ counts) =>
  Object.entries(counts)
    .map(([key, value]) => `${key} ${Number(value.toPrecision(3))}`)
    .join(', ');

/**
 * Runs a program with Node, and returns what its process used and what it reported.
 *
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<Counts>}
 */
export async function runNode(args, { env = {} } = {}) {
  const child = spawn(process.execPath, ['--require', path('probe.cjs'), ...args], {
    cwd: path('../..'),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  let reported = '';
  child.stdio[3]?.on('data', (text) => (reported += text));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`node ${args.join(' ')} exited with ${code}`);
  return Object.assign(
    {},
    ...reported
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
}

/**
 * A path relative to this folder.
 *
 * @param {string} name
 */
export function path(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}

/**
 * @param {Counts[]} results
 * @returns {Counts}
 */
function mediansOf(results) {
  const keys = Object.keys(results[0] ?? {});
  return Object.fromEntries(
    keys.map((key) => [key, median(results.map((counts) => counts[key] ?? Number.NaN))]),
  );
}
