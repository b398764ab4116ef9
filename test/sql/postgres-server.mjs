// A PostgreSQL server of its own: on a free port, in a temporary folder, and as an unprivileged user, as PostgreSQL demands.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { getFreePort } from '../support/free-port.mjs';

const run = promisify(execFile);

/** Where Debian's package and others have the programs of the server, which are not on the PATH. */
function findPrograms() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian)
    ? readdirSync(debian).sort((one, other) => Number(other) - Number(one))
    : [];
  const folders = [
    ...(process.env.PATH ?? '').split(':'),
    ...versions.map((version) => join(debian, version, 'bin')),
    '/opt/homebrew/opt/postgresql/bin',
  ];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/** Returns whether there is a PostgreSQL to test with, and prints how to get one where there is none. */
export function hasPostgres() {
  if (findPrograms() !== undefined) return true;
  const hint = 'this needs PostgreSQL (apt-get install postgresql)';
  if (process.env.CI) throw new Error(`In CI no test may be skipped: ${hint}.`);
  process.stderr.write(`Skipped: ${hint}.\n`);
  return false;
}

/**
 * The server refuses to run as root.
 *
 * @returns {{ uid?: number, gid?: number }}
 */
function unprivileged() {
  if (process.getuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (/** @type {string} */ flag) =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // There is no such user.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody.');
}

/**
 * @typedef {object} PostgresServer
 * @property {string} url
 * @property {() => Promise<void>} crash Kills the server, as a crash would; what it had confirmed is there after `start`.
 * @property {() => Promise<void>} start
 * @property {() => Promise<void>} stop Ends it, and removes its files.
 */

/**
 * @param {{ fsync?: 'on' | 'off' }} [settings] Without `fsync` it survives its own crash, and not that of the machine.
 * @returns {Promise<PostgresServer>}
 */
export async function startPostgres({ fsync = 'off' } = {}) {
  const programs = findPrograms();
  if (programs === undefined) throw new Error('PostgreSQL is not installed.');
  const user = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? user.uid);
  const data = join(folder, 'data');
  const port = await getFreePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const options = { ...user, cwd: folder };
  await run(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
    options,
  );

  /** @type {Promise<void>} */
  let ended = Promise.resolve();
  /** @type {(signal: NodeJS.Signals) => void} */
  let kill = () => undefined;
  const start = async () => {
    const settings = {
      port: String(port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: folder,
      fsync,
      max_connections: '60',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = spawn(join(programs, 'postgres'), ['-D', data, ...flags], { ...options, stdio: 'ignore' });
    kill = (signal) => void server.kill(signal);
    ended = new Promise((resolve) => server.once('exit', () => resolve()));
    // Also if this process is ended before it stops the server.
    const killWithProcess = () => void server.kill('SIGQUIT');
    process.once('exit', killWithProcess);
    void ended.then(() => process.off('exit', killWithProcess));
    await waitUntilReady(url, server);
  };
  await start();
  const end = (/** @type {NodeJS.Signals} */ signal) => {
    kill(signal);
    return ended;
  };
  return {
    url,
    start,
    // Immediate: the next start recovers from the log of writes.
    crash: () => end('SIGQUIT'),
    stop: async () => {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * @param {string} url
 * @param {{ exitCode: number | null }} server
 */
async function waitUntilReady(url, server) {
  for (;;) {
    if (server.exitCode !== null) throw new Error('PostgreSQL ended before it was ready.');
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
