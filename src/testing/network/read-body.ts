/** Reads the body of a request into the log. */
import type { LoggedRequest } from './request-log.js';
import { readAll, type WireRequest } from './wire.js';

/** Larger than any submit with inline images, in bytes. */
const JSON_LIMIT = 64 * 1024 * 1024;

export async function readBody(
  request: WireRequest,
  entry: LoggedRequest,
): Promise<{ value: unknown } | 'invalid' | 'too large'> {
  if (entry.operation === 'upload' || entry.operation === 'put') {
    for await (const chunk of request.body) entry.bodyBytes += chunk.byteLength;
    return { value: undefined };
  }
  const bytes = await readAll(request.body, JSON_LIMIT);
  if (bytes === undefined) return 'too large';
  entry.bodyBytes = bytes.byteLength;
  if (bytes.byteLength === 0) return { value: undefined };
  const text = bytes.toString('utf8');
  try {
    entry.body = JSON.parse(text);
    return { value: entry.body };
  } catch {
    entry.body = text;
    return 'invalid';
  }
}
