/** Tells which errors prove that a submit was not accepted. */
import { ApiError, ConfigurationError, ConnectionError, RateLimitError } from '../core/errors/index.js';
import { isRefusal } from '../core/service-codes.js';
import { isApiAnswer } from './api-answer.js';

/** A submit may be retried only if it is proven not accepted: never sent, or rejected by the API's own 429 that names no task. */
export function isRetryableSubmit(error: unknown): boolean {
  if (error instanceof RateLimitError) return provesRefusal(error);
  return error instanceof ConnectionError && !error.requestSent;
}

/** Returns true if there is certainly no task: the submit was not sent, or the service refused it. */
export function provesNotAccepted(error: unknown): boolean {
  if (isRetryableSubmit(error) || error instanceof ConfigurationError) return true;
  return error instanceof ApiError && provesRefusal(error);
}

/** Only the API's own answer proves that it refused: a gateway may have forwarded the request before it answered. */
function provesRefusal(error: ApiError): boolean {
  if (error.predictionId !== undefined || !isApiAnswer(error.body)) return false;
  // 408: the service may have begun.
  if (error.status === 408 || error.status >= 500) return false;
  // An error under HTTP 200: its code decides.
  return error.status >= 400 || isRefusal(error.code);
}
