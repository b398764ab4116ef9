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
import { isTransientStatus } from '../core/transient-status.js';
import { parseRetryAfter } from './retry-after.js';
import type { RawResponse } from './types.js';

/** Too little credit and concurrency limits have no status of their own: they come as one of these, or under HTTP 200. */
const AMBIGUOUS_STATUSES = [400, 403, 422];
const CREDIT_CODES: unknown[] = [1406, 1407];
const INTERNAL_CODES: unknown[] = [5000, 5003, 5004];
const MONEY = String.raw`(?:credits?|balance|funds?|quota)`;
const LACK = String.raw`(?:not|n't)(?: have)? (?:enough|sufficient)|too (?:little|few)|low|lack(?:s|ing)?(?: of)?|out of|zero|no(?: more| remaining)?|exhausted`;
const CREDIT_MESSAGES = [
  String.raw`(?:insufficient[\s_]*|(?:${LACK})[\s_]+)(?:\w+[\s_]+){0,2}${MONEY}`,
  String.raw`${MONEY}\b(?:\s+\w+){0,3}\s+(?:insufficient|not enough|too (?:low|little)|exhausted|exceeded|used up|depleted|empty|negative|(?:run|ran) out)`,
  String.raw`(?:top[\s-]?up|recharge|add (?:more )?(?:credits?|funds)|payment required|in arrears|overdue)\b`,
  '余额不足|欠费',
].map((pattern) => new RegExp(pattern, 'i'));
const CONCURRENCY_MESSAGE = /concurren\w*\s+(?:\w+\s+)?limit|too many concurrent/i;

/** Returns the error of an error response. @param reason The service's words, without the rest of the message. */
export function createApiError(message: string, reason: string, options: ApiErrorOptions): ApiError {
  const { status, code, predictionId } = options;
  const isAmbiguous = AMBIGUOUS_STATUSES.includes(status);
  const isUnder200 = status < 300;
  if (status === 402 || (status < 500 && CREDIT_CODES.includes(code)) || (isAmbiguous && isCredit(reason))) {
    return new InsufficientCreditsError(message, options);
  }
  if (isUnder200 && isCredit(reason)) return new InsufficientCreditsError(message, options);
  if (status === 429 || (isAmbiguous && CONCURRENCY_MESSAGE.test(reason))) {
    return new RateLimitError(message, options);
  }
  if (status === 401) return new AuthenticationError(`${message}. ${CHECK_KEY}`, options);
  if (status === 403)
    return new PermissionError(`${message}${/\brole\b/i.test(reason) ? ROLE_HINT : ''}`, options);
  if (status === 404) return new NotFoundError(`${message}${notFoundHint(predictionId)}`, options);
  const isInternal = status >= 500 || (isUnder200 && INTERNAL_CODES.includes(code));
  return isInternal ? new ServerError(message, options) : new ApiError(message, options);
}

const isCredit = (reason: string): boolean => CREDIT_MESSAGES.some((pattern) => pattern.test(reason));

const CHECK_KEY =
  'Check `apiKey` or WAVESPEED_API_KEY; a key that was made before the first top-up of its account never works.';
const ROLE_HINT =
  ". The API key's role does not allow this call: use a key with a role that the message names, or ask the key's owner for one.";

function notFoundHint(predictionId: string | undefined): string {
  if (predictionId === undefined) return '';
  return (
    `. No task ${predictionId}: the service keeps them for 7 days; one that was submitted a moment ago may not be ` +
    `visible yet: resume with wait('${predictionId}').`
  );
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
