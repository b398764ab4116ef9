/** Errors for the error responses of the service, one class per status that needs its own handling. */
import type { ServiceCode } from '../service-codes.js';
import {
  isPassingStatus,
  laterUnlessTask,
  type RetryAdvice,
  WaveSpeedError,
  type WaveSpeedErrorOptions,
} from './base.js';

export interface ApiErrorOptions extends WaveSpeedErrorOptions {
  status: number;
  code?: ServiceCode | undefined;
  requestId?: string | undefined;
  retryAfterMs?: number | undefined;
  body?: unknown;
}

/** Thrown when the service returns an error response. */
export class ApiError extends WaveSpeedError {
  protected static override readonly className: string = 'ApiError';
  override readonly name: string = 'ApiError';

  /** The HTTP status, or the envelope's `code` if the HTTP status was a success. */
  readonly status: number;
  /** The service's `error_code` or, without one, its `code`: 1200 content moderation, 1402 media not fetched, … */
  readonly code: ServiceCode | undefined;
  /** The `x-request-id` header, for WaveSpeed's support. */
  readonly requestId: string | undefined;
  /** The `Retry-After` header, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** The parsed JSON of the response, or its text. */
  readonly body: unknown;

  constructor(message: string, options: ApiErrorOptions) {
    super(message, options);
    this.status = options.status;
    this.code = options.code;
    this.requestId = options.requestId;
    this.retryAfterMs = options.retryAfterMs;
    this.body = options.body;
  }

  override get retry(): RetryAdvice {
    return isPassingStatus(this.status) ? laterUnlessTask(this) : super.retry;
  }
}

/** 401: the key is missing, wrong or revoked. */
export class AuthenticationError extends ApiError {
  protected static override readonly className: string = 'AuthenticationError';
  override readonly name = 'AuthenticationError' as const;
}

/** The account has too little credit: 402, code 1406 or 1407, or 400, 403 or 422 with a matching message. */
export class InsufficientCreditsError extends ApiError {
  protected static override readonly className: string = 'InsufficientCreditsError';
  override readonly name = 'InsufficientCreditsError' as const;

  override get retry(): RetryAdvice {
    return laterUnlessTask(this);
  }
}

/** 403: the key lacks permission, or the account is suspended. */
export class PermissionError extends ApiError {
  protected static override readonly className: string = 'PermissionError';
  override readonly name = 'PermissionError' as const;
}

/** 404: the task does not exist, or is older than 7 days. */
export class NotFoundError extends ApiError {
  protected static override readonly className: string = 'NotFoundError';
  override readonly name = 'NotFoundError' as const;

  override get retry(): RetryAdvice {
    return 'never';
  }
}

/** 429: too many submits per minute or too many concurrent tasks for the account's level. */
export class RateLimitError extends ApiError {
  protected static override readonly className: string = 'RateLimitError';
  override readonly name = 'RateLimitError' as const;

  override get retry(): RetryAdvice {
    return laterUnlessTask(this);
  }
}

/** 5xx: the service or a gateway in front of it failed. */
export class ServerError extends ApiError {
  protected static override readonly className: string = 'ServerError';
  override readonly name = 'ServerError' as const;

  override get retry(): RetryAdvice {
    return laterUnlessTask(this);
  }
}
