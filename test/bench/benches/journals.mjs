// Journals: puts a second and bytes a key, beside a bare fsynced append; opening a file of 100,000 keys.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '../../bullmq/redis-server.mjs';
import { startPostgres } from '../../sql/postgres-server.mjs';
import { compare, path, runNode } from '../harness.mjs';

/** @typedef {import('../harness.mjs').Row} Row */

const PROGRAM = path('journal-program.mjs');

/** @type {import('../harness.mjs').Bench} */
export async function bench(options) {
  const folder = await mkdtemp(join(tmpdir(), 'journal-bench-'));
  try {
    return [...(await measurePuts(folder, options)), ...(await measureOpening(folder, options))];
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Each key is put three times: its mark, its task, the task's end.
 *
 * @param {string} folder
 * @param {import('../harness.mjs').Options} options
 * @returns {Promise<Row[]>}
 */
async function measurePuts(folder, { turns, isTiny }) {
  const postgres = await startPostgres({ fsync: 'on' });
  const redis = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
  let files = 0;
  const newFile = () => join(folder, `journal-${files++}`);
  /** @type {Record<string, () => string>} */
  const places = {
    bare: newFile,
    file: newFile,
    sqlite: newFile,
    wal: newFile,
    postgres: () => postgres.url,
    redis: () => redis.url,
  };
  const run = (/** @type {number} */ count, /** @type {number} */ atOnce) => {
    const contenders = Object.entries(places).map(([what, place]) => [
      what,
      () => runNode([PROGRAM, what, place(), String(count), String(atOnce)]),
    ]);
    return compare(Object.fromEntries(contenders), turns);
  };
  try {
    const alone = await run(isTiny ? 2 : 200, 1);
    const together = await run(isTiny ? 2 : 300, 50);
    const against = 'bare append with fsync';
    const title = {
      file: 'File',
      sqlite: 'SQLite',
      wal: 'SQLite with WAL',
      postgres: 'PostgreSQL',
      redis: 'Redis, each put synced',
    };
    /** @type {(name: string, results: typeof alone, what: string, key: string, unit: string) => Row} */
    const row = (name, results, what, key, unit) => ({
      name: what,
      ours: results[name]?.[key],
      baseline: results['bare']?.[key],
      against,
      unit,
      moreIsBetter: key === 'putsPerSecond',
    });
    return Object.entries(title).flatMap(([name, title]) => [
      row(name, alone, `${title}: puts a second, one after another`, 'putsPerSecond', ''),
      row(name, together, '… of 50 keys at once', 'putsPerSecond', ''),
      row(name, together, '… bytes a key', 'bytesEach', 'B'),
    ]);
  } finally {
    await postgres.stop();
    redis.stop();
  }
}

/**
 * @param {string} folder
 * @param {import('../harness.mjs').Options} options
 * @returns {Promise<Row[]>}
 */
async function measureOpening(folder, { turns, isTiny }) {
  const keys = isTiny ? 10 : 100_000;
  const run = (/** @type {string} */ what) => () =>
    runNode([PROGRAM, what, join(folder, 'large.jsonl'), String(keys)]);
  await run('fill')();
  const { load, open, parse } = await compare(
    { load: run('load'), open: run('open'), parse: run('parse') },
    turns,
  );
  const against = 'reading and parsing its lines';
  return [
    {
      name: 'Opening a file of 100,000 keys: time',
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
