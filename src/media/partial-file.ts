/** A partial download: a `.part` file next to the target, renamed to the target atomically or removed. */
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { raceAbort } from '../utils/abort.js';
import { DownloadError } from '../core/errors/index.js';
import type { IfExists } from './download-options.js';
import { partialPath } from './stale-partial-files.js';

/** Error codes of file systems without hard links, or without permission to create them. */
const NO_LINKS = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV', 'EINVAL']);

const BATCH_BYTES = 256 * 1024;

export interface ReceiveOptions {
  position: number;
  signal: AbortSignal;
  /** Called before a chunk is written, with the size that the file will have; may throw. */
  onChunk: (size: number) => void;
  onWritten: (bytes: number) => void;
}

export class PartialFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #toError: (cause: unknown) => unknown;
  #closed = false;

  private constructor(path: string, handle: FileHandle, toError: (cause: unknown) => unknown) {
    this.#path = path;
    this.#handle = handle;
    this.#toError = toError;
  }

  /** Rejects with what `toError` returns, as all methods do. */
  static async create(target: string, toError: (cause: unknown) => unknown): Promise<PartialFile> {
    const path = partialPath(target);
    try {
      return new PartialFile(path, await open(path, 'wx+'), toError);
    } catch (cause) {
      throw toError(cause);
    }
  }

  async receive(body: AsyncIterable<Uint8Array>, options: ReceiveOptions): Promise<void> {
    const { signal, onChunk, onWritten } = options;
    let { position } = options;
    let batch: Uint8Array[] = [];
    let size = 0;
    let writing: Promise<void> | undefined;
    let failure: { error: unknown } | undefined;
    const write = () => {
      const [chunks, bytes] = [batch, size];
      [batch, size] = [[], 0];
      writing = this.#write(chunks, position)
        .then(() => {
          position += bytes;
          onWritten(bytes);
        })
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => {
          writing = undefined;
        });
    };
    let arrived = position;
    const iterator = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await raceAbort(iterator.next(), signal);
        if (done === true) break;
        arrived += value.byteLength;
        onChunk(arrived);
        batch.push(value);
        size += value.byteLength;
        if (size >= BATCH_BYTES) await writing;
        if (failure !== undefined) throw failure.error;
        if (writing === undefined) write();
      }
    } finally {
      // Keep what arrived before the connection broke. Nothing may be written after this has settled.
      await writing;
      if (size > 0 && failure === undefined && !signal.aborted) write();
      await writing;
    }
    if (failure !== undefined) throw failure.error;
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    const buffer = Buffer.alloc(end - start);
    const { bytesRead } = await this.#try(this.#handle.read(buffer, 0, buffer.byteLength, start));
    return buffer.subarray(0, bytesRead);
  }

  async clear(): Promise<void> {
    await this.#try(this.#handle.truncate(0));
  }

  /** Returns false if the target existed and was kept. */
  async publish(target: string, ifExists: IfExists): Promise<boolean> {
    try {
      await this.#try(this.#publish(target, ifExists === 'overwrite'));
      return true;
    } catch (error) {
      const existed = error instanceof DownloadError && error.reason === 'exists';
      if (ifExists === 'keep' && existed) return false;
      throw error;
    }
  }

  async discard(): Promise<void> {
    // An error here must not hide the reason for discarding.
    await this.#close().catch(() => undefined);
    await rm(this.#path, { force: true }).catch(() => undefined);
  }

  async #write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    let remaining = [...chunks];
    let at = position;
    while (remaining.length > 0) {
      const { bytesWritten } = await this.#try(this.#handle.writev(remaining, at));
      at += bytesWritten;
      remaining = skipBytes(remaining, bytesWritten);
    }
  }

  async #publish(target: string, overwrite: boolean): Promise<void> {
    await this.#close();
    if (overwrite) {
      await rename(this.#path, target);
      return;
    }
    try {
      // Unlike a rename, a link never replaces a file that was created in the meantime.
      await link(this.#path, target);
    } catch (error) {
      if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      // Without links: claim the name with an empty file, then replace it.
      await (await open(target, 'wx')).close();
      try {
        await rename(this.#path, target);
      } catch (failure) {
        await rm(target, { force: true });
        throw failure;
      }
      return;
    }
    await rm(this.#path, { force: true });
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
  }

  async #try<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (cause) {
      throw this.#toError(cause);
    }
  }
}

export interface PublishableFile {
  partial: PartialFile;
  target: string;
}

/** Does the work, and publishes its files: all or none, so that a failed call does not block the next one. */
export async function publishAfter(
  work: () => Promise<void>,
  files: () => readonly PublishableFile[],
  ifExists: IfExists,
): Promise<void> {
  try {
    await work();
    await publishAll(files(), ifExists);
  } finally {
    // Of what was published, nothing is left.
    await Promise.all(files().map(({ partial }) => partial.discard()));
  }
}

async function publishAll(files: readonly PublishableFile[], ifExists: IfExists): Promise<void> {
  const published: string[] = [];
  try {
    for (const { partial, target } of files) {
      if (await partial.publish(target, ifExists)) published.push(target);
    }
  } catch (error) {
    // Files that were overwritten cannot be restored.
    if (ifExists !== 'overwrite') {
      await Promise.all(published.map((path) => rm(path, { force: true }).catch(() => undefined)));
    }
    throw error;
  }
}

function skipBytes(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let written = bytes;
  for (const [index, chunk] of chunks.entries()) {
    if (written < chunk.byteLength) return [chunk.subarray(written), ...chunks.slice(index + 1)];
    written -= chunk.byteLength;
  }
  return [];
}
