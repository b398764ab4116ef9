// Builds examples/next with the packed library, starts it, and makes one video on the emulator: `npm run example:next:test`.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmulator } from 'wavespeed-kling/testing';

const root = fileURLToPath(new URL('../..', import.meta.url));
const example = join(root, 'examples', 'next');
const copy = mkdtempSync(join(tmpdir(), 'kling-next-'));
const started = performance.now();
const log = (/** @type {string} */ what) =>
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s: ${what}`);

const emulator = await startEmulator({ queueMs: 50, processingMs: 200 });
/** @type {import('node:child_process').ChildProcess | undefined} */
let server;
try {
  cpSync(example, copy, {
    recursive: true,
    filter: (path) => !['.next', 'node_modules'].includes(basename(path)),
  });
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', copy], {
    cwd: root,
    encoding: 'utf8',
  });
  const manifest = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'));
  manifest.dependencies['wavespeed-kling'] = `file:${packed.trim().split('\n').at(-1)}`;
  writeFileSync(join(copy, 'package.json'), JSON.stringify(manifest));
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };
  const run = (/** @type {string} */ command, /** @type {string[]} */ ...args) =>
    execFileSync(command, args, { cwd: copy, env, stdio: 'inherit' });
  run('npm', 'install', '--no-audit', '--no-fund', '--silent');
  log('installed');
  run('node', 'node_modules/next/dist/bin/next', 'build');
  log('built');

  const port = await freePort();
  server = spawn(
    'node',
    ['node_modules/next/dist/bin/next', 'start', '-p', String(port), '-H', '127.0.0.1'],
    {
      cwd: copy,
      env: { ...env, WAVESPEED_API_KEY: emulator.apiKey, WAVESPEED_BASE_URL: emulator.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  for await (const chunk of server.stdout ?? []) if (String(chunk).includes('Ready')) break;
  const url = `http://127.0.0.1:${port}`;
  const page = await fetch(url);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /Make a video/);

  const body = JSON.stringify({ prompt: 'A fox in the snow', key: 'order-42' });
  const response = await fetch(`${url}/api/video`, { method: 'POST', body });
  assert.equal(response.status, 200);
  const lines = (await response.text()).trim().split('\n');
  /** @type {{ id?: string, status?: string, url?: string, error?: string }[]} */
  const progress = lines.map((line) => JSON.parse(line));
  const task = emulator.account.tasks[0];
  assert.deepEqual(progress[0], { id: task?.id, status: 'created' });
  assert.deepEqual(progress.at(-2), { id: task?.id, status: 'completed' });
  assert.deepEqual(progress.at(-1), { id: task?.id, url: task?.prediction().outputs[0] });

  const again = await fetch(`${url}/api/video`, { method: 'POST', body });
  assert.equal(JSON.parse((await again.text()).trim().split('\n').at(-1) ?? '').id, task?.id);
  assert.equal(emulator.requestCount({ operation: 'submit' }), 1);
  log(`made one video for two requests: ${lines.join(' ')}`);
} finally {
  if (server !== undefined && server.exitCode === null) {
    const ended = once(server, 'exit');
    server.kill();
    await ended;
  }
  await emulator.close();
  rmSync(copy, { recursive: true, force: true });
}

/** @returns {Promise<number>} */
async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  assert(typeof address === 'object' && address !== null);
  return address.port;
}
