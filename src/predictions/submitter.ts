/** Submits tasks: uploads, waits for its turn, posts, and tells the tasks of concurrent calls apart. */
import {
  BudgetExceededError,
  type Candidate,
  type CandidatesOptions,
  RateLimitError,
  RequestTimeoutError,
  SubmissionUnknownError,
} from '../core/errors/index.js';
import { isTerminal, type Prediction } from '../core/prediction.js';
import type { ApiClient } from '../http/api-client.js';
import { type Limits, RateLimiter, type Slot } from '../http/rate-limiter.js';
import { isRetryableSubmit, type OnRetry, retry } from '../http/retry.js';
import type { UploadManager } from '../media/upload-manager.js';
import { estimateCost } from '../models/estimate-cost.js';
import { type PreparedInput, replaceMedia } from '../models/prepare-input.js';
import { type Deadline, withDeadline } from '../utils/with-deadline.js';
import { invokeCallback, toAbortError } from './callbacks.js';
import type { LostRequest } from './find-candidates.js';
import { type Guard } from './journal/submit-with-key.js';
import { KeyedTasks, type KeySettings } from './keyed-tasks.js';
import type { SubmitOptions } from './options.js';
import type { TaskReader } from './reader.js';
import { type Accepted, type Submission, submitOnce } from './submit.js';
import { type PendingSubmit, SubmitRegistry } from './submit-registry.js';
import type { TaskWaiter } from './waiter.js';

export interface SubmitterSettings extends KeySettings {
  maxRetries: number;
  maxCost: number;
  timeoutMs: number;
  limits: Limits;
  onRetry: OnRetry | undefined;
}

export interface SubmitterDependencies {
  settings: SubmitterSettings;
  http: ApiClient;
  uploads: UploadManager;
  reader: TaskReader;
  waiter: TaskWaiter;
}

/** A submitted task that has a place among the running ones. */
export interface Submitted {
  prediction: Prediction;
  slot: Slot;
  /** By `performance.now()`. */
  deadlineAt: number;
}

/** One attempt to submit. */
interface Attempt {
  firstSlot: Slot | undefined;
  isRetry: boolean;
  stopped: AbortSignal | undefined;
  guard: Guard;
}

/** How long `candidates()` waits for other submits of the same input, in milliseconds. */
const TWINS_TIMEOUT_MS = 2000;
/** How long `onSubmitted` may take after an abort, in milliseconds. */
const LATE_CALLBACK_MS = 5000;

export class TaskSubmitter {
  readonly #settings: SubmitterSettings;
  readonly #http: ApiClient;
  readonly #uploads: UploadManager;
  readonly #reader: TaskReader;
  readonly #waiter: TaskWaiter;
  readonly #limiter: RateLimiter;
  readonly #registry = new SubmitRegistry();
  readonly keys: KeyedTasks;

  constructor({ settings, http, uploads, reader, waiter }: SubmitterDependencies) {
    this.#settings = settings;
    this.#http = http;
    this.#uploads = uploads;
    this.#reader = reader;
    this.#waiter = waiter;
    this.#limiter = new RateLimiter(settings.limits);
    this.keys = new KeyedTasks(settings, {
      findCandidates: (lost, options) => reader.findCandidates(lost, options, () => false),
      getClockSkewMs: () => http.clockSkewMs,
    });
  }

  /** Gives a task that already runs a place among the running ones. */
  track(id: string): Slot {
    this.#registry.remember(id);
    return this.#limiter.track();
  }

  /**
   * @param deadlineAt by `performance.now()`: nothing is submitted after it.
   * @param stopped for a request of a batch: aborts with its signal, or before that if the batch may start nothing more.
   */
  async submit(
    prepared: PreparedInput,
    options: SubmitOptions & { timeoutMs?: number | undefined },
    deadlineAt: number,
    stopped?: AbortSignal,
  ): Promise<Submitted> {
    const { model } = prepared;
    const { signal, onSubmitted } = options;
    this.#checkCost(prepared, options.maxCost);
    const startSignal = stopped ?? signal;
    startSignal?.throwIfAborted();
    const timeoutMs = options.timeoutMs ?? this.#settings.timeoutMs;
    const deadline: Deadline = { at: deadlineAt, reason: () => createDeadlineError(model.id, timeoutMs) };
    const prepareBody = async () => {
      const urls = await withDeadline(deadline, startSignal, (limited) =>
        this.#uploads.uploadAll(model.id, prepared.local, limited, options.maxRetries),
      );
      return replaceMedia(prepared, urls);
    };
    const { prediction, abortError, slot } = await this.#accept(prepared, options, deadline, {
      stopped,
      prepareBody,
    });
    try {
      const isAborted = abortError !== undefined;
      const callbackDeadline = isAborted ? performance.now() + LATE_CALLBACK_MS : deadline.at;
      await invokeCallback(
        'onSubmitted',
        onSubmitted,
        prediction,
        isAborted ? undefined : signal,
        callbackDeadline,
      );
    } catch (error) {
      slot.release();
      throw abortError ?? toAbortError(error, prediction.id, signal);
    }
    if (abortError === undefined) return { prediction, slot, deadlineAt: deadline.at };
    slot.release();
    throw abortError;
  }

  /** Submits, or finds the task of the idempotency key. */
  async #accept(
    prepared: PreparedInput,
    options: SubmitOptions,
    deadline: Deadline,
    { stopped, prepareBody }: { stopped: AbortSignal | undefined; prepareBody: () => Promise<unknown> },
  ): Promise<Accepted & { slot: Slot }> {
    const { idempotencyKey, signal } = options;
    if (idempotencyKey === undefined) {
      return this.#postInTurn(prepared, await prepareBody(), options, deadline, stopped);
    }
    let own: (Accepted & { slot: Slot }) | undefined;
    let slot: Slot | undefined;
    try {
      const startOptions = { ...options, signal: stopped ?? signal };
      const task = await this.keys.submit(idempotencyKey, prepared, startOptions, deadline, {
        prepareBody,
        submit: async (body, guard) => {
          own = await this.#postInTurn(prepared, body, options, deadline, stopped, guard);
          slot = own.slot;
          return own.prediction;
        },
      });
      const { predictionId } = task;
      if (own?.prediction.id === predictionId) return own;
      slot?.release();
      slot = this.track(predictionId);
      try {
        const prediction =
          task.prediction ?? (await this.#waiter.look(predictionId, signal, this.#lookUntil(deadline)));
        if (isTerminal(prediction.status))
          await this.keys.recordEnd(idempotencyKey, prediction, { deadline, signal });
        return { prediction, abortError: undefined, slot };
      } catch (error) {
        throw toAbortError(error, predictionId, signal);
      }
    } catch (error) {
      slot?.release();
      throw error;
    }
  }

  /** Submits: in its turn, and again where it is proven that nothing was accepted. */
  async #postInTurn(
    prepared: PreparedInput,
    body: unknown,
    options: SubmitOptions,
    deadline: Deadline,
    stopped: AbortSignal | undefined,
    guard: Guard = (post) => post(() => undefined),
  ): Promise<Accepted & { slot: Slot }> {
    let firstSlot: Slot | undefined;
    if (stopped !== undefined) {
      // The time limit does not count the wait for the first turn.
      const queuedAt = performance.now();
      firstSlot = await this.#limiter.acquire(stopped, Infinity);
      deadline.at += performance.now() - queuedAt;
    }
    const { maxRetries: clientRetries, onRetry } = this.#settings;
    const maxRetries = options.maxRetries ?? clientRetries;
    let failures = 0;
    let attempts = 0;
    const attempt = () => {
      const isRetry = attempts++ > 0;
      return this.#post(prepared, body, options, deadline, {
        firstSlot: isRetry ? undefined : firstSlot,
        isRetry,
        stopped,
        guard,
      });
    };
    return retry(attempt, {
      operation: 'submit',
      shouldRetry: (error) =>
        isRetryableSubmit(error) &&
        // A request of a batch waits for its turn as long as it has time.
        ((stopped !== undefined && error instanceof RateLimitError) || failures++ < maxRetries),
      maxRetries: Infinity,
      signal: stopped ?? options.signal,
      deadlineAt: deadline.at,
      onRetry,
    });
  }

  /** Makes one attempt in its turn. */
  async #post(
    { model }: PreparedInput,
    body: unknown,
    { signal, webhookUrl }: SubmitOptions,
    deadline: Deadline,
    { firstSlot, isRetry, stopped, guard }: Attempt,
  ): Promise<Accepted & { slot: Slot }> {
    const acquire = (limited: AbortSignal | undefined) =>
      this.#limiter.acquire(limited, deadline.at, isRetry);
    const slot = firstSlot ?? (await withDeadline(deadline, stopped ?? signal, acquire));
    const pending = this.#registry.begin(model.id, body);
    try {
      const submission: Submission = {
        model: model.id,
        body,
        webhookUrl,
        signal,
        deadline,
        candidates: (submittedAt, found) =>
          this.#candidates({ model, input: body, from: submittedAt, until: new Date() }, pending, found),
      };
      const accepted = await guard((checkMark) => {
        const beforeSend = () => {
          stopped?.throwIfAborted();
          checkMark();
          slot.markSent();
        };
        return submitOnce(this.#http, { ...submission, beforeSend });
      });
      this.#registry.end(pending, { predictionId: accepted.prediction.id, isLost: false });
      slot.markSubmitted();
      return { ...accepted, slot };
    } catch (error) {
      const isLost = error instanceof SubmissionUnknownError;
      this.#registry.end(pending, { predictionId: isLost ? error.predictionId : undefined, isLost });
      slot.markSubmitted(error);
      slot.release();
      throw error;
    }
  }

  /** A call without a time limit of its own looks as long as one request may take. */
  #lookUntil({ at }: Deadline): number {
    return at === Infinity ? performance.now() + this.#settings.requestTimeoutMs : at;
  }

  async #candidates(
    lost: LostRequest,
    pending: PendingSubmit,
    options: CandidatesOptions = {},
  ): Promise<Candidate[]> {
    const patienceMs = Math.min(TWINS_TIMEOUT_MS, options.timeoutMs ?? Infinity);
    const patience = { at: performance.now() + patienceMs, reason: () => undefined };
    await withDeadline(patience, options.signal, (limited) =>
      this.#registry.twinsSettled(pending, limited),
    ).catch(() => undefined);
    options.signal?.throwIfAborted();
    const isKnown = (id: string) => this.#registry.isOfAnother(pending, id);
    return this.#registry.assign(pending, await this.#reader.findCandidates(lost, options, isKnown));
  }

  #checkCost({ model, body }: PreparedInput, callMaxCost = Infinity): void {
    const cost = estimateCost(model, body);
    const maxCost = Math.min(callMaxCost, this.#settings.maxCost);
    if (cost > maxCost) throw new BudgetExceededError({ cost, maxCost });
  }
}

function createDeadlineError(model: string, timeoutMs: number): RequestTimeoutError {
  return new RequestTimeoutError(
    `timeoutMs (${timeoutMs} ms) ran out before the task was submitted to ${model}; nothing was submitted.`,
  );
}
