/** Opens a file on disk to upload, and notices when it changes. */
import type { Stats } from 'node:fs';
import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UploadError } from '../core/errors/index.js';
import { getErrorCode } from '../http/error-code.js';
import { CHUNK_BYTES, type LocalFile, UnreadableFileError } from './readable-file.js';

/** @throws {UnreadableFileError} if it cannot be read. */
export async function openPath(source: URL | string): Promise<LocalFile> {
  const path = pathOf(source);
  const unreadable = (cause: unknown): never => {
    const code = getErrorCode(cause);
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? String(cause)})`;
    throw new UnreadableFileError(why, { cause });
  };
  // Before it is opened: opening a named pipe would wait for a writer.
  const found = await stat(path).catch(unreadable);
  if (!found.isFile()) {
    throw new UnreadableFileError(
      found.isDirectory() ? 'is a directory; expected a file' : 'is not a regular file',
    );
  }
  const handle = await open(path, READ_ONLY).catch(unreadable);
  try {
    const stats = await handle.stat();
    return {
      name: basename(path),
      size: stats.size,
      // With ctime: it cannot be set, while copying tools restore mtime.
      identity: `${path}\0${versionOf(stats)}:${stats.ctimeMs}`,
      read: (start, end) => readFully(handle, start, end).catch(unreadable),
      chunks: () => readChunks(path, stats),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    return unreadable(error);
  }
}

// Non-blocking, in case a named pipe has replaced the file. Windows has no such flag.
const READ_ONLY = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

const versionOf = ({ dev, ino, size, mtimeMs }: Stats) => [dev, ino, size, mtimeMs].join(':');

async function* readChunks(path: string, expected: Stats): AsyncGenerator<Uint8Array, void, void> {
  const name = JSON.stringify(basename(path));
  const fail = (cause: unknown): never => {
    const problem = `it can no longer be read (${getErrorCode(cause) ?? String(cause)})`;
    throw new UploadError('unreadable', name, problem, { cause });
  };
  const handle = await open(path, READ_ONLY).catch(fail);
  let next: Promise<Uint8Array> | undefined;
  try {
    // A mix of two versions would be a corrupt file, but the video made from it would still be charged.
    const checkUnchanged = async () => {
      const stats = await handle.stat().catch(fail);
      if (versionOf(stats) === versionOf(expected)) return;
      throw new UploadError('changed', name, 'it changed during the upload');
    };
    await checkUnchanged();
    const { size } = expected;
    const readAt = (at: number) => {
      const chunk = readFully(handle, at, Math.min(at + CHUNK_BYTES, size));
      // Handled where it is awaited.
      chunk.catch(() => undefined);
      return chunk;
    };
    next = readAt(0);
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      const chunk = await next.catch(fail);
      const isLast = at + CHUNK_BYTES >= size;
      // Read ahead while this chunk is sent.
      if (!isLast) next = readAt(at + CHUNK_BYTES);
      // Hold back the last chunk until the file is known to be unchanged.
      if (isLast || chunk.byteLength < CHUNK_BYTES) await checkUnchanged();
      yield chunk;
    }
  } finally {
    // Not during a pending read: by then its descriptor may belong to another file.
    await next?.catch(() => undefined);
    await handle.close();
  }
}

async function readFully(handle: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(end - start);
  let filled = 0;
  while (filled < buffer.byteLength) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.byteLength - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function pathOf(source: URL | string): string {
  try {
    return resolve(typeof source === 'string' ? source : fileURLToPath(source.href));
  } catch (cause) {
    throw new UnreadableFileError('is not the URL of a file on this machine', { cause });
  }
}
