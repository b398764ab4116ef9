/**
 * Opens what is to be uploaded, a file on disk or a Blob: its name, its size, its bytes, and what tells it from another.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UploadError } from '../core/errors/index.js';
import type { RandomAccess } from './file-type.js';
import { codeOf } from '../http/transport.js';

/** A file of the caller's, found and ready to be read. */
export interface LocalFile extends RandomAccess {
  /** How errors name it, and how it is named to the service; undefined for a Blob without a name. */
  name: string | undefined;
  /** The Blob itself, or the path with what changes when the file does: equal for two that have the same bytes. */
  identity: Blob | string;
  /**
   * Reads it from the beginning; each call anew. Throws an `UploadError` when it is no longer what it was. With
   * `reuse`, a piece is only good until the next one is asked for: without it, 100 MB leave 30 MB of garbage at a time.
   */
  chunks(reuse: boolean): AsyncGenerator<Uint8Array, void, void>;
  /** Gives back what finding it took. Its `chunks` can still be read. */
  close(): Promise<void>;
}

/** How much is read at a time. Larger is no faster, and takes more memory: test/bench/media.mjs. */
export const CHUNK_BYTES = 128 * 1024;

/** How many pieces are in memory at a time: one on its way, one being read, one to spare. */
const BUFFERS = 3;

/** Says what keeps a file from being read, as the rest of a sentence that begins with its name. */
export class Unreadable extends Error {}

/** Finds a file or a Blob; what it throws is an `Unreadable`. */
export async function openLocalFile(source: URL | string | Blob): Promise<LocalFile> {
  return typeof source === 'string' || 'href' in source ? openPath(pathOf(source)) : openBlob(source);
}

/** Names a source before it is opened. */
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
    throw new Unreadable('is not the URL of a file on this machine', { cause });
  }
}

function openBlob(blob: Blob): LocalFile {
  const { name } = blob as Blob & { name?: unknown };
  const { size } = blob;
  const read = async (start: number, end: number) => {
    try {
      return new Uint8Array(await blob.slice(start, end).arrayBuffer());
    } catch (cause) {
      // A Blob that stands for a file on disk, which has changed since.
      throw new Unreadable('cannot be read', { cause });
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
    const code = codeOf(cause);
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? String(cause)})`;
    throw new Unreadable(why, { cause });
  };
  // Before it is opened: opening a pipe would wait for somebody to write into it.
  const found = await stat(path).catch(unreadable);
  if (!found.isFile()) {
    throw new Unreadable(found.isDirectory() ? 'is a directory; expected a file' : 'is not a regular file');
  }
  const handle = await open(path, READ_ONLY).catch(unreadable);
  try {
    const state = await handle.stat();
    return {
      name: basename(path),
      size: state.size,
      // The time of the change itself as well: it cannot be set, while tools that copy files set the time of writing.
      identity: `${path}\0${fingerprint(state)}:${state.ctimeMs}`,
      read: (start, end) => readFully(handle, Buffer.alloc(end - start), start).catch(unreadable),
      chunks: (reuse) => chunksOf(path, state, reuse),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    return unreadable(error);
  }
}

// Without it, a pipe put in the file's place meanwhile would still be waited for. Windows has no such flag.
const READ_ONLY = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

const fingerprint = ({ dev, ino, size, mtimeMs }: Stats) => [dev, ino, size, mtimeMs].join(':');

async function* chunksOf(
  path: string,
  expected: Stats,
  reuse: boolean,
): AsyncGenerator<Uint8Array, void, void> {
  const name = JSON.stringify(basename(path));
  const failed = (cause: unknown): never => {
    throw new UploadError(
      'unreadable',
      name,
      `it can no longer be read (${codeOf(cause) ?? String(cause)})`,
      {
        cause,
      },
    );
  };
  const handle = await open(path, READ_ONLY).catch(failed);
  let next: Promise<Uint8Array> | undefined;
  try {
    // Bytes of two editions would make a file that nobody had, and that costs as much to make a video from.
    const check = async () => {
      const now = await handle.stat().catch(failed);
      if (fingerprint(now) === fingerprint(expected)) return;
      throw new UploadError('changed', name, 'it was changed while it was uploaded');
    };
    await check();
    const { size } = expected;
    const buffers: Buffer[] = [];
    const readAt = (at: number) => {
      const end = Math.min(at + CHUNK_BYTES, size);
      let buffer = reuse ? buffers[(at / CHUNK_BYTES) % BUFFERS] : undefined;
      if (buffer === undefined) {
        buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
        if (reuse) buffers.push(buffer);
      }
      const chunk = readFully(handle, buffer.subarray(0, end - at), at);
      // Thrown where it is waited for.
      chunk.catch(() => undefined);
      return chunk;
    };
    next = readAt(0);
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      const chunk = await next.catch(failed);
      const isLast = at + CHUNK_BYTES >= size;
      // Read while this one is being sent.
      if (!isLast) next = readAt(at + CHUNK_BYTES);
      // The last piece is held back until it is known that all of it belongs together.
      if (isLast || chunk.byteLength < CHUNK_BYTES) await check();
      yield chunk;
    }
  } finally {
    // Not under a read that is still going on: by then the number of the handle may be another file's.
    await next?.catch(() => undefined);
    await handle.close();
  }
}

/** Fills a buffer from a place on, or until the file ends; gives what it filled. */
async function readFully(handle: FileHandle, buffer: Buffer, start: number): Promise<Uint8Array> {
  let filled = 0;
  while (filled < buffer.byteLength) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.byteLength - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
