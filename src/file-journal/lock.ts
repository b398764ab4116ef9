/** A lock on a path, held by one process through a file next to it. It is released when the process ends. */
import { rmSync } from 'node:fs';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { JournalError } from '../core/errors/input-error.js';
import { randomHex } from '../media/crypto.js';

interface Holder {
  file: string;
  pid: number;
  startedAt: string;
  host: string;
}

/** Processes that start together may all back off; they retry after random delays. */
const ATTEMPTS = 6;

/** Files of the locks that this process holds. */
const held = new Set<string>();

/** The next process may run on another host, such as the next container, where it cannot tell that this one has ended. */
function releaseAll(): void {
  for (const file of held) rmSync(file, { force: true });
}

/**
 * Takes the lock; resolves with a function that releases it.
 *
 * Each process creates its own file, then looks for those of others, so at least one of two processes sees the other.
 * Files of ended processes are removed; names are never reused, so that cannot remove a live one.
 *
 * @throws {JournalError} that names the process that holds the lock.
 */
export async function lock(path: string): Promise<() => Promise<void>> {
  const startedAt = (await startOf(process.pid)) ?? '';
  const own = `${path}.lock.${process.pid}.${startedAt}.${randomHex(4)}.${hostname()}`;
  for (let attempt = 1; ; attempt++) {
    await (await open(own, 'wx', 0o600)).close();
    const other = await findHolder(path, own);
    if (other === undefined) {
      if (held.size === 0) process.on('exit', releaseAll);
      held.add(own);
      return () => release(own);
    }
    await rm(own, { force: true });
    if (attempt === ATTEMPTS) throw createBusyError(path, other);
    await delay(10 + Math.random() * 40);
  }
}

async function release(own: string): Promise<void> {
  await rm(own, { force: true });
  held.delete(own);
  if (held.size === 0) process.off('exit', releaseAll);
}

async function findHolder(path: string, own: string): Promise<Holder | undefined> {
  const prefix = `${basename(path)}.lock.`;
  for (const name of await readdir(dirname(path))) {
    const file = join(dirname(path), name);
    const match = name.startsWith(prefix) && file !== own && NAME.exec(name.slice(prefix.length));
    if (!match) continue;
    const [, pid = '', startedAt = '', host = ''] = match;
    const holder = { file, pid: Number(pid), startedAt, host };
    if (await isAlive(holder)) return holder;
    await rm(file, { force: true });
  }
  return undefined;
}

const NAME = /^(\d+)\.(\d*)\.[0-9a-f]{8}\.(.+)$/;

/** A process on another host cannot be checked: it counts as alive. */
async function isAlive({ pid, startedAt, host }: Holder): Promise<boolean> {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
  // The process id may have been reused.
  const now = await startOf(pid);
  return now === undefined || startedAt === '' || now === startedAt;
}

/**
 * Start time of a process, in clock ticks since boot. Undefined where the system does not report it (only Linux does).
 */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The process name, in parentheses, may contain spaces and parentheses.
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return state === 'Z' ? 'ended' : fields[18];
}

function createBusyError(path: string, { pid, host, file }: Holder): JournalError {
  const isHere = host === hostname();
  const who =
    pid === process.pid && isHere
      ? `another thread, or another copy of this package, of this process (${pid})`
      : `process ${pid}${isHere ? '' : ` on host ${host}`}`;
  const hint = isHere ? '' : ` If that process has ended, delete ${JSON.stringify(basename(file))}.`;
  return new JournalError(
    `${path} is in use by ${who}; a file journal is for one process at a time. For several, keep the journal in Redis or SQL.${hint}`,
  );
}
