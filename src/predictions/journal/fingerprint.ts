/** The fingerprint of a request: equal for the same model and input, in every process. */
import { createHash } from 'node:crypto';
import { InvalidInputError } from '../../core/errors/input-error.js';
import { nameOf, openLocalFile, UnreadableFileError } from '../../media/local-file.js';
import { formatPath } from '../../models/field-messages.js';
import { replaceMedia, type PreparedInput } from '../../models/prepare-input.js';
import { isRecord } from '../../utils/is-record.js';

export async function createFingerprint(read: PreparedInput): Promise<string> {
  const digests: string[] = [];
  for (const { source, path } of read.local) {
    try {
      // No valid URL of an input begins like this.
      digests.push(`sha256:${await hashFile(source)}`);
    } catch (error) {
      if (!(error instanceof UnreadableFileError)) throw error;
      throw new InvalidInputError(read.model.id, [
        { path, message: `${formatPath(path)}: ${nameOf(source)} ${error.message}` },
      ]);
    }
  }
  const request = { model: read.model.id, input: replaceMedia(read, digests) };
  return createHash('sha256').update(stringifySorted(request)).digest('hex');
}

async function hashFile(source: URL | Blob): Promise<string> {
  const file = await openLocalFile(source);
  await file.close();
  const hash = createHash('sha256');
  for await (const chunk of file.chunks()) hash.update(chunk);
  return hash.digest('hex');
}

function stringifySorted(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) =>
    isRecord(field)
      ? Object.fromEntries(Object.entries(field).sort(([one], [other]) => (one < other ? -1 : 1)))
      : field,
  );
}
