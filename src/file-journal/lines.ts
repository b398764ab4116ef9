/** The format of a journal file: a first line that names it, then a line of JSON for each put. */
import { isUtf8 } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { isRecord } from '../utils/is-record.js';
import { findEntryProblem, type JournalEntry, type StoredEntry } from '../predictions/journal/journal.js';

const VERSION = 2;
const createHeader = (state: 'ready' | 'stale') =>
  `${JSON.stringify({ 'wavespeed-kling': 'journal', version: VERSION, state })}\n`;

/** First line of a journal. */
export const HEADER = createHeader('ready');
/** First line of a journal that is being rewritten in place: its content is in the copy next to it. Of equal length. */
export const STALE_HEADER = createHeader('stale');

/** A put. */
export interface Row extends StoredEntry {
  key: string;
  /** Token of the process that wrote it. */
  by: string;
}

export function formatRow({ key, revision, by, entry }: Row): string {
  return `${JSON.stringify({ key, revision, by, entry })}\n`;
}

/** Parses one line; the problem quotes nothing of it. */
export function parseRow(text: string): Row | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: 'not JSON' };
  }
  if (!isRecord(value) || typeof value.key !== 'string') return { problem: 'no key' };
  const { key, revision, by, entry } = value;
  if (!Number.isInteger(revision)) return { problem: 'revision: not an integer' };
  if (typeof by !== 'string') return { problem: 'by: not a text' };
  const problem = findEntryProblem(entry);
  if (problem !== undefined) return { problem };
  return { key, revision: revision as number, by, entry: entry as JournalEntry };
}

/** Returns true for the header of a release after this one. */
export function isLaterHeader(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) && value['wavespeed-kling'] === 'journal' && Number(value.version) > VERSION;
  } catch {
    return false;
  }
}

export interface Line {
  text: string;
  /** If false, an editor saved the file otherwise: the text, and so a key in it, is not what was written. */
  isUtf8: boolean;
  /** Position in the file, in bytes. */
  at: number;
  /** In bytes, with the line end. */
  length: number;
  /** Without a line end: a process ended while it wrote. */
  isTorn: boolean;
}

const CHUNK_BYTES = 256 * 1024;
const LINE_END = 0x0a;

/** Reads a file line by line; yields the lines that end in each chunk. */
export async function* readLines(handle: FileHandle): AsyncGenerator<Line[], void, void> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let parts: Buffer[] = [];
  let at = 0;
  let position = 0;
  const finish = (last: Buffer, isTorn: boolean): Line => {
    const bytes = parts.length === 0 ? last : Buffer.concat([...parts, last]);
    parts = [];
    const length = bytes.length + (isTorn ? 0 : 1);
    const line = { text: bytes.toString('utf8'), isUtf8: isUtf8(bytes), at, length, isTorn };
    at += line.length;
    return line;
  };
  for (;;) {
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    const read = chunk.subarray(0, bytesRead);
    const lines: Line[] = [];
    let start = 0;
    for (let end = read.indexOf(LINE_END); end !== -1; end = read.indexOf(LINE_END, start)) {
      lines.push(finish(read.subarray(start, end), false));
      start = end + 1;
    }
    if (start < bytesRead) parts.push(Buffer.from(read.subarray(start)));
    yield lines;
  }
  if (parts.length > 0) yield [finish(Buffer.alloc(0), true)];
}
