/** Rewrites a journal file with the last entry of each key, so that a crash at any point loses nothing. */
import { constants, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { JournalError } from '../core/errors/input-error.js';
import type { FileIndex, JournalContent } from './file-index.js';
import { HEADER, readLines, STALE_HEADER } from './lines.js';

const CREATE_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND;
/** A smaller file is not worth it. */
const MIN_REWRITTEN_LINES = 1000;
const BUFFER_CHARACTERS = 256 * 1024;
const copyOf = (path: string) => `${path}.new`;

export function needsRewrite({ index, lineCount, isTorn }: JournalContent): boolean {
  return isTorn || (lineCount > MIN_REWRITTEN_LINES && lineCount > 4 * index.size);
}

/** Returns the handle of the rewritten file: another one where it was replaced, the same where it was overwritten. */
export async function rewriteFile(path: string, handle: FileHandle, index: FileIndex): Promise<FileHandle> {
  const copy = await open(copyOf(path), CREATE_FLAGS, 0o600);
  let isReplaced = false;
  try {
    await copyLastRows(handle, index, copy);
    await copy.sync();
    isReplaced = (await handle.stat()).nlink === 1 && (await replace(path));
    await syncDirectory(path);
    if (!isReplaced) await restoreCopy(path);
  } finally {
    await (isReplaced ? handle : copy).close();
  }
  return isReplaced ? copy : handle;
}

async function copyLastRows(handle: FileHandle, index: FileIndex, copy: FileHandle): Promise<void> {
  const keys = new Map(Array.from(index, ([key, { at }]) => [at, key]));
  let text = HEADER;
  let at = HEADER.length;
  for await (const lines of readLines(handle)) {
    for (const line of lines) {
      const key = keys.get(line.at);
      const place = key === undefined ? undefined : index.get(key);
      if (key === undefined || place === undefined) continue;
      index.set({ key, ...place }, at, line.length);
      at += line.length;
      text += `${line.text}\n`;
      if (text.length < BUFFER_CHARACTERS) continue;
      await copy.appendFile(text);
      text = '';
    }
  }
  await copy.appendFile(text);
}

/** On Windows, codes for a file that somebody has open. */
const IN_PLACE = process.platform === 'win32' ? ['EBUSY', 'EPERM', 'EACCES'] : ['EBUSY'];

/** Returns false for a file that must stay where it is: it is mounted. */
async function replace(path: string): Promise<boolean> {
  try {
    await rename(copyOf(path), path);
    return true;
  } catch (error) {
    if (IN_PLACE.includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/**
 * Overwrites the file with the copy next to it. Whoever opens the file before that is complete finds the header that
 * says so, and starts again.
 */
export async function restoreCopy(path: string): Promise<void> {
  const copy = await open(copyOf(path), 'r').catch(() => {
    throw new JournalError(
      `${path}: the journal was being rewritten when its process ended, and ${copyOf(path)} is missing; restore that.`,
    );
  });
  try {
    const file = await open(path, 'r+');
    try {
      await file.chmod(0o600).catch(() => undefined);
      await file.write(STALE_HEADER, 0);
      await file.datasync();
      const size = await copyContent(copy, file);
      await file.truncate(size);
      await file.datasync();
      await file.write(HEADER, 0);
      await file.datasync();
    } finally {
      await file.close();
    }
  } finally {
    await copy.close();
  }
  await rm(copyOf(path), { force: true });
}

/** Copies what follows the header; returns the size. */
async function copyContent(from: FileHandle, to: FileHandle): Promise<number> {
  const chunk = Buffer.allocUnsafe(256 * 1024);
  let position = HEADER.length;
  for (;;) {
    const { bytesRead } = await from.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) return position;
    for (let written = 0; written < bytesRead;) {
      written += (await to.write(chunk, written, bytesRead - written, position + written)).bytesWritten;
    }
    position += bytesRead;
  }
}

/** Makes a rename durable. Windows cannot open a directory, and does not need it. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(dirname(path), constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
