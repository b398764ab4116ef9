/** The file journal on an edge runtime: it has no file system. */
import { ConfigurationError } from '../core/errors/input-error.js';
import type { FileJournal } from './file-journal.js';

/** @throws {ConfigurationError} always. */
export function fileJournal(_path: string | URL): FileJournal {
  throw new ConfigurationError(
    '`fileJournal`: this runtime has no file system. Use a journal that all machines share: `sqlJournal` of ' +
      'wavespeed-kling/sql, or your own with `get` and `put`.',
  );
}
