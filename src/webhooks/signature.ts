/** The signature scheme of WaveSpeed's webhooks: reads the headers, checks the timestamp, compares HMACs. */
import { ConfigurationError, WebhookVerificationError } from '../core/errors/index.js';

/** The request's headers: a Fetch `Headers`, or a record such as Node's, with names in any case. */
export type WebhookHeaders =
  | { get(name: string): string | null | undefined }
  | { readonly [name: string]: string | readonly string[] | undefined };

/** `whsec_…`, or several of them while a secret is being rotated: one match is enough. */
export type WebhookSecret = string | readonly string[];

export interface SignatureHeaders {
  id: string;
  timestamp: string;
  digests: readonly Uint8Array[];
}

const MAX_SIGNATURES = 16;

export function checkSecret(secret: WebhookSecret): string[] {
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
  // A secret from a file or an environment variable may end with a line end.
  const keys = secrets.map((one) =>
    typeof one === 'string'
      ? one
          .trim()
          .replace(/^whsec_/, '')
          .trim()
      : '',
  );
  // Anyone can sign with an empty key, and Web Crypto does not reject it everywhere.
  if (keys.length === 0 || keys.includes('')) {
    throw new WebhookVerificationError(
      'invalid_secret',
      'Expected `secret` to be "whsec_…" or a list of such secrets, none of them empty. Is the environment ' +
        "variable set? Get your API key's secret from client.webhookSecret() or WaveSpeed's dashboard.",
    );
  }
  return keys;
}

export function readSignatureHeaders(
  headers: WebhookHeaders,
  toleranceSeconds: number,
  nowMs: number,
): SignatureHeaders {
  const id = requireHeader(headers, 'webhook-id');
  const timestamp = requireHeader(headers, 'webhook-timestamp');
  const digests = parseSignatures(requireHeader(headers, 'webhook-signature'));
  // The signed text is `id.timestamp.body`: with dots in the id, it could be cut in two ways.
  if (id.includes('.')) {
    throw new WebhookVerificationError('invalid_id', 'Expected `webhook-id` to contain no dots.');
  }
  checkTimestamp(timestamp, toleranceSeconds, nowMs);
  return { id, timestamp, digests };
}

export async function isSignedBy(
  keys: readonly string[],
  { id, timestamp, digests }: SignatureHeaders,
  body: Uint8Array,
): Promise<boolean> {
  const { crypto } = globalThis as { crypto?: typeof globalThis.crypto };
  const subtle = crypto?.subtle;
  // Missing in browsers on plain http pages, and in some test environments.
  if (subtle === undefined) {
    throw new ConfigurationError(
      'This runtime has no Web Crypto (`crypto.subtle`). Use Node 20 or later, or an https page in a browser.',
    );
  }
  const signed = concatenate(`${id}.${timestamp}.`, body);
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  for (const key of keys) {
    const hmacKey = await subtle.importKey('raw', new TextEncoder().encode(key), algorithm, false, ['sign']);
    const expected = new Uint8Array(await subtle.sign('HMAC', hmacKey, signed));
    if (digests.some((digest) => timingSafeEqual(digest, expected))) return true;
  }
  return false;
}

function findHeader(headers: WebhookHeaders, name: string): string | null | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  if (typeof headers.get === 'function') return headers.get(name);
  return Object.entries(headers)
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, value]) => value)
    .filter((value) => value !== undefined)
    .join(', ');
}

function requireHeader(headers: WebhookHeaders, name: string): string {
  const value = findHeader(headers, name)?.trim();
  if (value) return value;
  throw new WebhookVerificationError(
    'missing_header',
    `The request has no \`${name}\` header: it is not a WaveSpeed webhook, a proxy removed the header, or the ` +
      '`headers` passed are not those of the request.',
  );
}

function parseSignatures(header: string): Uint8Array[] {
  const candidates = header
    .split(/\s+/)
    .filter((part) => part.startsWith('v3,'))
    // HTTP joins repeated headers with ", ".
    .map((part) => part.slice('v3,'.length).replace(/,$/, ''));
  const digests = candidates.filter((hex) => /^[0-9a-f]{64}$/i.test(hex));
  if (digests.length === 0 || candidates.length > MAX_SIGNATURES) {
    throw new WebhookVerificationError(
      'invalid_signature_format',
      `Expected \`webhook-signature\` to contain 1 to ${MAX_SIGNATURES} signatures of the form "v3," and 64 ` +
        `hexadecimal digits, separated by spaces; found ${candidates.length} that start with "v3,", ` +
        `${digests.length} of them well-formed.`,
    );
  }
  return digests.map((hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));
}

function checkTimestamp(timestamp: string, toleranceSeconds: number, nowMs: number): void {
  // Number() would also accept '', '1e9', '0x1' and '1.5'.
  if (!/^\d{1,15}$/.test(timestamp)) {
    throw new WebhookVerificationError(
      'invalid_timestamp',
      'Expected `webhook-timestamp` to be seconds since 1970, digits only.',
    );
  }
  const ageSeconds = Math.floor(nowMs / 1000) - Number(timestamp);
  // In this direction, so that NaN is rejected.
  if (Math.abs(ageSeconds) <= toleranceSeconds) return;
  throw ageSeconds < 0
    ? new WebhookVerificationError(
        'timestamp_too_new',
        `The webhook's timestamp is ${-ageSeconds} s ahead of this machine's clock, more than the tolerance of ` +
          `${toleranceSeconds} s. Check the clock.`,
      )
    : new WebhookVerificationError(
        'timestamp_too_old',
        `The webhook was signed ${ageSeconds} s ago, more than the tolerance of ${toleranceSeconds} s: it was ` +
          'delayed, or somebody replays an old one. Check the clock.',
      );
}

function concatenate(prefix: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const prefixBytes = new TextEncoder().encode(prefix);
  const bytes = new Uint8Array(prefixBytes.byteLength + body.byteLength);
  bytes.set(prefixBytes);
  bytes.set(body, prefixBytes.byteLength);
  return bytes;
}

/** Web Crypto has no constant-time comparison. */
function timingSafeEqual(left: Uint8Array, right: Uint8Array): boolean {
  let difference = left.byteLength ^ right.byteLength;
  for (const [index, byte] of left.entries()) difference |= byte ^ (right[index] ?? 0);
  return difference === 0;
}
