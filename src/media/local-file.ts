/** Opens a file to upload, on disk or as a Blob: its name, size, bytes and identity. */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UploadError } from '../core/errors/index.js';
import type { RandomAccess } from './file-type.js';
import { getErrorCode } from '../http/error-code.js';

export interface LocalFile extends RandomAccess {
  name: string | undefined;
  /** The Blob itself, or the path with a fingerprint that changes with the file. */
  identity: Blob | string;
  /** Reads the file from the start. Throws an `UploadError` if the file has changed since it was opened. */
  chunks(): AsyncGenerator<Uint8Array, void, void>;
  /** `chunks` still works afterwards. */
  close(): Promise<void>;
}

/** Larger chunks are not faster and take more memory: test/bench/media.mjs. */
const CHUNK_BYTES = 128 * 1024;

/** The message is the rest of a sentence that starts with the file's name. */
export class UnreadableFileError extends Error {}

export async function openLocalFile(source: URL | string | Blob): Promise<LocalFile> {
  return typeof source === 'string' || 'href' in source ? openPath(pathOf(source)) : openBlob(source);
}

export function nameOf(source: URL | string | Blob): string {
  if (typeof source === 'string') return JSON.stringify(basename(source));
  if ('href' in source) {
    const last = source.pathname.split('/').pop() ?? '';
    try {
      return JSON.stringify(decodeURIComponent(last));
    } catch {
      return JSON.stringify(last);
    }
  }
  const { name } = source as Blob & { name?: unknown };
  if (typeof name === 'string' && name !== '') return JSON.stringify(basename(name));
  return source.type === '' ? 'the Blob' : `the Blob of type ${source.type}`;
}

function pathOf(source: URL | string): string {
  try {
    return resolve(typeof source === 'string' ? source : fileURLToPath(source.href));
  } catch (cause) {
    throw new UnreadableFileError('is not the URL of a file on this machine', { cause });
  }
}

function openBlob(blob: Blob): LocalFile {
  const { name } = blob as Blob & { name?: unknown };
  const { size } = blob;
  const read = async (start: number, end: number) => {
    try {
      return new Uint8Array(await blob.slice(start, end).arrayBuffer());
    } catch (cause) {
      // A Blob of a file on disk that has changed.
      throw new UnreadableFileError('cannot be read', { cause });
    }
  };
  return {
    name: typeof name === 'string' && name !== '' ? basename(name) : undefined,
    size,
    identity: blob,
    read,
    async *chunks() {
      for (let at = 0; at < size; at += CHUNK_BYTES) {
        yield await read(at, Math.min(at + CHUNK_BYTES, size)).catch((cause: unknown) => {
          throw new UploadError('unreadable', nameOf(blob), 'it can no longer be read', { cause });
        });
      }
    },
    close: () => Promise.resolve(),
  };
}

async function openPath(path: string): Promise<LocalFile> {
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
      identity: `${path}\0${fingerprint(stats)}:${stats.ctimeMs}`,
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

const fingerprint = ({ dev, ino, size, mtimeMs }: Stats) => [dev, ino, size, mtimeMs].join(':');

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
      if (fingerprint(stats) === fingerprint(expected)) return;
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
