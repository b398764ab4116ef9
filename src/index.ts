/**
 * The public entry of wavespeed-kling: named exports, no logic.
 */
export { WaveSpeedKling } from './client.js';
export type { Quote, ServiceModel } from './predictions/service-models.js';
export { estimateCost } from './models/estimate-cost.js';
export { defineModel, type ModelDefinition } from './models/define-model.js';
export type { DefinedModel } from './models/defined-model.js';
export { field } from './models/field.js';
export { parseInput } from './models/parse-input.js';
export { rule } from './models/rule.js';
export type { DownloadedFile } from './media/download.js';
export type { DownloadOptions, DownloadProgress } from './media/download-options.js';
export {
  ApiError,
  AuthenticationError,
  BudgetExceededError,
  type Candidate,
  type CandidatesOptions,
  ConfigurationError,
  type ConfigurationErrorCode,
  ConnectionError,
  DownloadError,
  type DownloadErrorReason,
  IdempotencyConflictError,
  type InputIssue,
  InsufficientCreditsError,
  InvalidInputError,
  InvalidResponseError,
  JournalError,
  NotFoundError,
  PermissionError,
  PredictionFailedError,
  RateLimitError,
  RequestTimeoutError,
  ServerError,
  SubmissionUnknownError,
  UploadError,
  type UploadErrorReason,
  WaitAbortedError,
  WaitTimeoutError,
  WaveSpeedError,
  type RetryAdvice,
  type WaveSpeedErrors,
  WebhookVerificationError,
  type WebhookVerificationReason,
} from './core/errors/index.js';
export type { AspectRatio } from './models/aspect-ratio.js';
export type {
  DeclaredInput,
  KlingO1Input,
  KlingO1MediaInput,
  KlingO3StdInput,
  KlingO3StdMediaInput,
  ModelInput,
  ParsedInput,
  UndeclaredFields,
} from './models/input-types.js';
export type { Media, MediaKind } from './models/media.js';
export type { TransferProgress, UploadOptions } from './media/upload-options.js';
export type { UploadSource } from './media/upload-source.js';
export type { Model, ModelId } from './models/catalog.js';
export * from './models/built-in-models.js';
export { ACCOUNT_LEVELS, type AccountLevel } from './core/account-levels.js';
export type { SubmitLimits, WaveSpeedKlingOptions } from './client-options.js';
export type { CallOptions } from './core/validate-options.js';
export { type KnownServiceCode, SERVICE_CODES, type ServiceCode } from './core/service-codes.js';
export type { KeyState } from './predictions/journal/keys.js';
export type { Journal, JournalEntry } from './predictions/journal/journal.js';
export { type FileJournal, fileJournal } from './file-journal/file-journal.js';
export { memoryJournal } from './predictions/journal/memory.js';
export type {
  PollInterval,
  PredictionEvents,
  RunOptions,
  SubmitOptions,
  WaitOptions,
  WatchOptions,
} from './predictions/options.js';
export type { RunManyOptions } from './batch/run-many-options.js';
export type { ResolveOptions } from './predictions/journal/resolve.js';
export {
  type CompletedPrediction,
  isCompleted,
  isTerminal,
  type Prediction,
  type PredictionStatus,
} from './core/prediction.js';
export type { ListQuery } from './predictions/history.js';
export type { BillingRow, BillingsQuery, Usage, UsageRange } from './billing/billings.js';
export type { Finding, Reconciliation, ReconcileRange } from './billing/reconcile.js';
export type { DeclaredRequest, ManyRequest, ManyResult } from './batch/batch-request.js';
export type { OnRetry, RetryContext } from './http/retry.js';
export type { DispatcherLike } from './http/types.js';
