/** Local paths on an edge runtime: it has no file system. */
import { ConfigurationError } from '../core/errors/index.js';
import type { LocalFile } from './readable-file.js';

/** @throws {ConfigurationError} always. */
export async function openPath(_source: URL | string): Promise<LocalFile> {
  throw new ConfigurationError(
    'This runtime has no file system, so a path or a file: URL cannot be uploaded; nothing was sent. ' +
      'Pass an https URL, a Blob or a File.',
  );
}
