/**
 * Makes file names of what comes from outside: safe on every system, and different for different things.
 */
import { createHash } from 'node:crypto';

/** How long a name may be before its ending, in bytes: file systems take 255, and `.part` names are longer. */
const MAX_LENGTH = 150;

/** Names that Windows keeps for devices, whatever ending follows. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** Turns any text into a name that stays in its directory: what is not plain is written as `%` and its bytes in hex. */
export function safeName(text: string): string {
  let name = text.replace(/[^A-Za-z0-9._-]/gu, encoded).replace(/^\./, encoded);
  if (DEVICE.test(name)) name = encoded(name.slice(0, 1)) + name.slice(1);
  if (name.length <= MAX_LENGTH) return name;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  // Not in the midst of an encoded byte.
  return `${name.slice(0, MAX_LENGTH - 17).replace(/%[0-9A-F]?$/, '')}-${digest}`;
}

function encoded(text: string): string {
  return Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(
    '',
  );
}

/** Gives the end of a text, at most so many bytes of UTF-8, in whole characters. */
export function endOf(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  let start = Math.max(0, bytes.byteLength - maxBytes);
  // Not in the midst of a character: its further bytes begin with the bits 10.
  while (((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return bytes.toString('utf8', start);
}

/** Names what a URL leads to by the last part of its path, and splits the ending off. */
export function nameInUrl(url: URL): { stem: string; ending: string | undefined } {
  const last = url.pathname.split('/').pop() ?? '';
  let text = last;
  try {
    text = decodeURIComponent(last);
  } catch {
    // A stray % is as good as any other character.
  }
  const match = /^(.+)\.([A-Za-z0-9]{1,5})$/s.exec(text);
  return match === null
    ? { stem: text === '' ? 'download' : text, ending: undefined }
    : { stem: match[1] ?? text, ending: match[2]?.toLowerCase() };
}
