// Compares this library with the official client and with bare undici, in the clear and over TLS, and writes the table of
// docs/benchmarks.md.
//   npm run bench             about eight minutes
//   npm run bench -- --quick  about a minute, and writes nothing, unless given --write
// Each client and the server have a process of their own. They take turns, so that a slow moment of the machine meets all.
// @ts-nocheck: what goes between processes has no types.
import { execFileSync, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..', '..');
const quick = process.argv.includes('--quick');
const [OURS, OFFICIAL, BARE] = ['wavespeed-kling', 'wavespeed', 'undici'];
const rounds = quick ? 1 : 7;
const TASK_MS = 2000;
const folder = mkdtempSync(join(tmpdir(), 'wavespeed-kling-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
const certificate =
  `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ${keyFile} -out ${certFile} ` +
  '-days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost';
execFileSync('openssl', certificate.split(' '), { stdio: 'ignore' });

const median = (values) => quantile(values, 0.5);
const quantile = (values, share) =>
  values.toSorted((one, other) => one - other)[
    Math.min(values.length - 1, Math.floor(values.length * share))
  ];

async function startServer(isTls, least, most) {
  const files = isTls ? [keyFile, certFile] : [];
  const child = fork(join(here, 'server.mjs'), [least, most, ...files].map(String), { cwd: root });
  const [url] = await once(child, 'message');
  const report = async () => {
    child.send('report');
    return (await once(child, 'message'))[0];
  };
  return { url, report, stop: () => child.kill() };
}

async function runClient(what, name, url, count) {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: certFile };
  const execArgv = what === 'memory' ? ['--expose-gc'] : [];
  const child = fork(join(here, 'client.mjs'), [what, name, url, String(count)], {
    cwd: root,
    env,
    execArgv,
  });
  const [result] = await once(child, 'message');
  return result;
}

/** Runs tasks with each client in turn; at the same time where only their timing counts. */
async function compareRuns(isTls, count, [least, most], { times = rounds, together = false } = {}) {
  const measure = async (name) => {
    const server = await startServer(isTls, least, most);
    const result = await runClient('run', name, server.url, count);
    const { polls, ended } = await server.report();
    server.stop();
    const endOf = new Map(ended);
    const lags = result.noticed.map(([output, at]) => at - endOf.get(output.split('/').at(-2)));
    const { ms, cpuMs, peakMb } = result;
    const lag = median(lags);
    return { ms, cpuMs: cpuMs / count, peakMb, polls: polls / count, lag, lag95: quantile(lags, 0.95) };
  };
  const all = { [OURS]: [], [OFFICIAL]: [] };
  for (let round = 0; round < times; round++) {
    const pending = [];
    for (const name of [OURS, OFFICIAL]) {
      const measured = measure(name).then((result) => all[name].push(result));
      pending.push(measured);
      if (!together) await measured;
    }
    await Promise.all(pending);
  }
  const middle = (runs) =>
    Object.fromEntries(Object.keys(runs[0]).map((key) => [key, median(runs.map((run) => run[key]))]));
  return { ours: middle(all[OURS]), official: middle(all[OFFICIAL]) };
}

/** Times one call of each client, one after the other. */
async function compareCalls(isTls, what, count) {
  const server = await startServer(isTls, 1e9, 1e9);
  const all = { [OURS]: [], [OFFICIAL]: [], [BARE]: [] };
  for (let round = 0; round < (quick ? 1 : 11); round++) {
    for (const name of [OURS, OFFICIAL, BARE]) all[name].push(await runClient(what, name, server.url, count));
  }
  server.stop();
  const middle = (name, key) => median(all[name].map((run) => run[key]));
  return (name) => ({ us: middle(name, 'us'), cpuUs: middle(name, 'cpuUs') });
}

const rows = [];
function row(what, isTls, ours, other, unit, digits = 0, against = OFFICIAL) {
  const show = (value) =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const ratio = other === undefined ? '' : (ours / other).toFixed(2);
  const theirs = other === undefined ? '' : `${show(other)} ${unit} (${against})`;
  rows.push(`| ${what} | ${isTls ? 'TLS' : 'clear'} | ${show(ours)} ${unit} | ${theirs} | ${ratio} |`);
  console.log(rows.at(-1));
}

console.log(`load ${loadavg()[0].toFixed(1)} on ${cpus().length} cores`);
for (const isTls of [false, true]) {
  const one = await compareRuns(isTls, 1, [TASK_MS, TASK_MS]);
  row(`One task of ${TASK_MS / 1000} s, whole program: CPU`, isTls, one.ours.cpuMs, one.official.cpuMs, 'ms');
  row('… polls', isTls, one.ours.polls, one.official.polls, '', 0);
  row('… end noticed after', isTls, one.ours.lag, one.official.lag, 'ms');

  const [count, range] = quick ? [100, [2000, 3000]] : [500, [8000, 12_000]];
  const many = await compareRuns(isTls, count, range, { times: quick ? 1 : 3 });
  row(
    `${count} tasks of ${range.map((ms) => ms / 1000).join('–')} s at once: CPU a task`,
    isTls,
    many.ours.cpuMs,
    many.official.cpuMs,
    'ms',
    1,
  );
  row('… end noticed after (95 %)', isTls, many.ours.lag95, many.official.lag95, 'ms');
  row('… peak memory', isTls, many.ours.peakMb, many.official.peakMb, 'MB');

  const poll = await compareCalls(isTls, 'poll', 600);
  row('One poll: time', isTls, poll(OURS).us, poll(BARE).us, 'µs', 0, 'bare undici');
  row('… CPU', isTls, poll(OURS).cpuUs, poll(OFFICIAL).cpuUs, 'µs');
  const submit = await compareCalls(isTls, 'submit', 600);
  row('One submit after another: time', isTls, submit(OURS).us, submit(BARE).us, 'µs', 0, 'bare undici');
}
if (!quick) {
  const long = await compareRuns(true, 100, [60_000, 90_000], { times: 1, together: true });
  row('100 tasks of 60–90 s at once: polls a task', true, long.ours.polls, long.official.polls, '', 1);
  row('… end noticed after', true, long.ours.lag, long.official.lag, 'ms');
}
const server = await startServer(true, 1e9, 1e9);
const waits = quick ? 1000 : 10_000;
const { kbEach } = await runClient('memory', OURS, server.url, waits);
server.stop();
row(
  `${waits.toLocaleString('en-US')} waits in one process: memory of each`,
  true,
  kbEach,
  undefined,
  'KB',
  1,
);

/** CPU of a fresh process that runs a statement. */
function measureStart(statement) {
  const code = `${statement} console.log(process.cpuUsage().user + process.cpuUsage().system)`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { cwd: root });
  return Number(stdout) / 1000;
}
const loads = { [OURS]: [], [OFFICIAL]: [], [BARE]: [] };
for (let round = 0; round < (quick ? 3 : 25); round++) {
  const empty = measureStart('');
  for (const name of [OURS, OFFICIAL, BARE])
    loads[name].push(measureStart(`await import('${name}');`) - empty);
}
const [load, official, undici] = [OURS, OFFICIAL, BARE].map((name) => median(loads[name]).toFixed(0));
rows.push(
  `| \`import\`: CPU over an empty process | | ${load} ms | ${official} ms (wavespeed) | ${(load / official).toFixed(2)} |`,
  `| … loading undici, with the first request | | ${undici} ms | | |`,
);
console.log(rows.slice(-2).join('\n'));

if (!quick || process.argv.includes('--write')) {
  const version = (name) =>
    JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
  const setup =
    `Measured by \`npm run bench\` on ${cpus().length} cores, Node ${process.versions.node}, wavespeed ${version('wavespeed')}, ` +
    `undici ${version('undici')}, at a load of ${loadavg()[0].toFixed(1)}. ${quick ? 'A quick run, one round each: the ratios are rough.' : 'Medians.'} A ratio under 1 favours this library.`;
  const table = [
    '| measure | over | wavespeed-kling | other | ratio |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
  const path = join(root, 'docs/benchmarks.md');
  const text = readFileSync(path, 'utf8');
  const replaced = `$1\n\n${setup}\n\n${table}\n\n$2`;
  writeFileSync(path, text.replace(/(<!-- bench:start -->)[^]*(<!-- bench:end -->)/, replaced));
  spawnSync('npx', ['oxfmt', path], { cwd: root });
}
process.exit();
