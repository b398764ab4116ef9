/** Replaces `node:crypto` on edge runtimes, whose own SHA-256 is asynchronous. */

/** The part of Node's `createHash` that the library uses: SHA-256, hexadecimal. */
export function createHash(algorithm: 'sha256') {
  if (algorithm !== 'sha256')
    throw new TypeError(`createHash: got "${String(algorithm)}"; expected "sha256".`);
  const state = Uint32Array.from(INITIAL);
  const block = new Uint8Array(64);
  let filled = 0;
  let length = 0;
  const hash = {
    update(data: string | Uint8Array) {
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
      length += bytes.byteLength;
      for (let at = 0; at < bytes.byteLength;) {
        const part = bytes.subarray(at, at + 64 - filled);
        block.set(part, filled);
        at += part.byteLength;
        filled += part.byteLength;
        if (filled === 64) compress(state, block);
        filled %= 64;
      }
      return hash;
    },
    digest(encoding: 'hex'): string {
      if (encoding !== 'hex') throw new TypeError(`digest: got "${String(encoding)}"; expected "hex".`);
      const bits = length * 8;
      const padding = new Uint8Array(filled < 56 ? 64 - filled : 128 - filled);
      padding[0] = 0x80;
      const view = new DataView(padding.buffer);
      view.setUint32(padding.byteLength - 8, Math.floor(bits / 2 ** 32));
      view.setUint32(padding.byteLength - 4, bits >>> 0);
      hash.update(padding);
      return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('');
    },
  };
  return hash;
}

/** The first 32 bits of the fractional part of a root of each of the first `count` primes. */
function fractions(count: number, root: (prime: number) => number): Uint32Array {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return Uint32Array.from(primes, (prime) => (root(prime) % 1) * 2 ** 32);
}

const INITIAL = fractions(8, Math.sqrt);
const ROUNDS = fractions(64, Math.cbrt);
const words = new Uint32Array(64);

const at = (values: Uint32Array, index: number) => values[index] as number;
const rotate = (value: number, by: number) => (value >>> by) | (value << (32 - by));

/** One block of FIPS 180-4, section 6.2.2. */
function compress(state: Uint32Array, block: Uint8Array): void {
  const view = new DataView(block.buffer, block.byteOffset);
  for (let t = 0; t < 16; t++) words[t] = view.getUint32(t * 4);
  for (let t = 16; t < 64; t++) {
    const w15 = at(words, t - 15);
    const w2 = at(words, t - 2);
    const s0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >>> 3);
    const s1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >>> 10);
    words[t] = at(words, t - 16) + s0 + at(words, t - 7) + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  for (let t = 0; t < 64; t++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + at(ROUNDS, t) + at(words, t)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [a, b, c, d, e, f, g, h] = [(t1 + t2) | 0, a, b, c, (d + t1) | 0, e, f, g];
  }
  for (const [index, value] of [a, b, c, d, e, f, g, h].entries()) state[index] = at(state, index) + value;
}
