/** The error of a webhook that fails verification. */
import { WaveSpeedError, type WaveSpeedErrorOptions } from './base.js';

/** The check that failed. */
export type WebhookVerificationReason =
  | 'invalid_secret'
  | 'parsed_body'
  | 'body_too_large'
  | 'unreadable_body'
  | 'missing_header'
  | 'invalid_id'
  | 'invalid_timestamp'
  | 'timestamp_too_old'
  | 'timestamp_too_new'
  | 'invalid_signature_format'
  | 'signature_mismatch'
  | 'invalid_payload';

/** Thrown when a webhook fails verification. */
export class WebhookVerificationError extends WaveSpeedError {
  protected static override readonly className: string = 'WebhookVerificationError';
  override readonly name = 'WebhookVerificationError' as const;

  readonly reason: WebhookVerificationReason;

  constructor(reason: WebhookVerificationReason, message: string, options?: WaveSpeedErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
