/** The fingerprint of a request: equal for the same service, model and input, in every process. */
import { createHash } from 'node:crypto';
import { InvalidInputError } from '../../core/errors/input-error.js';
import { openLocalFile } from '../../media/local-file.js';
import { inspect } from '../../media/upload-source.js';
import { formatPath } from '../../models/field-messages.js';
import { type PendingUpload, type PreparedInput, replaceMedia } from '../../models/prepare-input.js';
import { createDigest } from '../digest.js';

export interface Fingerprint {
  origin: string;
  fingerprint: string;
  /** As earlier releases made it, without the service. */
  withoutOrigin: string;
}

/** @param signal Ends the reading of local files. */
export async function createFingerprint(
  prepared: PreparedInput,
  baseUrl: string,
  signal: AbortSignal,
): Promise<Fingerprint> {
  const digests: string[] = [];
  for (const upload of prepared.local) {
    // No valid URL of an input begins like this.
    digests.push(`sha256:${await hashUpload(prepared.model.id, upload, signal)}`);
  }
  const request = { model: prepared.model.id, input: replaceMedia(prepared, digests) };
  const { origin } = new URL(baseUrl);
  return {
    origin,
    fingerprint: createDigest({ ...request, origin }),
    withoutOrigin: createDigest(request),
  };
}

/** A file that the service would not accept, such as one that is too large, is not read. */
async function hashUpload(
  subject: string,
  { source, kind, path }: PendingUpload,
  signal: AbortSignal,
): Promise<string> {
  const inspected = await inspect(source, [kind]);
  if ('problem' in inspected) {
    const message = `${formatPath(path)}: ${inspected.problem}`;
    throw new InvalidInputError(subject, [{ path: [...path], message }]);
  }
  const file = await openLocalFile(source);
  await file.close();
  const hash = createHash('sha256');
  for await (const chunk of file.chunks()) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest('hex');
}
