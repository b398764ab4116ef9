/** Digests and random names. `node:crypto` takes two milliseconds to load: it is loaded with the first one. */

const crypto = () => process.getBuiltinModule('node:crypto');

export const createHash = (algorithm: 'sha256') => crypto().createHash(algorithm);

/** Returns random bytes, hexadecimal. */
export const randomHex = (bytes: number): string => crypto().randomBytes(bytes).toString('hex');
