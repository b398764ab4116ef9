/** Every error class, and the union of them. */
import type {
  ApiError,
  AuthenticationError,
  InsufficientCreditsError,
  NotFoundError,
  PermissionError,
  RateLimitError,
  ServerError,
} from './api-error.js';
import type { ConnectionError, InvalidResponseError, RequestTimeoutError } from './connection-error.js';
import type {
  BudgetExceededError,
  ConfigurationError,
  IdempotencyConflictError,
  InvalidInputError,
  JournalError,
} from './input-error.js';
import type {
  PredictionFailedError,
  SubmissionUnknownError,
  WaitAbortedError,
  WaitTimeoutError,
} from './prediction-error.js';
import type { DownloadError, UploadError } from './transfer-error.js';
import type { WebhookVerificationError } from './webhook-error.js';

export * from './api-error.js';
export * from './base.js';
export * from './connection-error.js';
export * from './input-error.js';
export * from './prediction-error.js';
export * from './transfer-error.js';
export * from './webhook-error.js';

/**
 * Union of all errors that a call rejects with, so that `switch (error.name)` narrows.
 *
 * @example
 * const known = error as WaveSpeedErrors;
 * switch (known.name) {
 *   case 'InvalidInputError':
 *     console.log(known.issues);
 * }
 */
export type WaveSpeedErrors =
  | (ApiError & { name: 'ApiError' })
  | AuthenticationError
  | BudgetExceededError
  | ConfigurationError
  | ConnectionError
  | DownloadError
  | IdempotencyConflictError
  | InsufficientCreditsError
  | InvalidInputError
  | InvalidResponseError
  | JournalError
  | NotFoundError
  | PermissionError
  | PredictionFailedError
  | RateLimitError
  | RequestTimeoutError
  | ServerError
  | SubmissionUnknownError
  | UploadError
  | WaitAbortedError
  | WaitTimeoutError
  | WebhookVerificationError;
