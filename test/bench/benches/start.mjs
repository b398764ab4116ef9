// What it costs to start: the command, and an import.
import { compare, path, runNode } from '../harness.mjs';

/** @type {import('../harness.mjs').Bench} */
export async function bench({ turns }) {
  const command = path('../../dist/cli.js');
  const load = (/** @type {string} */ name) => () =>
    runNode(['--input-type=module', '-e', `await import('${name}')`]);
  const { empty, version, ...imports } = await compare(
    {
      empty: () => runNode(['-e', '0']),
      version: () => runNode([command, '--version']),
      nothing: () => runNode(['--input-type=module', '-e', '']),
      ours: load('wavespeed-kling'),
      official: load('wavespeed'),
    },
    turns * 3,
  );
  const over = (/** @type {import('../harness.mjs').Counts} */ { cpuMs }) => cpuMs - imports.nothing.cpuMs;
  return [
    {
      name: '`wavespeed-kling --version`: CPU',
      ours: version.cpuMs,
      baseline: empty.cpuMs,
      against: 'node -e 0',
      unit: 'ms',
      limit: 1.15,
    },
    {
      name: "`import 'wavespeed-kling'`: CPU over an empty process",
      ours: over(imports.ours),
      baseline: over(imports.official),
      against: 'official client',
      unit: 'ms',
      most: 30,
    },
  ];
}
