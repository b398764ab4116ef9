/** Parses the service's JSON, and keeps every digit of its ids. */

/** An id that a number cannot hold exactly. Inside a string its quotes would be escaped. */
const LARGE_ID = /"((?:\w{1,20}_)?id)"(\s*:\s*)(\d{16,})(?=\s*[,}\]])/g;

/** Searching for it is slow. */
const MAY_BE_LARGE = /\d{16}/;

/** @throws {SyntaxError} for text that is not JSON. */
export function parseJson(text: string): unknown {
  const exact = MAY_BE_LARGE.test(text) ? text.replace(LARGE_ID, '"$1"$2"$3"') : text;
  return JSON.parse(exact) as unknown;
}
