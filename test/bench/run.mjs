// Measures this library against the official client, in one run, and writes results.json, chart.svg and the README's table.
//   npm run bench            some minutes
//   npm run bench -- --quick half a minute, without writing anything
import { execFileSync, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..', '..');
const quick = process.argv.includes('--quick');
const CLIENTS = ['wavespeed-kling', 'wavespeed'];
/** @type {[number, number, number][]} tasks, and the range of their durations in ms */
const RUNS = quick
  ? [
      [1, 2000, 3000],
      [50, 2000, 3000],
    ]
  : [
      [1, 6000, 6000],
      [100, 6000, 6000],
      [500, 8000, 12_000],
      [1000, 6000, 6000],
    ];

/** @param {number[]} values @param {number} share */
const quantile = (values, share) =>
  values.toSorted((one, other) => one - other)[
    Math.min(values.length - 1, Math.floor(values.length * share))
  ] ?? NaN;
/** @param {string} file @param {unknown[]} args */
const child = (file, ...args) => fork(join(here, file), args.map(String), { cwd: root });
/** @param {import('node:child_process').ChildProcess} process @returns {Promise<any>} */
const answer = async (process) => (await once(process, 'message'))[0];

/** @param {string} name @param {number} count @param {number} least @param {number} most */
async function measure(name, count, least, most) {
  const server = child('server.mjs', least, most);
  const { url, apiKey } = await answer(server);
  const client = child('client.mjs', name, url, apiKey, count);
  const { noticed, cpuMs, peakMb } = await answer(client);
  server.send('report');
  const { requests, ended } = await answer(server);
  server.kill();
  const lags = noticed.map((/** @type {[string, number]} */ [output, at]) => {
    const found = ended.find((/** @type {[string, number]} */ [id]) => output.includes(id));
    return at - found[1];
  });
  return {
    client: name,
    tasks: count,
    seconds: [least / 1000, most / 1000],
    requestsPerTask: requests / count,
    cpuMsPerTask: cpuMs / count,
    lagMedianMs: quantile(lags, 0.5),
    lag95Ms: quantile(lags, 0.95),
    peakMb,
  };
}

/** Takes the median of each figure. @param {Awaited<ReturnType<typeof measure>>[]} rounds */
function medianOf(rounds) {
  const [first] = rounds;
  if (first === undefined) throw new Error('nothing was measured');
  /** @param {(row: Awaited<ReturnType<typeof measure>>) => number} figure */
  const median = (figure) => quantile(rounds.map(figure), 0.5);
  return {
    ...first,
    requestsPerTask: median((row) => row.requestsPerTask),
    cpuMsPerTask: median((row) => row.cpuMsPerTask),
    lagMedianMs: median((row) => row.lagMedianMs),
    lag95Ms: median((row) => row.lag95Ms),
    peakMb: median((row) => row.peakMb),
  };
}

/** Wall time of loading each client in a fresh process, less an empty one; installed into an empty project. */
function measureImports() {
  const folder = mkdtempSync(join(tmpdir(), 'wavespeed-kling-bench-'));
  try {
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    const packed = execFileSync(
      'npm',
      ['pack', '--ignore-scripts', '--json', '--pack-destination', folder, ...quiet],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const others = ['wavespeed', 'replicate', '@fal-ai/client', 'openai'];
    execFileSync('npm', ['install', join(folder, JSON.parse(packed)[0].filename), ...others, ...quiet], {
      cwd: folder,
    });
    /** @type {[string, string, string][]} */
    const programs = ['', 'wavespeed-kling', ...others].flatMap((name) => [
      [name, 'import', name === '' ? '' : `import '${name}';`],
      [name, 'require', name === '' ? '' : `require('${name}');`],
    ]);
    for (const [index, [, kind, code]] of programs.entries()) {
      writeFileSync(join(folder, `${index}.${kind === 'import' ? 'mjs' : 'cjs'}`), code);
    }
    /** @type {number[][]} */
    const times = programs.map(() => []);
    // In turn, so that whatever else the machine does hits all alike.
    for (let round = 0; round < (quick ? 3 : 21); round++) {
      for (const [index, [, kind]] of programs.entries()) {
        const started = performance.now();
        const { status } = spawnSync(process.execPath, [`${index}.${kind === 'import' ? 'mjs' : 'cjs'}`], {
          cwd: folder,
        });
        times[index]?.push(status === 0 ? performance.now() - started : NaN);
      }
    }
    const median = times.map((each) => quantile(each, 0.5));
    return ['wavespeed-kling', ...others].map((name, index) => ({
      client: name,
      importMs: (median[2 + index * 2] ?? NaN) - (median[0] ?? NaN),
      requireMs: (median[3 + index * 2] ?? NaN) - (median[1] ?? NaN),
    }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const versionOf = (/** @type {string} */ name) =>
  JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;

/** @type {Awaited<ReturnType<typeof measure>>[]} */
const waits = [];
for (const [count, least, most] of RUNS) {
  /** @type {(typeof waits)[]} */
  const rounds = CLIENTS.map(() => []);
  // In turn, so that whatever else the machine does hits both alike.
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    for (const [index, name] of CLIENTS.entries())
      rounds[index]?.push(await measure(name, count, least, most));
  }
  for (const each of rounds) {
    waits.push(medianOf(each));
    console.log(waits.at(-1));
  }
}
const server = child('server.mjs', 1e8, 1e8);
const { url, apiKey } = await answer(server);
const poll = await answer(child('polls.mjs', url, apiKey, quick ? 3 : 7, quick ? 300 : 1500));
server.kill();
console.log('one poll beside bare undici.request:', poll);
const imports = measureImports();
console.table(imports);

const results = {
  machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`,
  versions: { node: process.versions.node, wavespeed: versionOf('wavespeed'), undici: versionOf('undici') },
  waits,
  poll,
  imports,
};

/** @param {number} value @param {number} digits */
const show = (value, digits = 0) =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

function table() {
  const rows = waits.map(
    (row) =>
      `| ${show(row.tasks)} of ${row.seconds[0] === row.seconds[1] ? row.seconds[0] : row.seconds.join('–')} s | ${row.client} ` +
      `| ${show(row.requestsPerTask, 2)} | ${show(row.cpuMsPerTask, 1)} | ${show(row.lagMedianMs)} / ${show(row.lag95Ms)} | ${show(row.peakMb)} |`,
  );
  const loads = imports.map((row) => `| ${row.client} | ${show(row.importMs)} | ${show(row.requireMs)} |`);
  return [
    `Measured by \`npm run bench\` on ${results.machine}, Node ${results.versions.node}, against the official client ` +
      `wavespeed ${results.versions.wavespeed}; each client and the emulator in a process of its own; the median of three runs in turn.`,
    '',
    '![Requests while waiting, a task](test/bench/chart.svg)',
    '',
    '| tasks at once | client | requests while waiting, a task | CPU ms a task | lag to notice, median / 95 % (ms) | peak memory (MB) |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    `One poll takes ${show(poll.ratio, 2)} times as long as a bare \`undici.request\` of the same URL.`,
    '',
    '| loading, over an empty process | `import` (ms) | `require` (ms) |',
    '|---|---|---|',
    ...loads,
  ].join('\n');
}

function chart() {
  const [barHeight, gap, left, width] = [18, 6, 190, 640];
  const most = Math.max(...waits.map((row) => row.requestsPerTask));
  const bars = waits.map((row, index) => {
    const y = 40 + index * (barHeight + gap) + Math.floor(index / 2) * 12;
    const length = Math.max(1, (row.requestsPerTask / most) * (width - left - 80));
    const colour = row.client === 'wavespeed' ? '#9aa5b1' : '#d9642b';
    const label = `${show(row.tasks)} × ${row.client}`;
    return (
      `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${label}</text>` +
      `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" fill="${colour}"/>` +
      `<text x="${(left + length + 6).toFixed(1)}" y="${y + 13}">${show(row.requestsPerTask, 2)}</text>`
    );
  });
  const height = 60 + waits.length * (barHeight + gap) + (waits.length / 2) * 12;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">` +
    `<rect width="100%" height="100%" fill="#fff"/><text x="12" y="22" font-size="14">Requests while waiting, a task</text>` +
    `${bars.join('')}</svg>\n`
  );
}

if (!quick) {
  writeFileSync(join(here, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(here, 'chart.svg'), chart());
  const readme = join(root, 'README.md');
  if (existsSync(readme)) {
    const text = readFileSync(readme, 'utf8');
    const [start, end] = ['<!-- bench:start -->', '<!-- bench:end -->'];
    const [before = '', rest = ''] = text.split(start);
    const after = rest.split(end)[1] ?? '';
    if (rest !== '') writeFileSync(readme, `${before}${start}\n${table()}\n${end}${after}`);
  }
}
process.exit();
