/** Bodies for the fetch of an edge runtime: it sends an upload with its length. */
export { collectBody as toFetchBody } from './collect-body.js';

export const toUnrepeatableBody = (headers: Record<string, string>, body: string): RequestInit => ({
  headers,
  body,
});
