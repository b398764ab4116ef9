/** Reads a journal file, and tells where the entry of each key stands in it. */
import type { FileHandle } from 'node:fs/promises';
import { JournalError } from '../core/errors/input-error.js';
import { HEADER, isLaterHeader, type Line, parseRow, readLines, type Row, STALE_HEADER } from './lines.js';

interface Place {
  revision: number;
  by: string;
  /** Position of the line, in bytes. */
  at: number;
  length: number;
}

export class FileIndex {
  readonly #places = new Map<string, Place>();
  readonly #keyOfTask = new Map<string, string>();

  get size(): number {
    return this.#places.size;
  }

  get(key: string): Place | undefined {
    return this.#places.get(key);
  }

  keyOfTask(predictionId: string): string | undefined {
    return this.#keyOfTask.get(predictionId);
  }

  keys(): MapIterator<string> {
    return this.#places.keys();
  }

  [Symbol.iterator](): MapIterator<[string, Place]> {
    return this.#places.entries();
  }

  /** Gives the task of an entry to its key; returns the other key that has it already. */
  claimTask({ key, entry }: Pick<Row, 'key' | 'entry'>): string | undefined {
    if (!('predictionId' in entry)) return undefined;
    const owner = this.#keyOfTask.get(entry.predictionId);
    if (owner === undefined) this.#keyOfTask.set(entry.predictionId, key);
    return owner === key ? undefined : owner;
  }

  set({ key, revision, by }: Pick<Row, 'key' | 'revision' | 'by'>, at: number, length: number): void {
    this.#places.set(key, { revision, by, at, length });
  }

  /**
   * Takes a line that was read; returns what is wrong with it.
   *
   * Two processes that wrote at the same time may both have appended the same revision. The second of them found that the
   * file was not as it had left it, and sent nothing: its line is void.
   */
  add(line: Line): string | undefined {
    if (!line.isUtf8) return 'not UTF-8';
    const row = parseRow(line.text);
    if ('problem' in row) return row.problem;
    const before = this.#places.get(row.key);
    if (before !== undefined && row.revision <= before.revision) {
      return isOfAnother(row, before) ? undefined : `revision ${row.revision} after ${before.revision}`;
    }
    const owner = this.claimTask(row);
    if (owner !== undefined) {
      return isOfAnother(row, this.#places.get(owner)) ? undefined : 'another key has this task';
    }
    this.set(row, line.at, line.length);
    return undefined;
  }
}

function isOfAnother({ by }: Row, other: Place | undefined): boolean {
  return other !== undefined && by !== other.by;
}

export interface JournalContent {
  /** `empty`: new. `stale`: a process ended while it rewrote the file. */
  kind: 'empty' | 'stale' | 'current';
  index: FileIndex;
  lineCount: number;
  size: bigint;
  /** A process ended while it wrote the last line. */
  isTorn: boolean;
}

/** @throws {JournalError} with file and line for anything that is not a line of a journal. */
export async function readJournal(path: string, handle: FileHandle): Promise<JournalContent> {
  const index = new FileIndex();
  const content: JournalContent = { kind: 'empty', index, lineCount: 0, size: 0n, isTorn: false };
  let problem: JournalError | undefined;
  for await (const lines of readLines(handle)) {
    for (const line of lines) {
      content.lineCount += 1;
      content.size += BigInt(line.length);
      if (content.lineCount === 1) {
        content.kind = readKind(path, line);
        if (content.kind !== 'current') return content;
        continue;
      }
      if (line.isTorn) content.isTorn = true;
      // A header follows a line that a crash has torn; see `JournalFile`.
      else if (isHeader(line, HEADER)) problem = undefined;
      else if (problem !== undefined) throw problem;
      else {
        const text = index.add(line);
        if (text !== undefined) problem = createLineError(path, content.lineCount, text);
      }
    }
  }
  if (problem !== undefined) throw problem;
  return content;
}

const isHeader = ({ text, isTorn }: Line, header: string) => !isTorn && `${text}\n` === header;

function readKind(path: string, line: Line): JournalContent['kind'] {
  const { text, isTorn } = line;
  if (isHeader(line, HEADER)) return 'current';
  if (isHeader(line, STALE_HEADER)) return 'stale';
  if (isTorn && HEADER.startsWith(text)) return 'empty';
  if (isLaterHeader(text)) {
    throw new JournalError(
      `${path}: the journal was written by a later release of wavespeed-kling; upgrade to that release.`,
    );
  }
  throw new JournalError(
    `${path}:1: not the first line of a journal, so the file is not a journal of wavespeed-kling. ` +
      'It was not changed; restore it, or give the path of another file.',
  );
}

/** Quotes nothing: a path given by mistake may lead to a secret. */
function createLineError(path: string, line: number, problem: string): JournalError {
  return new JournalError(
    `${path}:${line}: not a line of a journal (${problem}). Restore the file: in another one, its keys would count as new.`,
  );
}
