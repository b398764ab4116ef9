/** SHA-256 of a JSON value, whatever the order of its members. */
import { createHash } from 'node:crypto';
import { isRecord } from '../utils/is-record.js';

export function createDigest(value: unknown): string {
  const text = JSON.stringify(value, (_, field: unknown) =>
    isRecord(field)
      ? Object.fromEntries(Object.entries(field).sort(([one], [other]) => (one < other ? -1 : 1)))
      : field,
  );
  return createHash('sha256')
    .update(text ?? '')
    .digest('hex');
}
