/**
 * What a reference's URL must look like: one pattern for zod and for every JSON Schema validator, so that they agree.
 */

/** Blanks, controls, and characters that must be encoded in a URL. */
const NEVER = '\\s\\x00-\\x1f\\x7f"<>\\\\^`{|}';
const PORT = '(?::(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?';
const HTTP_URL = `[Hh][Tt][Tt][Pp][Ss]?://(?:[^/?#@${NEVER}]+@)?(?:\\[[0-9A-Fa-f:.]+\\]|[^/?#@:%\\[\\]${NEVER}]+)${PORT}(?:[/?#][^${NEVER}]*)?`;
const DATA_IMAGE =
  '[Dd][Aa][Tt][Aa]:[Ii][Mm][Aa][Gg][Ee]/[A-Za-z0-9.+-]+;[Bb][Aa][Ss][Ee]64,[A-Za-z0-9+/]+={0,2}';

// Every part begins with a character that the part before it cannot hold, so a match takes time in proportion to the
// length; and without the `u` flag it takes no stack either, which a hostile text of some megabytes would exhaust.
// The flag would change nothing else: each class holds either no character beyond the basic plane, or all of them.

/** Matches an http or https URL: a host, a port that exists, and nothing that must be encoded. */
export const VIDEO_URL = new RegExp(`^${HTTP_URL}$`);

/** Matches an http or https URL, or a `data:image/…;base64,` URL. */
export const IMAGE_URL = new RegExp(`^(?:${HTTP_URL}|${DATA_IMAGE})$`);
