/** Patterns of media URLs, shared by zod and the JSON Schemas so that all validators agree. */

const FORBIDDEN = '\\s\\x00-\\x1f\\x7f"<>\\\\^`{|}';
const PORT = '(?::(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?';
const HTTP_URL = `[Hh][Tt][Tt][Pp][Ss]?://(?:[^/?#@${FORBIDDEN}]+@)?(?:\\[[0-9A-Fa-f:.]+\\]|[^/?#@:%\\[\\]${FORBIDDEN}]+)${PORT}(?:[/?#][^${FORBIDDEN}]*)?`;
const DATA_IMAGE =
  '[Dd][Aa][Tt][Aa]:[Ii][Mm][Aa][Gg][Ee]/[A-Za-z0-9.+-]+;[Bb][Aa][Ss][Ee]64,[A-Za-z0-9+/]+={0,2}';

// Every part begins with a character that the part before it cannot contain, so matching takes linear time. Without
// the `u` flag, a hostile string of some megabytes cannot exhaust the stack; each class contains either no character
// outside the basic plane or all of them, so the flag would change nothing else.

export const VIDEO_URL = new RegExp(`^${HTTP_URL}$`);

export const IMAGE_URL = new RegExp(`^(?:${HTTP_URL}|${DATA_IMAGE})$`);
