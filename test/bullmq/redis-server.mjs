// A Redis without persistence: REDIS_URL, or a redis-server from the PATH on a free port.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getFreePort } from '../support/free-port.mjs';

/** Returns whether there is a Redis to test with, and prints how to get one where there is none. */
export function hasRedis() {
  if (process.env.REDIS_URL) return true;
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    const hint = 'this needs REDIS_URL or redis-server (apt-get install redis-server)';
    if (process.env.CI) throw new Error(`In CI no test may be skipped: ${hint}.`);
    process.stderr.write(`Skipped: ${hint}.\n`);
    return false;
  }
}

/**
 * @param {string[]} [settings] Of the command line.
 * @returns {Promise<{ url: string, stop: () => void }>}
 */
export async function startRedis(settings = []) {
  if (process.env.REDIS_URL) return { url: process.env.REDIS_URL, stop: () => undefined };
  const port = await getFreePort();
  const folder = mkdtempSync(join(tmpdir(), 'redis-'));
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder, ...settings],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  await /** @type {Promise<void>} */ (
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.once('exit', () => reject(new Error('redis-server ended before it was ready')));
      server.stdout.on('data', (text) => {
        if (text.includes('Ready to accept connections')) resolve();
      });
    })
  );
  const stop = () => {
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
}
