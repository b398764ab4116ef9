/** Reads and shows URLs that were given by others. */

/** Omits the URL's query, which may be its signature. */
export const labelOf = (method: string, url: URL): string => `[${method}] ${url.origin}${url.pathname}`;

/** Parses an untrusted URL; returns undefined unless it is http(s) and has no credentials. */
export function httpUrl(value: unknown, base?: URL): URL | undefined {
  if (typeof value !== 'string' || !URL.canParse(value, base?.href)) return undefined;
  const url = new URL(value, base);
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return undefined;
  return url;
}
