/** One open journal file: reads it, appends to it, and compacts it. */
import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { JournalError } from '../../core/errors/input-error.js';
import { getErrorMessage } from '../../utils/error-message.js';
import { isRecord } from '../../utils/is-record.js';
import { EntryTable, type StoredEntry } from './entry-table.js';
import { lock } from './file-lock.js';
import type { JournalEntry } from './journal.js';
import { parseStoredEntry } from './validate-entry.js';

interface PendingLine {
  text: string;
  resolve: () => void;
  reject: (error: JournalError) => void;
}

/** A smaller file is not worth compacting. */
const MIN_COMPACTED_LINES = 1000;

const toLine = (key: string, stored: StoredEntry) => `${JSON.stringify({ key, ...stored })}\n`;

export class JournalFile {
  readonly #path: string;
  readonly #unlock: () => Promise<void>;
  readonly #onEnd: () => void;
  #handle: FileHandle;
  #table = new EntryTable();
  #size = 0;
  #pending: PendingLine[] = [];
  #flushing: Promise<void> | undefined;
  #failure: JournalError | undefined;

  private constructor(path: string, handle: FileHandle, unlock: () => Promise<void>, onEnd: () => void) {
    this.#path = path;
    this.#handle = handle;
    this.#unlock = unlock;
    this.#onEnd = onEnd;
  }

  /** @param onEnd Called after a failed write: the file must be opened again. */
  static async open(path: string, onEnd: () => void): Promise<JournalFile> {
    const fail = (cause: unknown): never => {
      throw createError(path, 'cannot be opened', cause);
    };
    const unlock = await lock(path).catch(fail);
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
      const file = new JournalFile(path, handle, unlock, onEnd);
      await file.#read();
      return file;
    } catch (error) {
      await handle?.close();
      await unlock();
      return fail(error);
    }
  }

  get(key: string): StoredEntry | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#table.get(key);
  }

  async put(key: string, entry: JournalEntry, revision?: number): Promise<number | 'stale' | 'taken'> {
    if (this.#failure !== undefined) throw this.#failure;
    // A later process will read what is in memory.
    const plain = JSON.parse(JSON.stringify(entry)) as JournalEntry;
    const next = this.#table.put(key, plain, revision);
    if (typeof next === 'number') await this.#append(toLine(key, { entry: plain, revision: next }));
    return next;
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#end(createError(this.#path, 'was closed', undefined));
  }

  #append(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ text, resolve, reject });
      this.#flushing ??= this.#flush().finally(() => {
        this.#flushing = undefined;
      });
    });
  }

  async #flush(): Promise<void> {
    while (this.#pending.length > 0) {
      const lines = this.#pending;
      this.#pending = [];
      try {
        const bytes = await writeAt(this.#handle, lines.map(({ text }) => text).join(''), this.#size);
        await this.#handle.datasync();
        this.#size += bytes;
        for (const { resolve } of lines) resolve();
      } catch (cause) {
        const error = createError(this.#path, 'cannot be written', cause);
        await this.#handle.truncate(this.#size).catch(() => undefined);
        const rejected = [...lines, ...this.#pending];
        this.#pending = [];
        await this.#end(error);
        for (const { reject } of rejected) reject(error);
      }
    }
  }

  async #end(reason: JournalError): Promise<void> {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    await this.#handle.close().catch(() => undefined);
    await this.#unlock().catch(() => undefined);
    this.#onEnd();
  }

  async #read(): Promise<void> {
    const stats = await this.#handle.stat();
    if (!stats.isFile()) throw new JournalError(`${this.#path} is not a regular file.`);
    const bytes = await this.#handle.readFile();
    // An incomplete line was being written when a process ended: nothing relies on it.
    this.#size = bytes.lastIndexOf('\n') + 1;
    const lines = bytes.subarray(0, this.#size).toString('utf8').split('\n').slice(0, -1);
    for (const [index, line] of lines.entries()) {
      const problem = this.#restore(line);
      if (problem !== undefined) {
        throw new JournalError(
          `${this.#path}:${index + 1}: not a line of a journal (${problem}). Restore the file, or settle its keys with another one.`,
        );
      }
    }
    if (bytes.length > this.#size) await this.#handle.truncate(this.#size);
    if (lines.length > MIN_COMPACTED_LINES && lines.length > 4 * this.#table.size) await this.#compact();
    await syncDirectory(this.#path);
  }

  #restore(line: string): string | undefined {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      return getErrorMessage(error);
    }
    if (!isRecord(value) || typeof value.key !== 'string') return 'no key';
    const stored = parseStoredEntry(value);
    if ('problem' in stored) return stored.problem;
    const before = this.#table.revisionOf(value.key);
    if (before !== undefined && stored.revision <= before)
      return `revision ${stored.revision} after ${before}`;
    if (!this.#table.restore(value.key, stored)) return 'another key has this task';
    return undefined;
  }

  async #compact(): Promise<void> {
    const temporary = `${this.#path}.new`;
    const handle = await open(temporary, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o600);
    try {
      const text = Array.from(this.#table, ([key, stored]) => toLine(key, stored)).join('');
      const size = await writeAt(handle, text, 0);
      await handle.sync();
      await rename(temporary, this.#path);
      await this.#handle.close();
      this.#handle = handle;
      this.#size = size;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
}

async function writeAt(handle: FileHandle, text: string, position: number): Promise<number> {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
  return written;
}

/** Makes a rename durable. Windows cannot open a directory, and does not need it. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(dirname(path), constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function createError(path: string, problem: string, cause: unknown): JournalError {
  if (JournalError.isInstance(cause)) return cause;
  const why = cause === undefined ? '' : `: ${getErrorMessage(cause)}`;
  return new JournalError(`${path}: the journal ${problem}${why}.`, { cause });
}
