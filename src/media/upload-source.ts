/** Validates the source and content of an upload before anything is sent. */
import { isBlob } from '../models/media.js';
import type { MediaKind } from '../models/media.js';
import { validateFile } from './file-type.js';
import { nameOf, openLocalFile, UnreadableFileError } from './local-file.js';
import type { ValidatedFile } from './uploader.js';

/** A file to upload: a path, a `file:` URL, a Blob or a File. */
export type UploadSource = string | URL | Blob | File;

export async function inspect(
  source: URL | string | Blob,
  groups: readonly MediaKind[],
): Promise<{ file: ValidatedFile } | { problem: string }> {
  const label = nameOf(source);
  try {
    const file = await openLocalFile(source);
    try {
      const result = await validateFile(file, groups);
      if ('problem' in result) return { problem: `${label} ${result.problem}` };
      return { file: { ...file, label, type: result.type } };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof UnreadableFileError) return { problem: `${label} ${error.message}` };
    throw error;
  }
}

export function readSource(source: unknown, invalid: (problem: string) => Error): string | URL | Blob {
  const text = typeof source === 'string' ? source : source instanceof URL ? source.href : undefined;
  if (text === undefined) {
    if (isBlob(source)) return source;
    const given = source === null ? 'null' : typeof source;
    throw invalid(`got ${given}; expected a path, a file: URL, a Blob or a File`);
  }
  if (text === '') throw invalid('got an empty path; expected the path of a file');
  if (text.includes('\0')) throw invalid('the path contains a NUL character; expected the path of a file');
  // A single letter before the colon is a Windows drive.
  const scheme = /^([a-z][a-z\d+.-]+):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === 'http' || scheme === 'https') {
    throw invalid('got an http(s) URL; expected a local file. Pass a URL to `run` as it is');
  }
  if (scheme === 'file' && URL.canParse(text)) return new URL(text);
  if (source instanceof URL || scheme === 'data' || scheme === 'blob') {
    throw invalid(`got a ${scheme ?? ''}: URL; expected a path, a file: URL, a Blob or a File`);
  }
  return text;
}
