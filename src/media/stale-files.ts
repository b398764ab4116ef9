/** Names partial files after the process that writes them, and removes those that a killed process left behind. */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Files of other machines are removed when nothing was written to them for an hour. */
const STALE_AFTER_MS = 60 * 60_000;

const PARTIAL_NAME = /^(.+)\.([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.part$/s;

const host = () => createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

/** Returns a unique name: two downloads of the same file never share a partial file. */
export const partialPath = (target: string): string =>
  `${target}.${host()}-${process.pid}-${randomBytes(6).toString('hex')}.part`;

/** Removes stale partial files of these names from a directory. Errors are ignored. */
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
      // Somebody else removed it.
    }
  }
}

function isStale(mtimeMs: number, pid: number | undefined): boolean {
  if (Date.now() - mtimeMs > STALE_AFTER_MS) return true;
  if (pid === undefined) return false;
  // A container's process has the same id after a restart.
  if (pid === process.pid) return mtimeMs < Date.now() - process.uptime() * 1000;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
