/** Tells which failures prove that a request was not sent. */

/** Wraps a failure that proves that no byte of the request was sent. */
export class UnsentError extends Error {
  constructor(cause: unknown) {
    super('The request was not sent.', { cause });
  }
}

const CONNECT_CODES = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const TLS_CODE = /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/** Returns true for a failure to connect; for an AggregateError, if every error in it is one. */
export function isConnectFailure(error: unknown): boolean {
  const { code, cause, errors } = (error ?? {}) as { code?: unknown; cause?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isConnectFailure);
  if (typeof code === 'string') return CONNECT_CODES.has(code) || TLS_CODE.test(code);
  return cause !== undefined && isConnectFailure(cause);
}
