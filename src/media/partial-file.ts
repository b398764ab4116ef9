/**
 * Holds what is not whole yet: a `.part` file beside the target, which becomes the target in one step or leaves nothing.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, lstat, open, rename, rm } from 'node:fs/promises';
import { DownloadError } from '../core/errors/index.js';
import { codeOf } from '../http/transport.js';

/** Codes of file systems that have no hard links, or do not let us make them. */
const NO_LINKS = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV', 'EINVAL']);

/** A file being written. Its name is its own, so that two downloads of the same thing do not meet in it. */
export class PartFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #closed = false;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Creates one for the target with this path, its ending left out. */
  static async create(stem: string): Promise<PartFile> {
    const path = `${stem}.${randomBytes(6).toString('hex')}.part`;
    return new PartFile(path, await open(path, 'wx+'));
  }

  /** Writes pieces one after the other from a place on. */
  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    let left = [...pieces];
    let at = position;
    while (left.length > 0) {
      const { bytesWritten } = await this.#handle.writev(left, at);
      at += bytesWritten;
      left = skip(left, bytesWritten);
    }
  }

  /** Reads from one place to another, as far as there is something. */
  async read(start: number, end: number): Promise<Uint8Array> {
    const buffer = Buffer.alloc(end - start);
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.byteLength, start);
    return buffer.subarray(0, bytesRead);
  }

  /** Empties it, to begin anew. */
  async empty(): Promise<void> {
    await this.#handle.truncate(0);
  }

  /** Makes it the target. Without `overwrite`, rejects with EEXIST rather than touch what is there. */
  async publish(target: string, overwrite: boolean): Promise<void> {
    await this.#close();
    if (overwrite) {
      await rename(this.path, target);
      return;
    }
    try {
      // Unlike a rename, a link never replaces a file that has appeared meanwhile.
      await link(this.path, target);
    } catch (error) {
      if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      // The name is claimed with an empty file, which is then replaced: where there are no links, nothing is safer.
      await (await open(target, 'wx')).close();
      try {
        await rename(this.path, target);
      } catch (failure) {
        await rm(target, { force: true });
        throw failure;
      }
      return;
    }
    await rm(this.path, { force: true });
  }

  /** Removes it, if it is still there. */
  async discard(): Promise<void> {
    // What cannot be closed or removed must not hide why it is given up.
    await this.#close().catch(() => undefined);
    await rm(this.path, { force: true }).catch(() => undefined);
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
  }
}

function skip(pieces: Uint8Array[], bytes: number): Uint8Array[] {
  let written = bytes;
  for (const [index, piece] of pieces.entries()) {
    if (written < piece.byteLength) return [piece.subarray(written), ...pieces.slice(index + 1)];
    written -= piece.byteLength;
  }
  return [];
}

/** Tells whether there is something under a path, a dangling link included. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Says that a file is in the way. */
export function alreadyThere(path: string, predictionId: string | undefined, cause?: unknown): DownloadError {
  const task = predictionId === undefined ? '' : ` (task ${predictionId})`;
  return new DownloadError(
    'exists',
    `${path} is there already${task}. Give \`overwrite: true\` to replace it, or another directory.`,
    { path, predictionId, ...(cause === undefined ? {} : { cause }) },
  );
}

/** Says that a file could not be written. */
export function diskError(
  cause: unknown,
  path: string,
  where: string,
  predictionId: string | undefined,
): DownloadError {
  const code = codeOf(cause);
  const task = predictionId === undefined ? '' : ` (task ${predictionId})`;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const why = full ? `no space is left on the disk (${code})` : (code ?? String(cause));
  return new DownloadError(
    full ? 'disk_full' : 'write_failed',
    `${path} could not be written, ${where}${task}: ${why}. Nothing of it was left behind.`,
    { path, predictionId, cause },
  );
}
