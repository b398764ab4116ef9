/** Reads response headers that describe a file: length, range, encoding and version. */
import type { StreamResponse } from '../http/types.js';

export interface FileVersion {
  etag: string | undefined;
  lastModified: string | undefined;
}

export const versionOf = (response: StreamResponse): FileVersion => ({
  etag: response.header('etag'),
  lastModified: response.header('last-modified'),
});

export function validatorOf(response: StreamResponse): string | undefined {
  const { etag, lastModified } = versionOf(response);
  if (etag !== undefined) return etag.startsWith('"') ? etag : undefined;
  // Last-Modified has a resolution of one second: it is strong only if it is older than that (RFC 9110, 8.8.2.2).
  const age = Date.parse(response.header('date') ?? '') - Date.parse(lastModified ?? '');
  return age >= 1000 ? lastModified : undefined;
}

export function lengthOf(response: StreamResponse): number | undefined {
  const text = response.header('content-length')?.trim() ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

export function rangeOf(response: StreamResponse): { start: number; total: number | undefined } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.header('content-range')?.trim() ?? '');
  if (match === null) return undefined;
  return { start: Number(match[1]), total: match[2] === '*' ? undefined : Number(match[2]) };
}

/** Ignores `aws-chunked`, a leftover of how the file was uploaded. */
export function encodingOf(response: StreamResponse): string {
  const names = (response.header('content-encoding') ?? '').split(',').map((name) => name.trim());
  return names.filter((name) => !/^(?:identity|aws-chunked)?$/i.test(name)).join(', ');
}

export function isContinuation(
  response: StreamResponse,
  begun: { received: number; total: number | undefined; validator: string | undefined; version: FileVersion },
): boolean {
  const { received, total, validator } = begun;
  if (response.status !== 206 || received === 0 || validator === undefined) return false;
  const range = rangeOf(response);
  const version = versionOf(response);
  return (
    range?.start === received &&
    (range.total === undefined || total === undefined || range.total === total) &&
    // Servers and caches may ignore If-Range: this could be a part of another version.
    [version.etag, version.lastModified].includes(validator) &&
    isSameVersion(version, begun.version)
  );
}

/** A 206 need not repeat every header (RFC 9110, 15.3.7): only contradictions count. */
function isSameVersion(one: FileVersion, other: FileVersion): boolean {
  const agree = (left: string | undefined, right: string | undefined) =>
    left === undefined || right === undefined || left === right;
  return agree(one.etag, other.etag) && agree(one.lastModified, other.lastModified);
}
