/** Names partial files after the process that writes them, and removes those of killed processes. */
import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createHash, randomHex } from './crypto.js';

/** Partial files of other machines are removed after an hour without a write. */
const STALE_AFTER_MS = 60 * 60_000;

const PARTIAL_NAME = /^(.+)\.([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.part$/s;

const host = () => createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

/** Unique, so that two downloads of the same file never share a partial file. */
export const partialPath = (target: string): string =>
  `${target}.${host()}-${process.pid}-${randomHex(6)}.part`;

export async function removeStaleFiles(directory: string, names: readonly string[]): Promise<void> {
  const files = await readdir(directory).catch(() => []);
  for (const file of files) {
    const [, name, writer, pid] = PARTIAL_NAME.exec(file) ?? [];
    if (name === undefined || !names.includes(name)) continue;
    const path = join(directory, file);
    try {
      const { mtimeMs } = await stat(path);
      if (isStale(mtimeMs, writer === host() ? Number(pid) : undefined)) await rm(path, { force: true });
    } catch {
      // Another process removed it.
    }
  }
}

function isStale(mtimeMs: number, pid: number | undefined): boolean {
  if (Date.now() - mtimeMs > STALE_AFTER_MS) return true;
  if (pid === undefined) return false;
  // After a restart, a container's process has the same id.
  if (pid === process.pid) return mtimeMs < Date.now() - process.uptime() * 1000;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
