/** Converts the body of an upload to one that the fetch of an edge runtime sends with its length. */
export { collectBody as toFetchBody } from './collect-body.js';
