// Runs benches, and writes their rows into docs/benchmarks.md.
//   npm run bench                     all
//   npm run bench -- start journals   some
//   npm run bench -- --print …        writes nothing
//   npm run bench -- --tiny …         each contender once, with tiny sizes: shows only that the benches run; writes nothing
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { path } from './harness.mjs';
import { formatRow, writeTable } from './table.mjs';

/** Files of the folder benches/, each of which exports `bench`. */
const BENCHES = ['start', 'size', 'waits', 'polls', 'media', 'journals', 'scale', 'workers'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tiny: { type: 'boolean', default: false }, print: { type: 'boolean', default: false } },
});
const unknown = positionals.filter((name) => !BENCHES.includes(name));
if (unknown.length > 0) throw new Error(`No bench ${unknown.join(', ')}; there are ${BENCHES.join(', ')}.`);

/** @param {string} name */
const versionOf = (name) =>
  JSON.parse(readFileSync(path(`../../node_modules/${name}/package.json`), 'utf8')).version;
const setup = `Measured on ${cpus().length} cores, Node ${process.versions.node}, wavespeed ${versionOf('wavespeed')}, undici ${versionOf('undici')}.`;
console.log(setup);

/** @type {Map<string, string[]>} */
const rows = new Map();
for (const name of positionals.length === 0 ? BENCHES : positionals) {
  // Before the bench: its own load is no news.
  const run = `${new Date().toISOString().slice(0, 10)}, ${(loadavg()[0] ?? 0).toFixed(1)}`;
  /** @type {{ bench: import('./harness.mjs').Bench }} */
  const { bench } = await import(`./benches/${name}.mjs`);
  const measured = await bench({ turns: values.tiny ? 1 : 5, isTiny: values.tiny });
  rows.set(
    name,
    measured.map((row) => formatRow(name, row, run)),
  );
  console.log(rows.get(name)?.join('\n'));
}
if (!values.tiny && !values.print) writeTable(rows, BENCHES, setup);
