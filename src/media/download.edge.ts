/** Downloads on an edge runtime: it has no file system. */
import { ConfigurationError } from '../core/errors/index.js';
import type { DownloadedFile } from './download.js';

/** @throws {ConfigurationError} always. */
export async function download(): Promise<DownloadedFile[]> {
  throw new ConfigurationError(
    '`download`: this runtime has no file system; nothing was sent. Fetch `outputs[0]` of the task, and stream ' +
      'the body of the response to the client or to a store such as R2 or S3.',
  );
}
