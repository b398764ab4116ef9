// What it costs to start: the command, and an import.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { compare, path, runNode } from '../harness.mjs';

const PRICE =
  "import { estimateCost, KLING_O1 } from 'wavespeed-kling/schemas'; estimateCost(KLING_O1, { duration: 8 });";

/** @type {import('../harness.mjs').Bench} */
export async function bench({ turns }) {
  const folder = mkdtempSync(join(tmpdir(), 'wavespeed-kling-bench-'));
  try {
    return await measure(turns, await bundle(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} folder */
async function bundle(folder) {
  const outfile = join(folder, 'price.mjs');
  const stdin = { contents: PRICE, resolveDir: path('../..') };
  await build({ stdin, outfile, bundle: true, minify: true, format: 'esm', platform: 'browser' });
  return outfile;
}

/**
 * Runs a program, and measures its time from outside: the probe does not see the start of Node.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
async function runTimed(args, env = {}) {
  const startedAt = performance.now();
  const counts = await runNode(args, { env });
  return { ...counts, wallMs: performance.now() - startedAt };
}

/**
 * @param {number} turns
 * @param {string} bundled
 */
async function measure(turns, bundled) {
  const command = path('../../dist/cli.js');
  const run = (/** @type {string} */ code) => () => runNode(['--input-type=module', '-e', code]);
  const load = (/** @type {string} */ name) => run(`await import('${name}')`);
  // Without a key, `price` does not ask the service.
  const env = { WAVESPEED_API_KEY: '' };
  const counts = await compare(
    {
      empty: () => runTimed(['-e', '0']),
      version: () => runNode([command, '--version']),
      price: () => runTimed([command, 'price', 'o3-std', '--duration', '10'], env),
      nothing: run(''),
      ours: load('wavespeed-kling'),
      official: load('wavespeed'),
      zod: load('zod'),
      schemas: run(PRICE),
      bundled: run(`await import(${JSON.stringify(bundled)})`),
    },
    turns * 3,
  );
  const { empty, version, price, nothing, ours, official, zod } = counts;
  const over = (/** @type {import('../harness.mjs').Counts} */ { cpuMs }) => cpuMs - nothing.cpuMs;
  const row = { against: 'node -e 0', unit: 'ms' };
  const rest = { unit: 'ms', digits: 1 };
  const ofZod = { ...rest, baseline: over(zod), against: '`zod`', most: 5 };
  return [
    { ...row, name: '`--version`: CPU', ours: version.cpuMs, baseline: empty.cpuMs, limit: 1.15 },
    { ...row, name: '`price` without a key: CPU', ours: price.cpuMs, baseline: empty.cpuMs, limit: 2 },
    { ...row, name: '… time', ours: price.wallMs, baseline: empty.wallMs, limit: 2 },
    {
      ...rest,
      name: "`import 'wavespeed-kling'`: CPU over an empty process",
      ours: over(ours),
      baseline: over(official),
      against: 'official client',
      most: 30,
    },
    {
      ...ofZod,
      name: 'a price from `wavespeed-kling/schemas`: CPU over an empty process',
      ours: over(counts.schemas),
    },
    { ...ofZod, name: '… bundled and minified', ours: over(counts.bundled) },
  ];
}
