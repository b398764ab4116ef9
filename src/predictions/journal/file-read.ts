/** Reads a journal file line by line. */
import type { FileHandle } from 'node:fs/promises';
import { JournalError } from '../../core/errors/input-error.js';
import { FileIndex } from './file-index.js';
import { HEADER, isLaterHeader, type Line, readLines, STALE_HEADER } from './file-lines.js';

export interface JournalContent {
  /** `empty`: new. `stale`: a process ended while it rewrote the file. `headerless`: written by an earlier release. */
  kind: 'empty' | 'stale' | 'headerless' | 'current';
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
        if (content.kind === 'stale' || content.kind === 'empty') return content;
        if (content.kind === 'current') continue;
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
  if (isTorn) throw createLineError(path, 1, 'it has no line end');
  if (!isLaterHeader(text)) return 'headerless';
  throw new JournalError(`${path}: the journal was written by a later release of wavespeed-kling; use that.`);
}

/** Quotes nothing: a path given by mistake may lead to a secret. */
function createLineError(path: string, line: number, problem: string): JournalError {
  return new JournalError(
    `${path}:${line}: not a line of a journal (${problem}). Restore the file, or settle its keys with another one.`,
  );
}
