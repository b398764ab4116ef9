/**
 * The entry `wavespeed-kling/webhooks`: verifying and receiving webhooks, on Web Crypto alone, so that it runs in
 * Node, in a browser bundle and on an edge.
 */
export { WaveSpeedError, ConfigurationError, WebhookVerificationError } from './core/errors.js';
export type { WebhookVerificationReason } from './core/errors.js';
export { isCompleted, isTerminal } from './core/prediction.js';
export type { CompletedPrediction, Prediction, PredictionStatus } from './core/prediction.js';
export { verifyWebhook } from './webhook-verify.js';
export type {
  RawWebhookBody,
  VerifyWebhookOptions,
  WebhookEvent,
  WebhookHeaders,
  WebhookSecret,
} from './webhook-verify.js';
export type { NodeWebhookRequest } from './webhook-body.js';
export { createWebhookReceiver } from './webhook-receiver.js';
export type {
  NodeWebhookResponse,
  WebhookErrorContext,
  WebhookReceiver,
  WebhookReceiverOptions,
} from './webhook-receiver.js';
export type { WebhookClaim, WebhookStore } from './webhook-store.js';
