/** Opens a file to upload, on disk or as a Blob: its name, size, bytes and identity. */
import { basename } from 'node:path';
import { UploadError } from '../core/errors/index.js';
import { getErrorMessage } from '../utils/error-message.js';
import { readBlob } from '../utils/read-blob.js';
import { openPath } from './disk-file.js';
import { CHUNK_BYTES, type LocalFile, UnreadableFileError } from './readable-file.js';

export { type LocalFile, UnreadableFileError };

export async function openLocalFile(source: URL | string | Blob): Promise<LocalFile> {
  return typeof source === 'string' || 'href' in source ? openPath(source) : openBlob(source);
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

function openBlob(blob: Blob): LocalFile {
  const { name } = blob as Blob & { name?: unknown };
  const { size } = blob;
  const read = async (start: number, end: number) => {
    try {
      return await readBlob(blob, start, end);
    } catch (cause) {
      // Such as a Blob of a file on disk that has changed.
      throw new UnreadableFileError(`cannot be read: ${getErrorMessage(cause)}`, { cause });
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
