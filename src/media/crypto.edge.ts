/** Digests on an edge runtime. */
export { createHash } from 'node:crypto';
