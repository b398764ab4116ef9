/**
 * The public entry of wavespeed-kling: named exports, no logic.
 */
export { type Quote, WaveSpeedKling } from './client.js';
export { estimateCost, type PricedInput } from './cost.js';
export {
  ApiError,
  AuthenticationError,
  BudgetExceededError,
  type Candidate,
  ConfigurationError,
  ConnectionError,
  type InputIssue,
  InsufficientCreditsError,
  InvalidInputError,
  InvalidResponseError,
  NotFoundError,
  PermissionError,
  PredictionFailedError,
  RateLimitError,
  RequestTimeoutError,
  ServerError,
  SubmissionUnknownError,
  WaitTimeoutError,
  WaveSpeedError,
  WebhookVerificationError,
  type WebhookVerificationReason,
} from './errors.js';
export type { KlingO1MediaInput, KlingO3StdMediaInput, Media, ModelInput } from './input.js';
export { KLING_O1, KLING_O3_STD, type ModelId } from './models.js';
export type {
  CallOptions,
  RunOptions,
  SubmitOptions,
  WaitOptions,
  WaveSpeedKlingOptions,
} from './options.js';
export type { PollInterval, WakeSource } from './poll.js';
export type { CompletedPrediction, Prediction, PredictionStatus } from './prediction.js';
export type { ListQuery } from './predictions.js';
export type { OnRetry, RetryContext } from './retry.js';
export type { AspectRatio, KlingO1Input, KlingO3StdInput } from './schemas.js';
export type { DispatcherLike } from './transport.js';
