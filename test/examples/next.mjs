// Builds examples/next with the packed library, drives it in a browser on the emulator, and kills the server between the
// steps: `npm run example:next:test`. `npm run example:next` only starts it.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEmulator } from 'wavespeed-kling/testing';
import { getFreePort } from '../support/free-port.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'kling-next-'));
const next = join('node_modules', 'next', 'dist', 'bin', 'next');
const started = performance.now();
const log = (/** @type {string} */ what) =>
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s: ${what}`);

/** Installs the example with the packed library, and builds it without a key. */
function prepare() {
  cpSync(join(root, 'examples', 'next'), copy, {
    recursive: true,
    filter: (path) => !['.next', '.data', 'node_modules'].includes(basename(path)),
  });
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', copy];
  const packed = execFileSync('npm', args, { cwd: root, encoding: 'utf8' }).trim().split('\n').at(-1);
  const manifest = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'));
  manifest.dependencies['wavespeed-kling'] = `file:${packed}`;
  writeFileSync(join(copy, 'package.json'), JSON.stringify(manifest));
  const { WAVESPEED_API_KEY: _, ...env } = process.env;
  const run = (/** @type {string} */ command, /** @type {string[]} */ ...rest) =>
    execFileSync(command, rest, {
      cwd: copy,
      env: { ...env, NEXT_TELEMETRY_DISABLED: '1' },
      stdio: 'inherit',
    });
  run('npm', 'install', '--no-audit', '--no-fund', '--silent');
  log('installed');
  run('node', next, 'build');
  log('built, without a key');
}

async function launchBrowser() {
  const { chromium } = await import('playwright-core');
  const { default: packed } = await import('@sparticuz/chromium');
  return chromium.launch({
    executablePath: await packed.executablePath(),
    args: ['--no-sandbox', '--disable-gpu', '--no-zygote', '--in-process-gpu'],
  });
}

const emulator = await startEmulator({ queueMs: 100, processingMs: 2000 });
const port = await getFreePort();
const url = `http://127.0.0.1:${port}`;
/** @type {import('node:child_process').ChildProcess | undefined} */
let server;

async function startServer() {
  server = spawn(process.execPath, [next, 'start', '-p', String(port), '-H', '127.0.0.1'], {
    cwd: copy,
    env: {
      ...process.env,
      WAVESPEED_API_KEY: emulator.apiKey,
      WAVESPEED_BASE_URL: emulator.url,
      WEBHOOK_URL: `${url}/webhooks`,
      REQUEST_TIMEOUT_MS: '5000',
      SETTLE_MS: '500',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const chunk of server.stdout ?? []) if (String(chunk).includes('Ready')) break;
}

async function killServer() {
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill('SIGKILL');
  await ended;
}

const submits = () => emulator.requestCount({ operation: 'submit' });

/** @param {() => unknown} condition */
async function until(condition, timeoutMs = 60_000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await delay(50)) if (await condition()) return;
  throw new Error(`This did not happen within ${timeoutMs} ms: ${String(condition)}`);
}

/** @param {import('playwright-core').Page} page */
async function makeVideo(page) {
  await page.goto(url);
  await page.waitForSelector('button:not([disabled])');
  // Not awaited: the server may be killed meanwhile.
  void page.click('button').catch(() => undefined);
}

/** @param {import('playwright-core').Page} page */
async function expectVideo(page) {
  await page.waitForURL(/\/videos\//, { timeout: 60_000 });
  await page.waitForSelector('video[src]', { timeout: 60_000, state: 'attached' });
}

/** @param {import('playwright-core').Browser} browser */
async function drive(browser) {
  const page = await browser.newPage();
  emulator.fail({ on: 'submit', kind: 'delay', ms: 20_000 });
  await makeVideo(page);
  await until(() => submits() === 1);
  await killServer();
  await startServer();
  await makeVideo(page);
  await expectVideo(page);
  assert.equal(emulator.account.tasks.length, 1);
  assert.equal(submits(), 1);
  log('killed during the submit, and asked again: one payment');

  await makeVideo(page);
  await page.waitForURL(/\/videos\//, { timeout: 60_000 });
  await killServer();
  await startServer();
  await page.reload();
  await expectVideo(page);
  assert.equal(submits(), 2);
  log('killed after the submit, and reloaded: the page shows the video');

  emulator.fail({ on: 'submit', kind: 'delay', ms: 20_000 });
  await makeVideo(page);
  await until(() => submits() === 3);
  await killServer();
  await page.close();
  await startServer();
  await until(async () => {
    const response = await fetch(`${url}/api/cron`);
    const states = Object.values(/** @type {Record<string, string>} */ (await response.json()));
    return states.length === 3 && states.every((state) => state === 'completed');
  });
  assert.equal(submits(), 3);
  assert.equal(emulator.account.tasks.length, 3);
  log('killed during the submit, and left: the cron route picked it up, with one payment');
}

/** @type {import('playwright-core').Browser | undefined} */
let browser;
try {
  prepare();
  assert.deepEqual(emulator.requests, []);
  await startServer();
  if (process.argv.includes('--serve')) {
    log(`${url} (on the emulator; Ctrl-C ends it)`);
    await once(process, 'SIGINT');
  } else {
    browser = await launchBrowser();
    await drive(browser);
  }
} finally {
  await browser?.close();
  await killServer();
  await emulator.close();
  rmSync(copy, { recursive: true, force: true });
}
