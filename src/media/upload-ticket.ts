/** Parses an upload ticket: the URL and headers for the upload of a file. */
import { InvalidResponseError } from '../core/errors/index.js';
import { httpUrl } from '../http/http-url.js';
import { isRecord } from '../utils/is-record.js';
import { forbiddenReason } from './media-url.js';

export const TICKETS_PATH = '/api/v3/media/uploads';

export interface UploadTicket {
  downloadUrl: string;
  url: URL;
  headers: Record<string, string>;
}

/** Header syntax of RFC 9110, 5.6.2 and 5.5. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** @throws {InvalidResponseError} without the body, which contains a signed URL. */
export function readTicket(data: unknown, baseUrl: string): UploadTicket {
  const { download_url, upload } = isRecord(data) ? data : {};
  const downloadUrl = httpUrl(download_url) ?? fail('the response has no download_url');
  if (!isRecord(upload)) return fail('the response has no upload target');
  const { method, headers } = upload;
  if (typeof method !== 'string' || method.toUpperCase() !== 'PUT') {
    return fail(`the upload method is ${JSON.stringify(method) ?? 'missing'}; expected PUT`);
  }
  const url = httpUrl(upload.url) ?? fail('the response has no valid upload URL');
  const reason = forbiddenReason(url, new URL(baseUrl));
  if (reason !== undefined) return fail(`the upload URL is at ${url.origin}: ${reason}`);
  return { downloadUrl: downloadUrl.href, url, headers: readHeaders(isRecord(headers) ? headers : {}) };
}

function readHeaders(headers: Record<string, unknown>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    // The content length is set by the upload.
    if (value === null || name.toLowerCase() === 'content-length') continue;
    // Go serializes headers as lists.
    const single: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
    const text = typeof single === 'number' ? String(single) : single;
    if (typeof text !== 'string' || !HEADER_VALUE.test(text) || !HEADER_NAME.test(name)) {
      // Without the value: it may be part of the signature.
      return fail(`the upload header ${JSON.stringify(name)} is invalid`);
    }
    result[name] = text;
  }
  return result;
}

function fail(problem: string): never {
  throw new InvalidResponseError(`[POST] ${TICKETS_PATH}: ${problem}.`);
}
