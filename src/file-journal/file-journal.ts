/** A journal in a file on this machine, for one process at a time. */
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigurationError, JournalError } from '../core/errors/input-error.js';
import { getErrorMessage } from '../utils/error-message.js';
import type { FileIndex } from './file-index.js';
import type { Journal } from '../predictions/journal/journal.js';
import { JournalFile } from './journal-file.js';

/** A journal in a file. */
export interface FileJournal extends Required<Journal> {
  /** Completes pending writes and lets another process open the file. So does the end of the process; after a kill, only for processes of this host. */
  close(): Promise<void>;
}

interface SharedFile {
  /** Undefined after a failure: the next call opens the file again. */
  file: Promise<JournalFile> | undefined;
  users: Set<object>;
  /** What this process knew of the file before a failure. */
  known: FileIndex | undefined;
}

/** Open files of this process by path, shared by all journals on the same one. */
const files = new Map<string, SharedFile>();

/**
 * Creates a journal that keeps idempotency keys in a file: JSON lines, appended and flushed to the disk, readable only
 * by this user. The file is opened with the first key and created if it is missing; its directory must exist. It is for
 * one process at a time: a file that is not exactly as this process left it causes a `JournalError` before anything is sent.
 *
 * @param path A path or `file:` URL on a local disk.
 * @throws {JournalError} from the calls that use it: if another process has the file or has changed it, if it is not a
 * journal, or if it cannot be read or written. Nothing was sent then.
 * @example
 * const kling = new WaveSpeedKling({ journal: fileJournal('./journal.jsonl') });
 * const video = await kling.run(KLING_O3_STD, input, { idempotencyKey: order.id });
 */
export function fileJournal(path: string | URL): FileJournal {
  const location = readPath(path);
  const user = {};
  let realPath: string | undefined;
  let isClosed = false;
  const file = async () => {
    const found = isClosed ? undefined : await findRealPath(location);
    if (found !== undefined && found !== (realPath ??= found)) {
      throw new JournalError(`${location}: leads to another file than before; nothing was sent.`);
    }
    const opened = isClosed || found === undefined ? undefined : await openShared(found, user);
    // It may have been closed meanwhile.
    if (!isClosed && opened !== undefined) return opened;
    await closeShared(user);
    throw new JournalError(`${location}: the journal was closed.`);
  };
  return {
    get: async (key) => (await file()).get(key),
    put: async (key, entry, revision) => (await file()).put(key, entry, revision),
    find: async (predictionId) => (await file()).find(predictionId),
    entries: async function* () {
      yield* (await file()).entries();
    },
    close: async () => {
      isClosed = true;
      await closeShared(user);
    },
  };
}

function readPath(path: unknown): string {
  const isUrl = path instanceof URL && path.protocol === 'file:';
  if (isUrl || (typeof path === 'string' && path !== '' && !path.includes('\0'))) {
    return isUrl ? fileURLToPath(path) : resolve(path as string);
  }
  throw new ConfigurationError('`fileJournal`: expected the path of a file, or a file: URL.');
}

async function openShared(path: string, user: object): Promise<JournalFile> {
  const shared = files.get(path) ?? { file: undefined, users: new Set(), known: undefined };
  files.set(path, shared);
  shared.users.add(user);
  if (shared.file === undefined) {
    const opening = JournalFile.open(path, shared.known, (known) => {
      shared.known = known;
      shared.file = undefined;
    });
    shared.file = opening;
    // The next call tries again: by then the other process may have ended.
    opening.catch(() => {
      shared.file = undefined;
    });
  }
  return shared.file;
}

async function closeShared(user: object): Promise<void> {
  for (const [path, { file, users }] of files) {
    if (!users.delete(user) || users.size > 0) continue;
    files.delete(path);
    const opened = await file?.catch(() => undefined);
    await opened?.close();
  }
}

/** Resolves links, so that one file has one lock. */
async function findRealPath(path: string): Promise<string> {
  try {
    return await realpath(path).catch(async () => join(await realpath(dirname(path)), basename(path)));
  } catch (cause) {
    throw new JournalError(`${path}: the journal cannot be opened: ${getErrorMessage(cause)}.`, { cause });
  }
}
