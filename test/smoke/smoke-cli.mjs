// Makes a video with the installed command, as `npx wavespeed-kling` does.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { startEmulator } from 'wavespeed-kling/testing';

const command = realpathSync('node_modules/.bin/wavespeed-kling');
const manifest = JSON.parse(readFileSync('node_modules/wavespeed-kling/package.json', 'utf8'));
const emulator = await startEmulator({ processingMs: 50 });
const env = { ...process.env, WAVESPEED_BASE_URL: emulator.url, WAVESPEED_API_KEY: emulator.apiKey };

/** @param {string[]} args */
async function run(...args) {
  const child = spawn(process.execPath, ['--throw-deprecation', command, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.on('data', (/** @type {Buffer} */ chunk) => (stdout += chunk.toString()));
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
  return stdout.trim();
}

assert.equal(await run('--version'), manifest.version);
assert.ok(statSync(await run('run', 'o1', '-p', 'A fox', '-o', 'out')).size > 0);
await emulator.close();
console.log(`command on Node ${process.version}: ok`);
