/** Patterns of media URLs, shared by zod and the JSON Schemas so that all validators agree. */

const CONTROL = '\\x00-\\x1f\\x7f';
/** Characters that `URL` does not accept in a host. */
const NOT_IN_HOST = `\\s${CONTROL}/?#@:%\\[\\]"<>\\\\^\`{|}`;
const PORT = '(?::(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?';
/** After the host, `URL` accepts every character. Control characters and a space at the end are mistakes of copying. */
const REST = `(?:[/?#](?:[^${CONTROL}]*[^\\s${CONTROL}])?)?`;
const HTTP_URL = `[Hh][Tt][Tt][Pp][Ss]?://(?:[^/?#@\\s${CONTROL}"<>\\\\]+@)?(?:\\[[0-9A-Fa-f:.]+\\]|[^${NOT_IN_HOST}]+)${PORT}${REST}`;
const DATA_IMAGE =
  '[Dd][Aa][Tt][Aa]:[Ii][Mm][Aa][Gg][Ee]/[A-Za-z0-9.+-]+;[Bb][Aa][Ss][Ee]64,[A-Za-z0-9+/]+={0,2}';

// Every part begins with a character that the part before it cannot contain, and only the end is looked for backwards,
// so matching takes linear time. Without the `u` flag, a hostile string of some megabytes cannot exhaust the stack; each
// class contains either no character outside the basic plane or all of them, so the flag would change nothing else.

export const HTTP = new RegExp(`^${HTTP_URL}$`);

export const HTTP_OR_DATA_IMAGE = new RegExp(`^(?:${HTTP_URL}|${DATA_IMAGE})$`);

const HOST = new RegExp(`^[Hh][Tt][Tt][Pp][Ss]?://(?:[^/?#@]*@)?([^/?#]*)`);

function nameCharacter(character: string, index: number): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  const isVisible = !/[\s\p{Cc}\p{Cf}]/u.test(character);
  return `the character ${isVisible ? `${JSON.stringify(character)} (${hex})` : hex} at position ${index + 1}`;
}

/** Names the character that makes a URL invalid, since the URL's query is not shown. */
export function describeBadCharacter(url: string): string | undefined {
  const found = (index: number, why: string) =>
    `${nameCharacter(String.fromCodePoint(url.codePointAt(index) ?? 0), index)} ${why}`;
  if (/^\s/.test(url)) return found(0, 'is before the URL');
  const control = url.search(new RegExp(`[${CONTROL}]`));
  if (control !== -1) return found(control, 'is not allowed in a URL');
  if (/\s$/.test(url)) return found(url.length - 1, 'is after the URL');
  const host = HOST.exec(url);
  if (host === null) return undefined;
  const authority = host[1] ?? '';
  const bad = authority.search(/[\s"<>\\^`{|}%]/);
  return bad === -1
    ? undefined
    : found(host[0].length - authority.length + bad, 'is not allowed in the host of a URL');
}
