// What it costs to start: the command, and an import.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { compare, path, runNode } from '../harness.mjs';

/** @type {import('../harness.mjs').Bench} */
export async function bench({ turns }) {
  const folder = mkdtempSync(join(tmpdir(), 'wavespeed-kling-bench-'));
  try {
    const outfile = join(folder, 'price.mjs');
    const entryPoints = [path('price.mjs')];
    await build({ entryPoints, outfile, bundle: true, minify: true, format: 'esm', platform: 'browser' });
    return await measure(turns, outfile);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
 * @param {string} bundledPrice
 */
async function measure(turns, bundledPrice) {
  const command = path('../../dist/cli.js');
  const load = (/** @type {string} */ name) => () => runNode([path('load.mjs'), name]);
  // Without a key, `price` does not ask the service.
  const env = { WAVESPEED_API_KEY: '' };
  const { empty, version, price, ours, official, zod, schemas, bundled } = await compare(
    {
      empty: () => runTimed(['-e', '0']),
      version: () => runNode([command, '--version']),
      price: () => runTimed([command, 'price', 'o3-std', '--duration', '10'], env),
      ours: load('wavespeed-kling'),
      official: load('wavespeed'),
      zod: load('zod'),
      schemas: load('./price.mjs'),
      bundled: load(bundledPrice),
    },
    turns * 3,
  );
  const row = { against: 'node -e 0', unit: 'ms' };
  const ofZod = { baseline: zod.loadMs, against: '`zod`', unit: 'ms', digits: 1 };
  return [
    { ...row, name: '`--version`: CPU', ours: version.cpuMs, baseline: empty.cpuMs, limit: 1.15 },
    { ...row, name: '`price` without a key: CPU', ours: price.cpuMs, baseline: empty.cpuMs, limit: 2 },
    { ...row, name: '… time', ours: price.wallMs, baseline: empty.wallMs, limit: 2 },
    {
      name: "`import 'wavespeed-kling'`: CPU",
      ours: ours.loadMs,
      baseline: official.loadMs,
      against: 'official client',
      unit: 'ms',
      digits: 1,
      most: 30,
    },
    { ...ofZod, name: 'A price from `wavespeed-kling/schemas`: CPU of the import', ours: schemas.loadMs },
    { ...ofZod, name: '… bundled and minified', ours: bundled.loadMs, most: 5 },
  ];
}
