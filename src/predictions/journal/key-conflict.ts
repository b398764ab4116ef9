/** Tells whether a key was used with another request: the fingerprint of a request, and the error of a key whose own differs. */
import { IdempotencyConflictError, InvalidInputError } from '../../core/errors/input-error.js';
import { createHash } from '../../media/crypto.js';
import { openLocalFile } from '../../media/local-file.js';
import { inspect } from '../../media/upload-source.js';
import { formatPath } from '../../models/field-messages.js';
import { type PendingUpload, type PreparedInput, replaceMedia } from '../../models/prepare-input.js';
import { createDigest } from '../compare-inputs.js';
import type { JournalEntry } from './journal.js';
import { nameOf } from './key-context.js';

/** What identifies the request of a key, as it stands in the journal. */
export type KeyedRequest = Required<Pick<JournalEntry, 'fingerprint' | 'model' | 'origin'>>;

/** @param signal Ends the reading of local files. */
export async function identifyRequest(
  prepared: PreparedInput,
  baseUrl: string,
  signal: AbortSignal,
): Promise<KeyedRequest> {
  const digests: string[] = [];
  for (const upload of prepared.local) {
    // No valid URL of an input begins like this.
    digests.push(`sha256:${await hashUpload(prepared.model.id, upload, signal)}`);
  }
  const model = prepared.model.id;
  const { origin } = new URL(baseUrl);
  const fingerprint = createDigest({ origin, model, input: replaceMedia(prepared, digests) });
  return { fingerprint, model, origin };
}

/**
 * The fingerprint alone decides; `origin` and `model` say what differs.
 *
 * @throws {IdempotencyConflictError} if the entry is of another request.
 */
export function checkFingerprint(
  key: string,
  { fingerprint, model, origin }: JournalEntry,
  request: KeyedRequest,
): void {
  if (fingerprint === request.fingerprint) return;
  const other =
    origin !== undefined && origin !== request.origin
      ? `another service (${origin})`
      : model !== request.model
        ? `another model (${model}) or another input`
        : 'another input';
  throw new IdempotencyConflictError(
    key,
    `${nameOf(key)} was used before with ${other}; nothing was sent. Use a new key for a new request.`,
  );
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
