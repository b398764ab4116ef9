/** Creates the error of an error response: the only place that chooses its class. */
import {
  ApiError,
  type ApiErrorOptions,
  AuthenticationError,
  InsufficientCreditsError,
  NotFoundError,
  PermissionError,
  RateLimitError,
  ServerError,
} from '../core/errors/api-error.js';
import { isTransientStatus } from './retry.js';
import { parseRetryAfter } from './retry-after.js';
import type { RawResponse } from './types.js';

/** Insufficient credits and concurrency limits have no status of their own: they come as 400, 403 or under HTTP 200. */
const AMBIGUOUS_STATUSES = [200, 400, 403];
const CREDIT_CODES: unknown[] = [1406, 1407];
const CREDIT_MESSAGE =
  /(?:insufficient|not enough|too little)\s+(?:\w+\s+)?(?:credit|balance|fund)|(?:credit|balance|fund)s?\s+(?:\w+\s+)?(?:insufficient|not enough|too low)/i;
const CONCURRENCY_MESSAGE = /concurren\w*\s+(?:\w+\s+)?limit|too many concurrent/i;

export function createApiError(message: string, reason: string, options: ApiErrorOptions): ApiError {
  const { status, code, predictionId } = options;
  const isAmbiguous = AMBIGUOUS_STATUSES.includes(status);
  if (status === 402 || (isAmbiguous && (CREDIT_CODES.includes(code) || CREDIT_MESSAGE.test(reason)))) {
    return new InsufficientCreditsError(message, options);
  }
  if (status === 429 || (isAmbiguous && CONCURRENCY_MESSAGE.test(reason))) {
    return new RateLimitError(message, options);
  }
  if (status === 401) {
    return new AuthenticationError(`${message}. Check \`apiKey\` or WAVESPEED_API_KEY.`, options);
  }
  if (status === 403) return new PermissionError(message, options);
  if (status === 404) {
    const hint =
      predictionId === undefined
        ? ''
        : `. No task ${predictionId}: the service keeps them for 7 days; one that was submitted a moment ago may not be ` +
          `visible yet: resume with wait('${predictionId}').`;
    return new NotFoundError(`${message}${hint}`, options);
  }
  return status >= 500 ? new ServerError(message, options) : new ApiError(message, options);
}

/** Returns the error of a stream's response that may succeed later; undefined for any other. */
export function createTransientError(
  response: Pick<RawResponse, 'status' | 'statusText' | 'header'>,
  label: string,
): ApiError | undefined {
  const { status } = response;
  if (!isTransientStatus(status)) return undefined;
  const retryAfterMs = parseRetryAfter(response.header('retry-after'), Date.now());
  return createApiError(`${label}: ${formatStatus(response)}`, '', { status, retryAfterMs });
}

export const formatStatus = ({ status, statusText }: Pick<RawResponse, 'status' | 'statusText'>): string =>
  `${status} ${statusText}`.trim();
