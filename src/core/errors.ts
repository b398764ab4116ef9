/**
 * Every error this library rejects with: one base class, recognised across two loaded copies of the library.
 */
import type { Prediction } from './prediction.js';

/** Holds, on each class's prototype, the names of the class and its parents: what two copies agree on. */
const LINEAGE = Symbol.for('wavespeed-kling.error');

type Branded = { [LINEAGE]?: readonly string[] };

/**
 * Gives a class its literal name (a minifier may rename the class itself) and its place in the family. A class without
 * children declares that name as its type as well, so that `error.name === 'RateLimitError'` narrows.
 */
function brand(errorClass: { prototype: WaveSpeedError }, name: string): void {
  const lineage = [...((errorClass.prototype as Branded)[LINEAGE] ?? []), name];
  Object.defineProperties(errorClass.prototype, {
    name: { value: name, writable: true, configurable: true },
    [LINEAGE]: { value: lineage },
  });
}

/** Gives a text for whatever was thrown: there are values that String() itself throws at. */
export function textOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return `a value of type ${typeof thrown}`;
  }
}

/** Takes the query off every URL in a text, whatever its scheme, paths too: a signed URL's query is a secret. */
function withoutQueries(text: string): string {
  return text.replace(/[^\s"<>]+/g, (word) => {
    const mark = word.indexOf('?');
    // The mark of a question ends its word, or stands in no path.
    const isQuery = mark !== -1 && /[/=]/.test(word) && /[\p{L}\p{N}]/u.test(word.slice(mark));
    return isQuery ? `${word.slice(0, mark)}?…` : word;
  });
}

/** What every error takes beside its message. */
export interface WaveSpeedErrorOptions {
  /** What lay behind it. */
  cause?: unknown;
  /** The task it is about, once there is one. */
  predictionId?: string | undefined;
}

/**
 * Is the parent of every error this library rejects with, aborts excepted (those reject with `signal.reason`).
 * `instanceof` and `isInstance` also recognise errors from another loaded copy (ESM beside CommonJS).
 *
 * @example
 * try { await kling.run(model, input); } catch (error) {
 *   if (WaveSpeedError.isInstance(error) && error.predictionId) await kling.wait(error.predictionId);
 * }
 */
export class WaveSpeedError extends Error {
  static {
    brand(this, 'WaveSpeedError');
  }

  /** The task this is about: set on every error that comes after a submit was accepted. */
  declare predictionId?: string;

  constructor(message: string, options: WaveSpeedErrorOptions = {}) {
    const { predictionId } = options;
    const hint =
      predictionId === undefined || message.includes('resume with wait(')
        ? ''
        : ` Task ${predictionId} is not lost: resume with wait('${predictionId}').`;
    const text = withoutQueries(message);
    // What a service says need not end as a sentence does.
    const stop = hint === '' || /[.!?…]$/.test(text) ? '' : '.';
    super(text + stop + hint, 'cause' in options ? { cause: options.cause } : undefined);
    if (predictionId !== undefined) this.predictionId = predictionId;
  }

  /** Tells whether a value is an error of this class, from this copy of the library or another. */
  static isInstance<T>(this: abstract new (...args: never[]) => T, value: unknown): value is T {
    return value instanceof this;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A class derived outside this file has no name of its own in the lineage: the language's own rule is right for it.
    if (!Object.hasOwn(this.prototype, LINEAGE)) {
      return Function.prototype[Symbol.hasInstance].call(this, value);
    }
    const lineage = typeof value === 'object' && value !== null ? (value as Branded)[LINEAGE] : undefined;
    return lineage?.includes(this.prototype.name) ?? false;
  }
}

/** Says that the client was set up or called wrongly: no key, a bad option, a closed client. Nothing was sent. */
export class ConfigurationError extends WaveSpeedError {
  static {
    brand(this, 'ConfigurationError');
  }

  declare readonly name: 'ConfigurationError';
}

/** One thing wrong with an input. */
export interface InputIssue {
  /** Where it is: `['images', 2]`; empty for the input as a whole. */
  path: (string | number)[];
  /** Which field, what was given, what is allowed. */
  message: string;
}

/** Says that the schema refused the input. Nothing was sent. */
export class InvalidInputError extends WaveSpeedError {
  static {
    brand(this, 'InvalidInputError');
  }

  declare readonly name: 'InvalidInputError';

  /** Everything found wrong, in the order of the fields. */
  readonly issues: readonly InputIssue[];

  constructor(subject: string, issues: readonly InputIssue[], options?: WaveSpeedErrorOptions) {
    super(
      `Invalid input for ${subject}; nothing was sent.\n${issues.map((issue) => `  - ${issue.message}`).join('\n')}`,
      options,
    );
    this.issues = issues;
  }
}

/** Says that the task would cost more than `maxCost`. Nothing was uploaded or sent. */
export class BudgetExceededError extends WaveSpeedError {
  static {
    brand(this, 'BudgetExceededError');
  }

  declare readonly name: 'BudgetExceededError';

  /** What the task would cost, in US dollars. */
  readonly cost: number;
  /** The limit it is over, in US dollars. */
  readonly maxCost: number;

  constructor(cost: number, maxCost: number, options?: WaveSpeedErrorOptions) {
    super(
      `This would cost $${cost}, over the maxCost of $${maxCost}; nothing was sent. ` +
        'Shorten `duration`, leave out `video`, or raise `maxCost`.',
      options,
    );
    this.cost = cost;
    this.maxCost = maxCost;
  }
}

/** What the service answered when it said no. */
export interface ApiErrorOptions extends WaveSpeedErrorOptions {
  /** The HTTP status, or the envelope's `code` where the HTTP status was a success. */
  status: number;
  /** The envelope's `error_code` or, without one, its `code`. */
  code?: string | number | undefined;
  requestId?: string | undefined;
  /** The parsed JSON, or the text as it came. */
  body?: unknown;
}

/** Says that the service answered no; a class of its own for each status that calls for its own handling. */
export class ApiError extends WaveSpeedError {
  static {
    brand(this, 'ApiError');
  }

  /** The HTTP status, or the envelope's `code` where the HTTP status was a success. */
  readonly status: number;
  /** The envelope's `error_code` or, without one, its `code`; undefined when the answer was not the API's. */
  readonly code: string | number | undefined;
  /** The `x-request-id` header, for WaveSpeed's support. */
  readonly requestId: string | undefined;
  /** The parsed JSON of the answer, or its text. */
  readonly body: unknown;

  constructor(message: string, options: ApiErrorOptions) {
    super(message, options);
    this.status = options.status;
    this.code = options.code;
    this.requestId = options.requestId;
    this.body = options.body;
  }
}

/** 401: the key is missing, wrong or revoked. */
export class AuthenticationError extends ApiError {
  static {
    brand(this, 'AuthenticationError');
  }

  declare readonly name: 'AuthenticationError';
}

/** 402: the account has too little credit. */
export class InsufficientCreditsError extends ApiError {
  static {
    brand(this, 'InsufficientCreditsError');
  }

  declare readonly name: 'InsufficientCreditsError';
}

/** 403: the key may not do this. */
export class PermissionError extends ApiError {
  static {
    brand(this, 'PermissionError');
  }

  declare readonly name: 'PermissionError';
}

/** 404: no such task, or it is older than the 7 days the service keeps them. */
export class NotFoundError extends ApiError {
  static {
    brand(this, 'NotFoundError');
  }

  declare readonly name: 'NotFoundError';
}

/** 429: too many starts in a minute, or too many tasks at once, for the account's level. */
export class RateLimitError extends ApiError {
  static {
    brand(this, 'RateLimitError');
  }

  declare readonly name: 'RateLimitError';

  /** How long the service asked to wait, in milliseconds; undefined when it did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: ApiErrorOptions & { retryAfterMs?: number | undefined }) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** 5xx: the service or a gateway before it failed. */
export class ServerError extends ApiError {
  static {
    brand(this, 'ServerError');
  }

  declare readonly name: 'ServerError';
}

/** Says that no answer came: the connection could not be made, or broke. */
export class ConnectionError extends WaveSpeedError {
  static {
    brand(this, 'ConnectionError');
  }

  declare readonly name: 'ConnectionError';

  /** The system's or undici's code, such as `ECONNREFUSED` or `UND_ERR_SOCKET`. */
  readonly code: string | undefined;

  constructor(message: string, options: WaveSpeedErrorOptions & { code?: string | undefined } = {}) {
    super(message, options);
    this.code = options.code;
  }
}

/** Says that an answer did not come whole within `requestTimeoutMs`, or that `timeoutMs` ran out before a task was submitted. */
export class RequestTimeoutError extends WaveSpeedError {
  static {
    brand(this, 'RequestTimeoutError');
  }

  declare readonly name: 'RequestTimeoutError';
}

/** Says that an answer came that is not the API's: not JSON, cut short, a redirect, or without its data. */
export class InvalidResponseError extends WaveSpeedError {
  static {
    brand(this, 'InvalidResponseError');
  }

  declare readonly name: 'InvalidResponseError';

  /** The HTTP status it came with. */
  readonly status: number | undefined;
  /** The text as it came, as far as it came. */
  readonly body: unknown;

  constructor(message: string, options: WaveSpeedErrorOptions & { status?: number; body?: unknown } = {}) {
    super(message, options);
    this.status = options.status;
    this.body = options.body;
  }
}

/** A task of the account that may be the one a lost submit started. */
export type Candidate = Prediction & {
  /** Whether its `input` is exactly the one submitted; undefined where the service does not give the input back. */
  exactMatch?: boolean;
};

/** What a lost submit leaves behind. */
export interface SubmissionUnknownErrorOptions extends WaveSpeedErrorOptions {
  model: string;
  /** The body as it was sent. */
  input: unknown;
  /** When the POST began. */
  submittedAt: Date;
  /** Looks the account's tasks up. */
  candidates: () => Promise<Candidate[]>;
}

/**
 * Says that a submit may or may not have been accepted (and paid): it was sent once, not again, and its outcome is
 * open. Look with `candidates()` before you submit again. `predictionId` is set when the answer still came, even
 * after this error was thrown.
 *
 * @example
 * if (SubmissionUnknownError.isInstance(error)) {
 *   const task = (await error.candidates()).find((one) => one.exactMatch !== false);
 *   if (task === undefined) throw error;
 *   video = await kling.wait(task.id);
 * }
 */
export class SubmissionUnknownError extends WaveSpeedError {
  static {
    brand(this, 'SubmissionUnknownError');
  }

  declare readonly name: 'SubmissionUnknownError';

  /** The model submitted to. */
  readonly model: string;
  /** The body as it was sent. */
  readonly input: unknown;
  /** When the POST began, by this machine's clock. */
  readonly submittedAt: Date;
  readonly #candidates: () => Promise<Candidate[]>;

  constructor(message: string, options: SubmissionUnknownErrorOptions) {
    super(message, options);
    this.model = options.model;
    this.input = options.input;
    this.submittedAt = options.submittedAt;
    this.#candidates = options.candidates;
  }

  /**
   * Lists what the account started on this model since `submittedAt`, newest first, less what this client knows as
   * its own. The newest is not always yours: another machine may have started it, so leave out those whose `exactMatch`
   * is false. An empty list means that the submit was not accepted only some seconds after it: ask again until then.
   *
   * @throws what `list` throws.
   */
  candidates(): Promise<Candidate[]> {
    return this.#candidates();
  }
}

/** Says that the task ended without a video: `failed`, `cancelled`, `timeout`, `deleted`, or completed with no output. */
export class PredictionFailedError extends WaveSpeedError {
  static {
    brand(this, 'PredictionFailedError');
  }

  declare readonly name: 'PredictionFailedError';

  /** The task as it ended. */
  readonly prediction: Prediction;

  constructor(prediction: Prediction, options?: WaveSpeedErrorOptions) {
    const how = prediction.status === 'completed' ? 'completed with no output' : prediction.status;
    const why = prediction.error === '' ? '' : `: ${prediction.error}`;
    super(
      `Task ${prediction.id} ended without a video (${how})${why}. The service refunds a failed task within 3 hours.`,
      options,
    );
    // Set here and not above: there is nothing to resume.
    this.predictionId = prediction.id;
    this.prediction = prediction;
  }
}

/** Says that we stopped waiting; the task goes on, and `wait(error.predictionId)` takes it up again. */
export class WaitTimeoutError extends WaveSpeedError {
  static {
    brand(this, 'WaitTimeoutError');
  }

  declare readonly name: 'WaitTimeoutError';

  declare readonly predictionId: string;
  /** The task as it was last seen; undefined when no poll was answered. */
  readonly lastPrediction: Prediction | undefined;
  /** How long we waited, in milliseconds. */
  readonly elapsedMs: number;

  constructor(
    options: WaveSpeedErrorOptions & {
      predictionId: string;
      lastPrediction?: Prediction | undefined;
      elapsedMs: number;
    },
  ) {
    const { predictionId, lastPrediction, elapsedMs } = options;
    super(
      `Task ${predictionId} did not end within ${Math.round(elapsedMs)} ms (last status: ` +
        `${lastPrediction?.status ?? 'unknown'}). It goes on, and is paid for: resume with wait('${predictionId}').`,
      options,
    );
    this.lastPrediction = lastPrediction;
    this.elapsedMs = elapsedMs;
  }
}

/** Which check a webhook did not pass. */
export type WebhookVerificationReason =
  | 'invalid_secret'
  | 'parsed_body'
  | 'body_too_large'
  | 'unreadable_body'
  | 'missing_header'
  | 'invalid_timestamp'
  | 'timestamp_too_old'
  | 'timestamp_too_new'
  | 'invalid_signature_format'
  | 'signature_mismatch'
  | 'invalid_payload';

/** Says that a webhook is not to be trusted, and which check it did not pass. */
export class WebhookVerificationError extends WaveSpeedError {
  static {
    brand(this, 'WebhookVerificationError');
  }

  declare readonly name: 'WebhookVerificationError';

  /** The check it did not pass. */
  readonly reason: WebhookVerificationReason;

  constructor(reason: WebhookVerificationReason, message: string, options?: WaveSpeedErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Why a file could not be uploaded. */
export type UploadErrorReason =
  /** It changed while it was read. */
  | 'changed'
  /** It could no longer be read. */
  | 'unreadable'
  /** The storage that the service named did not take it. */
  | 'refused';

/**
 * Says that a file that was fit to be uploaded could not be: it changed, could no longer be read, or was not taken.
 * Nothing was submitted. (A file that is not fit is an `InvalidInputError`; where the service or the network failed,
 * the error is theirs.)
 */
export class UploadError extends WaveSpeedError {
  static {
    brand(this, 'UploadError');
  }

  declare readonly name: 'UploadError';

  /** What went wrong. */
  readonly reason: UploadErrorReason;
  /** The file's name in quotes, or what kind of Blob it is. */
  readonly file: string;
  /** The HTTP status, where the file was refused. */
  readonly status: number | undefined;

  constructor(
    reason: UploadErrorReason,
    file: string,
    problem: string,
    options: WaveSpeedErrorOptions & { status?: number | undefined } = {},
  ) {
    super(`Uploading ${file}: ${problem}.`, options);
    this.reason = reason;
    this.file = file;
    this.status = options.status;
  }
}

/** Why a file could not be downloaded. */
export type DownloadErrorReason =
  /** A file of that name is there already, and `overwrite` was not asked for. */
  | 'exists'
  /** 403, 404 or 410: the service keeps outputs for 7 days. */
  | 'expired'
  /** The server gave another answer than the file. */
  | 'refused'
  /** What came is not a video or an image: a web page, say. */
  | 'not_media'
  /** It broke off, again and again, or its length could not be checked. */
  | 'incomplete'
  /** No space is left where it is to be written. */
  | 'disk_full'
  /** It could not be written for another reason: see the cause. */
  | 'write_failed';

/** Says that a file could not be downloaded; nothing of it was left in the directory. */
export class DownloadError extends WaveSpeedError {
  static {
    brand(this, 'DownloadError');
  }

  declare readonly name: 'DownloadError';

  /** What went wrong. */
  readonly reason: DownloadErrorReason;
  /** The file it was to become; without its ending where that was not known yet. */
  readonly path: string;
  /** The HTTP status, where the answer was not the file. */
  readonly status: number | undefined;

  constructor(
    reason: DownloadErrorReason,
    message: string,
    options: WaveSpeedErrorOptions & { path: string; status?: number | undefined },
  ) {
    // Without the task's id, of which the parent would say that `wait` takes it up: here there is nothing to wait for.
    super(message, 'cause' in options ? { cause: options.cause } : {});
    if (options.predictionId !== undefined) this.predictionId = options.predictionId;
    this.reason = reason;
    this.path = options.path;
    this.status = options.status;
  }
}
