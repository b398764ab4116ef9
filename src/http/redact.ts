/** Removes the API key from errors and responses. */
import { inspect } from 'node:util';
import { getErrorMessage } from '../utils/error-message.js';

/** Shorter keys (in tests) are not redacted: they may occur in other text. */
const MIN_SECRET_LENGTH = 8;

export function redactText(text: string, key: string): string {
  if (key.length < MIN_SECRET_LENGTH) return text;
  return text.replaceAll(key, '…').replaceAll(JSON.stringify(key).slice(1, -1), '…');
}

/** Returns an error that is safe as a cause: without the key, and without the raw bytes that undici's parser keeps. */
export function redactError(error: unknown, key: string): unknown {
  if (typeof error !== 'object' || error === null) {
    return typeof error === 'string' ? redactText(error, key) : error;
  }
  dropParserData(error);
  if (key.length < MIN_SECRET_LENGTH || !holds(error, key)) return error;
  // A custom fetch may keep the complete request on its errors.
  const clean = new Error(redactText(getErrorMessage(error), key));
  const { name, code } = error as { name?: unknown; code?: unknown };
  if (typeof name === 'string') clean.name = redactText(name, key);
  return Object.assign(clean, typeof code === 'string' ? { code: redactText(code, key) } : {});
}

function holds(error: object, key: string): boolean {
  try {
    return inspect(error, { depth: 10, maxStringLength: Infinity, maxArrayLength: Infinity }).includes(key);
  } catch {
    return true;
  }
}

function dropParserData(error: unknown): void {
  for (let current = error, depth = 0; depth < 5 && current instanceof Error; depth++) {
    if (current.name === 'HTTPParserError') delete (current as { data?: unknown }).data;
    current = current.cause;
  }
}
