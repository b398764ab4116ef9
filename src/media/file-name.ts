/** Makes safe file names from ids, URLs and the names of local files. */
import type { FileType } from './file-type.js';
import { createHash } from './crypto.js';

/** In bytes, without the extension: file systems allow 255, and the names of partial files are longer. */
const MAX_LENGTH = 150;

const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** Returns a name that stays in its directory: percent-encodes everything but `A-Z a-z 0-9 . _ -`. */
export function safeName(text: string): string {
  let name = text.replace(/[^A-Za-z0-9._-]/gu, percentEncode).replace(/^\./, percentEncode);
  if (DEVICE.test(name)) name = percentEncode(name.slice(0, 1)) + name.slice(1);
  if (name.length <= MAX_LENGTH) return name;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  // Do not cut an encoded byte in the middle.
  return `${name.slice(0, MAX_LENGTH - 17).replace(/%[0-9A-F]?$/, '')}-${digest}`;
}

function percentEncode(text: string): string {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) =>
    byte.toString(16).toUpperCase().padStart(2, '0'),
  );
  return bytes.map((hex) => `%${hex}`).join('');
}

export function nameInUrl(url: URL): { basename: string; extension: string | undefined } {
  const last = url.pathname.split('/').pop() ?? '';
  let text = last;
  try {
    text = decodeURIComponent(last);
  } catch {
    // Keep an invalid percent-encoding.
  }
  const match = /^(.+)\.([A-Za-z0-9]{1,5})$/s.exec(text);
  return match === null
    ? { basename: text === '' ? 'download' : text, extension: undefined }
    : { basename: match[1] ?? text, extension: match[2]?.toLowerCase() };
}

/** In bytes: file systems allow 255, and storage may add a prefix. */
const MAX_UPLOAD_NAME_LENGTH = 200;

/** The extension matches the content: the service uses the extension. */
export function uploadName(name: string | undefined, type: FileType): string {
  const given = lastBytes(name ?? type.group, MAX_UPLOAD_NAME_LENGTH);
  const extension = /\.([^.]+)$/.exec(given)?.[1]?.toLowerCase();
  return extension !== undefined && type.extensions.includes(extension)
    ? given
    : `${given}.${type.extensions[0]}`;
}

function lastBytes(text: string, maxBytes: number): string {
  const bytes = new TextEncoder().encode(text);
  let start = Math.max(0, bytes.byteLength - maxBytes);
  // Continuation bytes start with the bits 10.
  while (((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return new TextDecoder().decode(bytes.subarray(start));
}
