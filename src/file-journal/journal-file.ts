/** One open journal file. It must be exactly as this process left it, or nothing is written. */
import type { BigIntStats } from 'node:fs';
import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { JournalError } from '../core/errors/input-error.js';
import { randomHex } from '../media/crypto.js';
import { getErrorMessage } from '../utils/error-message.js';
import { FileIndex, readJournal } from './file-index.js';
import { formatRow, HEADER, parseRow, type Row } from './lines.js';
import { lock } from './lock.js';
import { needsRewrite, restoreCopy, rewriteFile, syncDirectory } from './rewrite.js';
import type { JournalEntry, StoredEntry } from '../predictions/journal/journal.js';

export class JournalFile {
  readonly #path: string;
  readonly #unlock: () => Promise<void>;
  readonly #onEnd: (index: FileIndex) => void;
  /** Tells the lines of this process from those of others. */
  readonly #by = randomHex(4);
  #index = new FileIndex();
  /** Entries that are being written. */
  readonly #unwritten = new Map<string, Row>();
  #handle: FileHandle;
  /** The file as this process left it. */
  #left: BigIntStats;
  #pending: { row: Row; text: string; resolve: () => void; reject: (error: JournalError) => void }[] = [];
  #flushing: Promise<void> | undefined;
  #failure: JournalError | undefined;

  private constructor(
    path: string,
    handle: FileHandle,
    left: BigIntStats,
    unlock: () => Promise<void>,
    onEnd: (index: FileIndex) => void,
  ) {
    this.#path = path;
    this.#handle = handle;
    this.#left = left;
    this.#unlock = unlock;
    this.#onEnd = onEnd;
  }

  /**
   * @param known what this process knew of the file when it last had it open: the file must still have it.
   * @param onEnd called after a failed write, with what is known: the file must be opened again.
   */
  static async open(
    path: string,
    known: FileIndex | undefined,
    onEnd: (index: FileIndex) => void,
  ): Promise<JournalFile> {
    const fail = (cause: unknown): never => {
      throw createError(path, 'cannot be opened', cause);
    };
    const unlock = await lock(path).catch(fail);
    let handle: FileHandle | undefined;
    try {
      const flags = constants.O_RDWR | constants.O_APPEND | (known === undefined ? constants.O_CREAT : 0);
      handle = await open(path, flags, 0o600);
      const left = await handle.stat({ bigint: true });
      const file = new JournalFile(path, handle, left, unlock, onEnd);
      await file.#read();
      file.#checkKnown(known);
      return file;
    } catch (error) {
      await handle?.close();
      await unlock();
      return fail(error);
    }
  }

  async get(key: string): Promise<StoredEntry | undefined> {
    if (this.#failure !== undefined) throw this.#failure;
    const unwritten = this.#unwritten.get(key);
    if (unwritten !== undefined)
      return structuredClone({ entry: unwritten.entry, revision: unwritten.revision });
    const place = this.#index.get(key);
    if (place === undefined) return undefined;
    const bytes = Buffer.allocUnsafe(place.length);
    try {
      await this.#handle.read(bytes, 0, place.length, place.at);
    } catch (cause) {
      throw this.#failure ?? createError(this.#path, 'cannot be read', cause);
    }
    const row = parseRow(bytes.toString('utf8'));
    if ('problem' in row || row.key !== key || row.revision !== place.revision) throw this.#changedError();
    return { entry: row.entry, revision: row.revision };
  }

  async put(key: string, entry: JournalEntry, revision?: number): Promise<number | 'stale' | 'taken'> {
    if (this.#failure !== undefined) throw this.#failure;
    if ((this.#unwritten.get(key) ?? this.#index.get(key))?.revision !== revision) return 'stale';
    // A later process will read what is written.
    const plain = JSON.parse(JSON.stringify(entry)) as JournalEntry;
    const row: Row = { key, entry: plain, revision: (revision ?? 0) + 1, by: this.#by };
    if (this.#index.claimTask(row) !== undefined) return 'taken';
    this.#unwritten.set(key, row);
    await this.#append(row);
    return row.revision;
  }

  find(predictionId: string): string | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#index.keyOfTask(predictionId);
  }

  async *entries(): AsyncGenerator<{ key: string; entry: JournalEntry }, void, void> {
    for (const key of this.#index.keys()) {
      const stored = await this.get(key);
      if (stored !== undefined) yield { key, entry: stored.entry };
    }
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#end(createError(this.#path, 'was closed', undefined));
  }

  #append(row: Row): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ row, text: formatRow(row), resolve, reject });
      this.#flushing ??= this.#flush().finally(() => {
        this.#flushing = undefined;
      });
    });
  }

  async #flush(): Promise<void> {
    while (this.#pending.length > 0) {
      const rows = this.#pending;
      this.#pending = [];
      try {
        let at = Number(this.#left.size);
        await this.#write(rows.map(({ text }) => text).join(''));
        for (const { row, text, resolve } of rows) {
          const length = Buffer.byteLength(text);
          this.#index.set(row, at, length);
          at += length;
          if (this.#unwritten.get(row.key) === row) this.#unwritten.delete(row.key);
          resolve();
        }
      } catch (cause) {
        const error = createError(this.#path, 'cannot be written', cause);
        const rejected = [...rows, ...this.#pending];
        this.#pending = [];
        await this.#end(error);
        for (const { reject } of rejected) reject(error);
      }
    }
  }

  /** Appends and flushes. The file must be as this process left it before, and hold this text in addition after. */
  async #write(text: string): Promise<void> {
    const before = await this.#check(this.#left.size);
    if (process.platform !== 'win32' && before.mtimeNs !== this.#left.mtimeNs) throw this.#changedError();
    const bytes = Buffer.from(text);
    try {
      for (let written = 0; written < bytes.length;) {
        written += (await this.#handle.write(bytes, written)).bytesWritten;
      }
      await this.#handle.datasync();
    } catch (error) {
      await this.#handle.truncate(Number(this.#left.size)).catch(() => undefined);
      throw error;
    }
    this.#left = await this.#check(this.#left.size + BigInt(bytes.length));
  }

  /** Another process may have appended, replaced, moved or deleted the file. Every such process fails here as well. */
  async #check(size: bigint): Promise<BigIntStats> {
    const own = await this.#handle.stat({ bigint: true });
    const other = await stat(this.#path, { bigint: true }).catch(() => undefined);
    const isSame = other?.ino === own.ino && other.dev === own.dev && own.nlink > 0n;
    if (!isSame || own.size !== size) throw this.#changedError();
    return own;
  }

  #changedError(): JournalError {
    return new JournalError(
      `${this.#path}: the journal is not as this process left it: another program wrote to it, moved, replaced or deleted ` +
        'it. Nothing was sent. A file journal is for one process at a time; for several, keep the journal in Redis or SQL.',
    );
  }

  async #end(reason: JournalError): Promise<void> {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    await this.#handle.close().catch(() => undefined);
    await this.#unlock().catch(() => undefined);
    this.#onEnd(this.#index);
  }

  async #read(): Promise<void> {
    if (!this.#left.isFile()) throw new JournalError(`${this.#path} is not a regular file.`);
    let content = await readJournal(this.#path, this.#handle);
    if (content.kind === 'stale') {
      await restoreCopy(this.#path);
      this.#left = await this.#handle.stat({ bigint: true });
      content = await readJournal(this.#path, this.#handle);
    }
    if (content.kind === 'empty') return this.#create();
    if (content.size !== this.#left.size) throw this.#changedError();
    this.#index = content.index;
    if (needsRewrite(content)) await this.#rewrite(content.isTorn);
  }

  async #create(): Promise<void> {
    // A process that ended here has left a part of it. Windows cannot truncate a file that is open for appending.
    await this.#write(HEADER.slice(Number(this.#left.size)));
    await syncDirectory(this.#path);
  }

  async #rewrite(isTorn: boolean): Promise<void> {
    // From here on, every other process that has the file open fails at its next put: nothing is lost that it has written.
    await this.#write(isTorn ? `\n${HEADER}` : HEADER);
    this.#handle = await rewriteFile(this.#path, this.#handle, this.#index);
    this.#left = await this.#handle.stat({ bigint: true });
  }

  #checkKnown(known: FileIndex | undefined): void {
    for (const key of known?.keys() ?? []) {
      if ((this.#index.get(key)?.revision ?? 0) >= (known?.get(key)?.revision ?? 0)) continue;
      throw new JournalError(
        `${this.#path}: the journal has lost entries that it had in this process; nothing was sent. Restore the file.`,
      );
    }
  }
}

function createError(path: string, problem: string, cause: unknown): JournalError {
  if (JournalError.isInstance(cause)) return cause;
  const why = cause === undefined ? '' : `: ${getErrorMessage(cause)}`;
  return new JournalError(`${path}: the journal ${problem}${why}.`, { cause });
}
