/** Errors of a call that was rejected locally: nothing was sent. */
import { laterUnlessTask, type RetryAdvice, WaveSpeedError, type WaveSpeedErrorOptions } from './base.js';

/** Reasons of a `ConfigurationError` that a program may handle. */
export type ConfigurationErrorCode =
  | 'api_key_unavailable'
  | 'transport_unavailable'
  | 'unsupported_dispatcher';

/** Thrown when the client is misconfigured or misused: no key, a bad option, a closed client. */
export class ConfigurationError extends WaveSpeedError {
  protected static override readonly className: string = 'ConfigurationError';
  override readonly name = 'ConfigurationError' as const;

  /**
   * `api_key_unavailable`: the `apiKey` function failed. `transport_unavailable`: undici could not be loaded.
   * `unsupported_dispatcher`: `dispatcher` comes from undici 6 or older.
   */
  readonly code: ConfigurationErrorCode | undefined;

  constructor(
    message: string,
    options: WaveSpeedErrorOptions & { code?: ConfigurationErrorCode | undefined } = {},
  ) {
    super(message, options);
    this.code = options.code;
  }

  override get retry(): RetryAdvice {
    return this.code === 'api_key_unavailable' ? laterUnlessTask(this) : super.retry;
  }
}

/** One problem of an input. */
export interface InputIssue {
  /** Path of the field, such as `['images', 2]`. Empty for the complete input. */
  path: (string | number)[];
  /** Names the field, the given value and what is allowed. */
  message: string;
}

/** Thrown when an input does not match the schema of its model. Nothing was sent. */
export class InvalidInputError extends WaveSpeedError {
  protected static override readonly className: string = 'InvalidInputError';
  override readonly name = 'InvalidInputError' as const;

  /** Every problem found, in the order of the fields. */
  readonly issues: readonly InputIssue[];

  constructor(subject: string, issues: readonly InputIssue[], options?: WaveSpeedErrorOptions) {
    super(
      `Invalid input for ${subject}; nothing was sent.\n${issues.map((issue) => `  - ${issue.message}`).join('\n')}`,
      options,
    );
    this.issues = issues;
  }
}

/** Thrown when a task would cost more than `maxCost`. Nothing was submitted; uploaded only where the service must measure media for the price. */
export class BudgetExceededError extends WaveSpeedError {
  protected static override readonly className: string = 'BudgetExceededError';
  override readonly name = 'BudgetExceededError' as const;

  /** Cost of this task, in US dollars. */
  readonly cost: number;
  /** The limit, in US dollars: the task's, or the batch's if `spent` is set. */
  readonly maxCost: number;
  /** Amount that the batch had spent or reserved before this task, in US dollars. Undefined outside a batch. */
  readonly spent: number | undefined;

  constructor(
    options: WaveSpeedErrorOptions & { cost: number; maxCost: number; spent?: number | undefined },
  ) {
    const { cost, maxCost, spent } = options;
    super(
      spent === undefined
        ? `This task would cost $${cost}, over the maxCost of $${maxCost}; nothing was sent. ` +
            'Ask for less, or raise `maxCost`.'
        : `This task would cost $${cost}, and the batch has spent $${spent} of its maxCost of $${maxCost}; ` +
            'nothing was sent for it. Raise `maxCost`, or run the rest as another batch.',
      options,
    );
    this.cost = cost;
    this.maxCost = maxCost;
    this.spent = spent;
  }
}

/** Thrown when an idempotency key was already used with another input or model. Nothing was sent. */
export class IdempotencyConflictError extends WaveSpeedError {
  protected static override readonly className: string = 'IdempotencyConflictError';
  override readonly name = 'IdempotencyConflictError' as const;

  readonly idempotencyKey: string;

  constructor(idempotencyKey: string, message: string, options?: WaveSpeedErrorOptions) {
    super(message, options);
    this.idempotencyKey = idempotencyKey;
  }

  override get retry(): RetryAdvice {
    return 'never';
  }
}

/** Thrown when a journal cannot be opened, read or written. Nothing was sent afterwards. */
export class JournalError extends WaveSpeedError {
  protected static override readonly className: string = 'JournalError';
  override readonly name = 'JournalError' as const;

  override get retry(): RetryAdvice {
    return laterUnlessTask(this);
  }
}
