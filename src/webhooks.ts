/**
 * The entry `wavespeed-kling/webhooks`: verifying and receiving webhooks, on Web Crypto alone, so that it runs in
 * Node, in a browser bundle and on an edge.
 */
export { WaveSpeedError, ConfigurationError, WebhookVerificationError } from './core/errors/index.js';
export type { WebhookVerificationReason } from './core/errors/index.js';
export { isCompleted, isTerminal } from './core/prediction.js';
export type { CompletedPrediction, Prediction, PredictionStatus } from './core/prediction.js';
export { verifyWebhook } from './webhooks/verify.js';
export type {
  RawWebhookBody,
  ToleranceOptions,
  VerifyWebhookOptions,
  WebhookEvent,
} from './webhooks/verify.js';
export type { WebhookHeaders, WebhookSecret } from './webhooks/signature.js';
export type { WebhookSecretSource } from './webhooks/secret-source.js';
export type { NodeWebhookRequest } from './webhooks/read-body.js';
export { createWebhookReceiver } from './webhooks/receiver.js';
export type {
  NodeWebhookResponse,
  WebhookEventContext,
  WebhookJournal,
  WebhookReceiver,
  WebhookReceiverOptions,
} from './webhooks/receiver.js';
export type { WebhookErrorContext } from './webhooks/deduplicate.js';
export type { WebhookClaim, WebhookStore } from './webhooks/store.js';
