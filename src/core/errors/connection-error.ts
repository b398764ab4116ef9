/** Errors of a request without a usable response. */
import { laterUnlessTask, type RetryAdvice, WaveSpeedError, type WaveSpeedErrorOptions } from './base.js';

/** Thrown when the connection failed or was interrupted. */
export class ConnectionError extends WaveSpeedError {
  protected static override readonly className: string = 'ConnectionError';
  override readonly name = 'ConnectionError' as const;

  /** The system's or undici's code, such as `ECONNREFUSED` or `UND_ERR_SOCKET`. */
  readonly code: string | undefined;
  /** False if it is proven that no byte of the request was sent. */
  readonly requestSent: boolean;

  constructor(
    message: string,
    options: WaveSpeedErrorOptions & { code?: string | undefined; requestSent?: boolean } = {},
  ) {
    super(message, options);
    this.code = options.code;
    this.requestSent = options.requestSent ?? true;
  }

  override get retry(): RetryAdvice {
    return laterUnlessTask(this);
  }
}

/** Thrown when no complete response arrived within `requestTimeoutMs`, or when `timeoutMs` elapsed before the submit. */
export class RequestTimeoutError extends WaveSpeedError {
  protected static override readonly className: string = 'RequestTimeoutError';
  override readonly name = 'RequestTimeoutError' as const;

  override get retry(): RetryAdvice {
    return laterUnlessTask(this);
  }
}

const isRedirect = (status = 0): boolean => status >= 300 && status < 400;

/** Thrown when a response is not a valid API response: not JSON, truncated, too large, a redirect, or without data. */
export class InvalidResponseError extends WaveSpeedError {
  protected static override readonly className: string = 'InvalidResponseError';
  override readonly name = 'InvalidResponseError' as const;

  /** The HTTP status. */
  readonly status: number | undefined;
  /** The response body, as far as it was received. */
  readonly body: unknown;

  constructor(message: string, options: WaveSpeedErrorOptions & { status?: number; body?: unknown } = {}) {
    super(message, options);
    this.status = options.status;
    this.body = options.body;
  }

  override get retry(): RetryAdvice {
    return isRedirect(this.status) ? super.retry : laterUnlessTask(this);
  }
}
