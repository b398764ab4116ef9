// Compares the start of `wavespeed-kling --version` with that of an empty program.
//   node test/bench/cli.mjs
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROUNDS = 15;
const command = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** @param {string[]} args */
function milliseconds(...args) {
  const startedAt = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} exited with ${status}: ${stderr}`);
  return performance.now() - startedAt;
}

/** @param {number[]} values */
const median = (values) => values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;

/** @type {{ empty: number[], version: number[], help: number[] }} */
const times = { empty: [], version: [], help: [] };
// Alternating, so that what else the machine does strikes all alike.
for (let round = 0; round < ROUNDS; round++) {
  times.empty.push(milliseconds('-e', '0'));
  times.version.push(milliseconds(command, '--version'));
  times.help.push(milliseconds(command, '--help'));
}
const [empty, version, help] = [times.empty, times.version, times.help].map(median);
if (empty === undefined || version === undefined || help === undefined)
  throw new Error('nothing was measured');
console.log(`node -e 0                 ${empty.toFixed(0)} ms`);
console.log(`wavespeed-kling --version ${version.toFixed(0)} ms, ${(version / empty).toFixed(2)} times`);
console.log(`wavespeed-kling --help    ${help.toFixed(0)} ms, ${(help / empty).toFixed(2)} times`);
const LIMIT = 1.5;
if (version / empty > LIMIT) {
  console.log(`More than ${LIMIT} times.`);
  process.exitCode = 1;
}
