/** Errors of a task: submitted with an unknown outcome, failed, or not waited for any longer. */
import type { Prediction } from '../prediction.js';
import { describeServiceCode, readServiceCode, type ServiceCode } from '../service-codes.js';
import { checkMs, checkSignal, copyOptions } from '../validate-options.js';
import { WaveSpeedError, type WaveSpeedErrorOptions } from './base.js';

/** A task of the account that may be the one a lost submit started. */
export type Candidate = Prediction & {
  /** `true`: its input is the one submitted. `false`: it differs. `undefined`: the service does not show its input. */
  exactMatch?: boolean;
};

/** Options of `error.candidates()`. */
export interface CandidatesOptions {
  signal?: AbortSignal | undefined;
  /** Time limit of the search, in milliseconds. @default 60_000 */
  timeoutMs?: number | undefined;
}

export interface SubmissionUnknownErrorOptions extends WaveSpeedErrorOptions {
  model: string;
  input: unknown;
  submittedAt: Date;
  candidates: (options?: CandidatesOptions) => Promise<Candidate[]>;
}

/**
 * Thrown when a submit may or may not have been accepted and charged. It was sent once and is not repeated.
 * Call `candidates()` before you submit again. `predictionId` is set where the response named the task.
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
  /** The request body, as it was sent. */
  readonly input: unknown;
  /** When the POST began, by the clock of this machine. */
  readonly submittedAt: Date;
  readonly #candidates: SubmissionUnknownErrorOptions['candidates'];

  constructor(message: string, options: SubmissionUnknownErrorOptions) {
    super(message, options);
    this.model = options.model;
    this.input = options.input;
    this.submittedAt = options.submittedAt;
    this.#candidates = options.candidates;
  }

  /**
   * Lists the tasks that this submit may have started: tasks of the account on this model from the minutes around it, without
   * those this client started otherwise. Take one only if `exactMatch === true` and no other has it. An empty list
   * proves nothing in the first seconds: ask again.
   *
   * @throws {ConfigurationError} for a bad option; {RequestTimeoutError} after `timeoutMs`; what `list` throws.
   */
  async candidates(options: CandidatesOptions = {}): Promise<Candidate[]> {
    const { signal, timeoutMs } = copyOptions(options, ['signal', 'timeoutMs']);
    checkSignal(signal);
    checkMs('timeoutMs', timeoutMs);
    return this.#candidates({ signal, timeoutMs });
  }
}

/** Thrown when a task ended without a video: `failed`, `cancelled`, `timeout`, `deleted`, or completed without output. */
export class PredictionFailedError extends WaveSpeedError {
  protected static override readonly className: string = 'PredictionFailedError';
  override readonly name = 'PredictionFailedError' as const;
  declare readonly predictionId: string;

  /** The task as it ended. */
  readonly prediction: Prediction;
  /** The service's code, where the task has one: 1200 content moderation, 1402 media not fetched, 5004 timeout, … */
  readonly code: ServiceCode | undefined;

  constructor(prediction: Prediction, options?: WaveSpeedErrorOptions) {
    const how = prediction.status === 'completed' ? 'completed with no output' : prediction.status;
    const code = readServiceCode(prediction.code);
    const meaning = describeServiceCode(code);
    const trail = code === undefined ? '' : ` [${meaning === undefined ? '' : `${meaning}, `}code ${code}]`;
    const why = prediction.error === '' ? '' : `: ${prediction.error.replace(/[.\s]+$/, '')}`;
    super(
      `Task ${prediction.id} ended without a video (${how})${why}${trail}. The service refunds a failed task within 3 hours.`,
      { ...options, predictionId: prediction.id },
    );
    this.prediction = prediction;
    this.code = code;
  }
}

/** Thrown when `timeoutMs` ran out. The task goes on: `wait(error.predictionId)` resumes. */
export class WaitTimeoutError extends WaveSpeedError {
  protected static override readonly className: string = 'WaitTimeoutError';
  override readonly name = 'WaitTimeoutError' as const;
  declare readonly predictionId: string;

  /** The task as last seen. Undefined if no poll succeeded. */
  readonly lastPrediction: Prediction | undefined;
  /** How long the call waited, in milliseconds. */
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
        `${lastPrediction?.status ?? 'unknown'}). The task goes on and is paid for: resume with wait('${predictionId}').`,
      options,
    );
    this.lastPrediction = lastPrediction;
    this.elapsedMs = elapsedMs;
  }
}

/** Thrown when the signal aborts after the task was accepted. The task goes on: `wait(error.predictionId)` resumes. */
export class WaitAbortedError extends WaveSpeedError {
  protected static override readonly className: string = 'WaitAbortedError';
  /** As of every abort, so that `error.name === 'AbortError'` holds. */
  override readonly name = 'AbortError' as const;
  declare readonly predictionId: string;

  constructor(predictionId: string, reason: unknown) {
    super(`Aborted. Task ${predictionId} goes on and is paid for: resume with wait('${predictionId}').`, {
      cause: reason,
      predictionId,
    });
  }
}
