/** Reads response headers that describe a file: length, range, encoding, age, version, and where it is. */
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

/** The age of what was completed at a time, by the server's clock where it tells it; NaN if that is not known. */
export function ageOf(response: StreamResponse, completedAt: number | undefined): number {
  if (completedAt === undefined) return NaN;
  const now = Date.parse(response.header('date') ?? '');
  return (Number.isNaN(now) ? Date.now() : now) - completedAt;
}

/** `Location`, whose bytes are UTF-8 on many servers. HTTP libraries read each byte as one character. */
export function locationOf(response: StreamResponse): string | undefined {
  const location = response.header('location');
  if (location === undefined || /[^\x80-\xff]/.test(location.replace(/[\0-\x7f]/g, ''))) return location;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(location, 'latin1'));
  } catch {
    // It was Latin-1 indeed.
    return location;
  }
}

/** Returns transfer codings other than `chunked`: the body would not be the file's bytes. */
export function transferCodingOf(response: StreamResponse): string {
  const names = (response.header('transfer-encoding') ?? '').split(',').map((name) => name.trim());
  return names.filter((name) => !/^(?:identity|chunked)?$/i.test(name)).join(', ');
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
