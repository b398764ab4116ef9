// The table of docs/benchmarks.md: a run of some benches replaces their rows, and keeps the others.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { path } from './harness.mjs';

const PAGE = path('../../docs/benchmarks.md');
const MARKED = /(<!-- bench:start -->)([^]*)(<!-- bench:end -->)/;
const HEAD = [
  '| bench | what | ours | baseline | ratio | limit | day, load |',
  '| --- | --- | --- | --- | --- | --- | --- |',
];

/**
 * @param {string} bench
 * @param {import('./harness.mjs').Row} row
 * @param {string} run Day and load.
 */
export function formatRow(bench, row, run) {
  const { ours, baseline, digits = 0, unit, limit, most } = row;
  /** @param {number} value */
  const show = (value) =>
    `${value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`.trim();
  const ratio = row.moreIsBetter ? baseline / ours : ours / baseline;
  const mark = (/** @type {string} */ text, /** @type {boolean} */ isOver) => (isOver ? `**${text}**` : text);
  const cells = [
    bench,
    row.name,
    mark(show(ours), most !== undefined && ours > most),
    `${show(baseline)} (${row.against})`,
    mark(ratio.toFixed(2), limit !== undefined && ratio > limit),
    limit ?? (most === undefined ? '' : show(most)),
    run,
  ];
  return `| ${cells.join(' | ')} |`;
}

/**
 * Writes the rows of some benches.
 *
 * @param {Map<string, string[]>} rows
 * @param {string[]} order All benches.
 * @param {string} setup What they were measured on.
 */
export function writeTable(rows, order, setup) {
  const page = readFileSync(PAGE, 'utf8');
  const old = MARKED.exec(page)?.[2] ?? '';
  const oldRows = old.split('\n').filter((line) => line.startsWith('| '));
  const [oldSetup] = /^Measured on .*$/m.exec(old) ?? [setup];
  if (oldSetup !== setup && !order.every((bench) => rows.has(bench)))
    throw new Error(`The table says "${oldSetup}", and this is "${setup}" Run all benches.`);
  const all = order.flatMap(
    (bench) => rows.get(bench) ?? oldRows.filter((line) => line.split('|')[1]?.trim() === bench),
  );
  writeFileSync(PAGE, page.replace(MARKED, `$1\n\n${setup}\n\n${[...HEAD, ...all].join('\n')}\n\n$3`));
  execFileSync('npx', ['oxfmt', PAGE]);
}
