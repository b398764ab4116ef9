/** Errors of downloads that concern files. */
import { lstat, stat } from 'node:fs/promises';
import { DownloadError } from '../core/errors/index.js';
import { getErrorCode } from '../http/error-code.js';

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** @throws {DownloadError} (`exists`) if the path exists, even as a dangling link. */
export async function checkAbsent(path: string, predictionId: string | undefined): Promise<void> {
  if (await exists(path)) throw existsError(path, predictionId);
}

/** Returns the size of a file that exists and is to be kept; undefined if there is none. */
export async function sizeOfKept(
  path: string,
  predictionId: string | undefined,
): Promise<number | undefined> {
  if (!(await exists(path))) return undefined;
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isFile() === true) return stats.size;
  // A directory, or a link that leads nowhere, is not the file.
  throw existsError(path, predictionId);
}

const ofTask = (predictionId: string | undefined) =>
  predictionId === undefined ? '' : ` (task ${predictionId})`;

export function existsError(path: string, predictionId: string | undefined, cause?: unknown): DownloadError {
  return new DownloadError(
    'exists',
    `${path} already exists${ofTask(predictionId)}. Pass \`ifExists: 'overwrite'\` to replace it, \`ifExists: 'keep'\` to use it, or another directory.`,
    { path, predictionId, ...(cause === undefined ? {} : { cause }) },
  );
}

export function diskError(
  cause: unknown,
  path: string,
  where: string,
  predictionId: string | undefined,
): DownloadError {
  const code = getErrorCode(cause);
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  const why = isFull ? `no space left on the disk (${code})` : (code ?? String(cause));
  return new DownloadError(
    isFull ? 'disk_full' : 'write_failed',
    `${path} could not be written${where}${ofTask(predictionId)}: ${why}. The partial file was removed.`,
    { path, predictionId, cause },
  );
}
