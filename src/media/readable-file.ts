/** What reading a file from disk and reading a Blob have in common. */
import type { RandomAccess } from './file-type.js';

export interface LocalFile extends RandomAccess {
  name: string | undefined;
  /** The Blob itself, or the path with what changes with the file. */
  identity: Blob | string;
  /** Reads the file from the start. Throws an `UploadError` if the file has changed since it was opened. */
  chunks(): AsyncGenerator<Uint8Array, void, void>;
  /** `chunks` still works afterwards. */
  close(): Promise<void>;
}

/** Larger chunks are not faster and take more memory: test/bench/media.mjs. */
export const CHUNK_BYTES = 128 * 1024;

/** The message is the rest of a sentence that starts with the file's name. */
export class UnreadableFileError extends Error {}
