/** Tells an answer of the API from one of a gateway in front of it. */
import { isRecord } from '../utils/is-record.js';

const API_FIELDS = ['code', 'error_code', 'message', 'error', 'detail'];

/** Returns true for an HTML page, which only a gateway in front of the API sends. */
export function isPage(body: unknown): boolean {
  return typeof body === 'string' && /^\s*<(?:!doctype\s+html|html)\b/i.test(body);
}

/** Returns true for an answer of the API, whatever its status; anything else may come from a gateway in front of it. */
export function isApiAnswer(body: unknown): boolean {
  return isRecord(body) && API_FIELDS.some((field) => body[field] !== undefined && body[field] !== null);
}
