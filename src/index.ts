/**
 * The public entry of wavespeed-kling: named exports, no logic.
 */
export { type Quote, WaveSpeedKling } from './client.js';
export { estimateCost } from './cost.js';
export { type DefinedModel, defineModel } from './define-model.js';
export type { DownloadedFile, DownloadOptions } from './download.js';
export {
  ApiError,
  AuthenticationError,
  BudgetExceededError,
  type Candidate,
  ConfigurationError,
  ConnectionError,
  DownloadError,
  type DownloadErrorReason,
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
  UploadError,
  type UploadErrorReason,
  WaitTimeoutError,
  WaveSpeedError,
  WebhookVerificationError,
  type WebhookVerificationReason,
} from './core/errors.js';
export type { ModelFacts } from './facts.js';
export type { KlingO1MediaInput, KlingO3StdMediaInput, Media, ModelInput } from './input.js';
export type { AspectRatio, KlingO1Input, KlingO3StdInput } from './input-types.js';
export type { TransferProgress, UploadOptions, UploadSource } from './media.js';
export { KLING_O1, KLING_O3_STD, type Model, type ModelId } from './models.js';
export {
  ACCOUNT_LEVELS,
  type CallOptions,
  type RunManyOptions,
  type RunOptions,
  type SubmitOptions,
  type WaitOptions,
  type WaveSpeedKlingOptions,
} from './options.js';
export type { DownloadProgress } from './output-download.js';
export type { PollInterval, WakeSource } from './poll.js';
export {
  type CompletedPrediction,
  isCompleted,
  isTerminal,
  type Prediction,
  type PredictionStatus,
} from './core/prediction.js';
export type { ListQuery } from './predictions.js';
export type { ManyRequest, ManyResult } from './many.js';
export type { OnRetry, RetryContext } from './retry.js';
export type { DispatcherLike } from './transport.js';
