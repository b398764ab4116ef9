/** The content of journal files, as an earlier process left them. */

export const HEADER = '{"wavespeed-kling":"journal","version":2,"state":"ready"}\n';
/** Token of the process that wrote the lines. */
export const BY = '0123abcd';

/** 1,500 lines of three keys, most of them outdated: the process that opens the file rewrites it. */
export const OUTDATED =
  HEADER +
  Array.from({ length: 1500 }, (_, index) => {
    const entry = { fingerprint: 'f', model: 'm', attempt: 1, state: 'idle', reason: 'RateLimitError' };
    const row = { key: `key-${index % 3}`, revision: Math.floor(index / 3) + 1, by: BY, entry };
    return `${JSON.stringify(row)}\n`;
  }).join('');
