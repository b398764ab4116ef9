/** Errors of a task: unknown submit outcome, failure, timeout or abort of a wait. */
import type { Prediction } from '../prediction.js';
import { toJson } from '../reason.js';
import { describeServiceCode, readServiceCode, type ServiceCode } from '../service-codes.js';
import { getErrorMessage } from '../../utils/error-message.js';
import { checkSignal, ms, readOptions } from '../validate-options.js';
import { laterUnlessTask, type RetryAdvice, WaveSpeedError, type WaveSpeedErrorOptions } from './base.js';

/** A task that a submit with an unknown outcome may have started. */
export type Candidate = Prediction & {
  /** `true`: its input equals the submitted one. `false`: it differs. `undefined`: the service does not return its input. */
  exactMatch?: boolean;
};

/** Options of `error.candidates()`. */
export interface CandidatesOptions {
  signal?: AbortSignal | undefined;
  /** Time limit of the search, in milliseconds. @default 60_000 */
  timeoutMs?: number | undefined;
}

const CANDIDATES_OPTIONS = { signal: { check: checkSignal }, timeoutMs: { check: ms } };

export interface SubmissionUnknownErrorOptions extends WaveSpeedErrorOptions {
  model: string;
  input: unknown;
  submittedAt: Date;
  certainAt?: Date | undefined;
  idempotencyKey?: string | undefined;
  /** Whether the history has been read after `certainAt`: calling again does not help. */
  isFinal?: boolean | undefined;
  candidates: (options?: CandidatesOptions) => Promise<Candidate[]>;
}

/** Time limit of a request, and how long the history may lag behind it. */
const CERTAIN_AFTER_MS = 60_000 + 30_000;

/**
 * Thrown when a submit may or may not have been accepted and charged. It was sent once and is not repeated.
 * Call `candidates()` before you submit again. `predictionId` is set if the response contained the id.
 *
 * @example
 * if (SubmissionUnknownError.isInstance(error)) {
 *   const matches = (await error.candidates()).filter((task) => task.exactMatch === true);
 *   if (matches.length !== 1) throw error;
 *   video = await kling.wait(matches[0].id);
 * }
 */
export class SubmissionUnknownError extends WaveSpeedError {
  protected static override readonly className: string = 'SubmissionUnknownError';
  override readonly name = 'SubmissionUnknownError' as const;

  readonly model: string;
  /** The request body as sent. */
  readonly input: unknown;
  /** Start time of the POST, by the local clock. */
  readonly submittedAt: Date;
  /**
   * From this time on, by the local clock, a history without such a task proves that there is none. Before it, the outcome is not
   * decided: call again with the same idempotency key after it.
   */
  readonly certainAt: Date;
  /** The call's key: after `certainAt`, calling again with it is safe. */
  readonly idempotencyKey: string | undefined;
  readonly #isFinal: boolean;
  readonly #candidates: SubmissionUnknownErrorOptions['candidates'];

  constructor(message: string, options: SubmissionUnknownErrorOptions) {
    super(message, options);
    this.model = options.model;
    this.input = options.input;
    this.submittedAt = options.submittedAt;
    this.certainAt = options.certainAt ?? new Date(options.submittedAt.getTime() + CERTAIN_AFTER_MS);
    this.idempotencyKey = options.idempotencyKey;
    this.#isFinal = options.isFinal ?? false;
    this.#candidates = options.candidates;
  }

  /**
   * Lists the tasks that this submit may have started: the account's tasks on this model from the minutes around it, except
   * those that this client started otherwise. Use one only if it is the only one with `exactMatch === true`. In the first
   * seconds an empty list proves nothing: call again.
   *
   * @throws {ConfigurationError} for a bad option; {RequestTimeoutError} after `timeoutMs`; what `list` throws.
   */
  async candidates(options: CandidatesOptions = {}): Promise<Candidate[]> {
    return this.#candidates(readOptions(options, CANDIDATES_OPTIONS));
  }

  override get retry(): RetryAdvice {
    return this.idempotencyKey === undefined || this.#isFinal ? super.retry : laterUnlessTask(this);
  }
}

const AFTER_FAILED = ' The service refunds a failed task within 3 hours.';
const AFTER_COMPLETED = ' It was charged: look at error.prediction, and at the task on https://wavespeed.ai.';

/** Thrown when a task ended without a video: `failed`, `cancelled`, `timeout`, `deleted`, or completed without output. */
export class PredictionFailedError extends WaveSpeedError {
  protected static override readonly className: string = 'PredictionFailedError';
  override readonly name = 'PredictionFailedError' as const;
  declare readonly predictionId: string;

  /** The final task. */
  readonly prediction: Prediction;
  /** The service's code, if the task has one: 1200 content moderation, 1402 media not fetched, 5004 timeout, … */
  readonly code: ServiceCode | undefined;

  constructor(prediction: Prediction, options?: WaveSpeedErrorOptions) {
    const isCompleted = prediction.status === 'completed';
    const raw = prediction.raw_outputs;
    const shown = raw === undefined ? '' : `, no URL found in ${toJson(raw, 200)}`;
    const how = isCompleted ? `completed with no output${shown}` : prediction.status;
    const code = readServiceCode(prediction.code);
    const meaning = describeServiceCode(code);
    const trail = code === undefined ? '' : ` [${meaning === undefined ? '' : `${meaning}, `}code ${code}]`;
    const why = prediction.error === '' ? '' : `: ${prediction.error.replace(/[.\s]+$/, '')}`;
    super(
      `Task ${prediction.id} ended without a video (${how})${why}${trail}.${isCompleted ? AFTER_COMPLETED : AFTER_FAILED}`,
      { ...options, predictionId: prediction.id },
    );
    this.prediction = prediction;
    this.code = code;
  }

  override get retry(): RetryAdvice {
    return 'never';
  }
}

/** Thrown when `timeoutMs` elapsed. The task continues: resume with `wait(error.predictionId)`. */
export class WaitTimeoutError extends WaveSpeedError {
  protected static override readonly className: string = 'WaitTimeoutError';
  override readonly name = 'WaitTimeoutError' as const;
  declare readonly predictionId: string;

  /** The last polled task. Undefined if no poll succeeded. */
  readonly lastPrediction: Prediction | undefined;
  /** Duration of the wait, in milliseconds. */
  readonly elapsedMs: number;

  constructor(
    options: WaveSpeedErrorOptions & {
      predictionId: string;
      lastPrediction?: Prediction | undefined;
      elapsedMs: number;
    },
  ) {
    const { predictionId, lastPrediction, elapsedMs, cause } = options;
    const status = lastPrediction?.status ?? 'unknown';
    const outputs =
      (lastPrediction?.outputs.length ?? 0) > 0 ? ', but it has outputs: see lastPrediction' : '';
    const why =
      cause === undefined ? '' : `, last poll failed: ${getErrorMessage(cause).replace(/[.\s]+$/, '')}`;
    super(
      `Task ${predictionId} did not end within ${Math.round(elapsedMs)} ms (last status: ${status}${outputs}${why}). ` +
        `The task continues and has been charged: resume with wait('${predictionId}').`,
      options,
    );
    this.lastPrediction = lastPrediction;
    this.elapsedMs = elapsedMs;
  }
}

/** Thrown when the signal aborts after the task was accepted. The task continues: resume with `wait(error.predictionId)`. */
export class WaitAbortedError extends WaveSpeedError {
  protected static override readonly className: string = 'WaitAbortedError';
  /** `AbortError`, the usual name for an abort. */
  override readonly name = 'AbortError' as const;
  declare readonly predictionId: string;

  constructor(predictionId: string, reason: unknown) {
    super(
      `Aborted. Task ${predictionId} continues and has been charged: resume with wait('${predictionId}').`,
      {
        cause: reason,
        predictionId,
      },
    );
  }
}
