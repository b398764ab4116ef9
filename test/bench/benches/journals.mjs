// What opening a file journal of 100,000 keys costs, beside reading its lines and parsing them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, path, runNode } from '../harness.mjs';

/** @type {import('../harness.mjs').Bench} */
export async function bench({ turns, isTiny }) {
  const keys = isTiny ? 10 : 100_000;
  const folder = await mkdtemp(join(tmpdir(), 'journal-bench-'));
  const run = (/** @type {string} */ what) => () =>
    runNode([path('journal-program.mjs'), what, join(folder, 'journal.jsonl'), String(keys)]);
  await run('fill')();
  const { load, open, parse } = await compare(
    { load: run('load'), open: run('open'), parse: run('parse') },
    turns,
  );
  await rm(folder, { recursive: true });
  const against = 'read and parse the lines';
  const title = `Open a file journal of ${keys.toLocaleString('en-US')} keys`;
  return [
    {
      name: `${title}: time`,
      ours: open.wallMs - load.wallMs,
      baseline: parse.wallMs - load.wallMs,
      against,
      unit: 'ms',
      most: 1000,
    },
    {
      name: '… CPU',
      ours: open.cpuMs - load.cpuMs,
      baseline: parse.cpuMs - load.cpuMs,
      against,
      unit: 'ms',
    },
    {
      name: '… memory of the process',
      ours: open.peakMb,
      baseline: parse.peakMb,
      against,
      unit: 'MB',
      most: 150,
    },
  ];
}
