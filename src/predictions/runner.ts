/** A task's life in one client: upload, submit, wait. */
import {
  BudgetExceededError,
  type Candidate,
  type CandidatesOptions,
  PredictionFailedError,
  RateLimitError,
  RequestTimeoutError,
  SubmissionUnknownError,
  WaitAbortedError,
} from '../core/errors/index.js';
import { type CompletedPrediction, isCompleted, isTerminal, type Prediction } from '../core/prediction.js';
import type { ApiClient } from '../http/api-client.js';
import { errorName, publish } from '../http/diagnostics.js';
import { RateLimiter, type Slot } from '../http/rate-limiter.js';
import {
  emitRetry,
  getRetryDelay,
  type OnRetry,
  isRetryableRead,
  retry,
  type RetryContext,
  isRetryableSubmit,
} from '../http/retry.js';
import type { CallOptions } from '../core/validate-options.js';
import type { UploadManager } from '../media/upload-manager.js';
import { estimateCost } from '../models/estimate-cost.js';
import { replaceMedia, type PreparedInput } from '../models/prepare-input.js';
import { addAbortListener } from '../utils/abort.js';
import { withDeadline, type Deadline } from '../utils/with-deadline.js';
import { invokeCallback } from './callbacks.js';
import { findCandidates, type LostRequest } from './find-candidates.js';
import { fetchPage, fetchPrediction, getResultPath, listAll, type ListQuery } from './list.js';
import type { RunOptions, SubmitOptions, WaitOptions, WatchOptions } from './options.js';
import { PollScheduler } from './poll-scheduler.js';
import { poll, type PollInterval } from './poll.js';
import { type PendingSubmit, SubmitRegistry } from './submit-registry.js';
import { type Guard } from './journal/submit-with-key.js';
import { type KeySettings, KeyedTasks } from './keyed-tasks.js';
import { type Accepted, type Submission, submitOnce } from './submit.js';

export interface RunnerSettings extends KeySettings {
  baseUrl: string;
  maxRetries: number;
  maxCost: number;
  timeoutMs: number;
  pollIntervalMs: PollInterval | undefined;
  maxPollsPerSecond: number;
  limits: { perMinute: number; concurrency: number };
  onRetry: OnRetry | undefined;
}

export interface RunnerDependencies {
  settings: RunnerSettings;
  http: ApiClient;
  /** Works also after the client was closed. */
  withOpenHttp: <T>(work: (http: ApiClient) => Promise<T>) => Promise<T>;
  uploads: UploadManager;
}

/** A submitted task that has a place among the running ones. */
interface Submitted {
  prediction: Prediction;
  slot: Slot;
  /** By `performance.now()`. */
  deadlineAt: number;
}

/** How long `candidates()` waits for other submits of the same input, in milliseconds. */
const TWINS_TIMEOUT_MS = 2000;
const CANDIDATES_TIMEOUT_MS = 60_000;
/** How long `onSubmitted` may take after an abort, in milliseconds. */
const LATE_CALLBACK_MS = 5000;

export class TaskRunner {
  readonly #settings: RunnerSettings;
  readonly #http: ApiClient;
  readonly #withOpenHttp: RunnerDependencies['withOpenHttp'];
  readonly #uploads: UploadManager;
  readonly #limiter: RateLimiter;
  readonly #scheduler: PollScheduler;
  readonly #registry = new SubmitRegistry();
  readonly #keys: KeyedTasks;

  constructor({ settings, http, withOpenHttp, uploads }: RunnerDependencies) {
    this.#settings = settings;
    this.#http = http;
    this.#withOpenHttp = withOpenHttp;
    this.#uploads = uploads;
    this.#limiter = new RateLimiter(settings.limits);
    this.#scheduler = new PollScheduler(settings.maxPollsPerSecond);
    this.#keys = new KeyedTasks(settings, {
      findCandidates: (lost, options) => this.findCandidates(lost, options, () => false),
      getClockSkewMs: () => http.clockSkewMs,
    });
  }

  async submit(prepared: PreparedInput, options: SubmitOptions): Promise<Prediction> {
    const { prediction, slot } = await this.#submit(prepared, options, Infinity, false);
    slot.release();
    return prediction;
  }

  async run(prepared: PreparedInput, options: RunOptions, isInBatch = false): Promise<CompletedPrediction> {
    const startedAt = performance.now();
    const timeoutMs = options.timeoutMs ?? this.#settings.timeoutMs;
    const submitted = await this.#submit(prepared, options, startedAt + timeoutMs, isInBatch);
    const { prediction, slot, deadlineAt } = submitted;
    const waitOptions = { ...options, timeoutMs: deadlineAt - startedAt };
    const waiting = this.#wait(prediction.id, waitOptions, startedAt, prediction, slot);
    const { idempotencyKey } = options;
    return idempotencyKey === undefined ? waiting : this.#keys.recordOutcome(idempotencyKey, waiting);
  }

  resolve(idempotencyKey: string, predictionId: string | null): Promise<void> {
    return this.#keys.resolve(idempotencyKey, predictionId);
  }

  async wait(id: string, options: WaitOptions): Promise<CompletedPrediction> {
    this.#registry.remember(id);
    return this.#wait(id, options, performance.now(), undefined, this.#limiter.track());
  }

  async *watch(
    id: string,
    options: WatchOptions,
    controller: AbortController,
  ): AsyncGenerator<Prediction, void, void> {
    this.#registry.remember(id);
    const { signal } = options;
    const removeListener = signal && addAbortListener(signal, () => controller.abort(signal.reason));
    const slot = this.#limiter.track();
    try {
      yield* this.#poll(id, { ...options, signal: controller.signal }, performance.now(), undefined);
    } catch (error) {
      throw toAbortError(error, id, signal);
    } finally {
      slot.release();
      removeListener?.();
    }
  }

  list(
    query: ListQuery,
    options: CallOptions,
    http = this.#http,
    isThorough = false,
  ): AsyncGenerator<Prediction> {
    const { page = 1, page_size = 100 } = query;
    const getPage = (number: number) => {
      const attempt = () => fetchPage(http, { ...query, page: number, page_size }, options.signal);
      return this.retryRead('list', attempt, options);
    };
    return listAll(getPage, page, page_size, isThorough);
  }

  get(id: string, options: CallOptions, http = this.#http): Promise<Prediction> {
    const path = getResultPath(id, undefined, this.#settings.baseUrl);
    return this.retryRead('get', () => fetchPrediction(http, id, path, options.signal), options, id);
  }

  retryRead<T>(
    operation: RetryContext['operation'],
    attempt: () => Promise<T>,
    options: CallOptions,
    predictionId?: string,
  ): Promise<T> {
    return retry(attempt, {
      operation,
      shouldRetry: isRetryableRead,
      maxRetries: options.maxRetries ?? this.#settings.maxRetries,
      signal: options.signal,
      onRetry: this.#settings.onRetry,
      predictionId,
    });
  }

  /** Finds tasks by model, time and input; see `findCandidates`. */
  findCandidates(
    lost: LostRequest,
    options: CandidatesOptions,
    isKnown: (id: string) => boolean,
  ): Promise<Candidate[]> {
    const { signal, timeoutMs = CANDIDATES_TIMEOUT_MS } = options;
    const deadline = {
      at: performance.now() + timeoutMs,
      reason: () =>
        new RequestTimeoutError(`The search for candidates took longer than timeoutMs (${timeoutMs} ms).`),
    };
    const search = (http: ApiClient, limited: AbortSignal | undefined) =>
      findCandidates(
        {
          getClockSkewMs: () => http.clockSkewMs,
          list: (query) => this.list(query, { signal: limited }, http, true),
          get: (id) => this.get(id, { signal: limited, maxRetries: 0 }, http),
          isKnown,
        },
        lost,
      );
    return this.#withOpenHttp((http) => withDeadline(deadline, signal, (limited) => search(http, limited)));
  }

  async #submit(
    prepared: PreparedInput,
    options: SubmitOptions & { timeoutMs?: number | undefined },
    deadlineAt: number,
    isInBatch: boolean,
  ): Promise<Submitted> {
    const { model } = prepared;
    const { signal, onSubmitted } = options;
    this.#checkCost(prepared, options.maxCost);
    signal?.throwIfAborted();
    const timeoutMs = options.timeoutMs ?? this.#settings.timeoutMs;
    const deadline: Deadline = { at: deadlineAt, reason: () => createDeadlineError(model.id, timeoutMs) };
    const prepareBody = async () => {
      const urls = await withDeadline(deadline, signal, (limited) =>
        this.#uploads.uploadAll(model.id, prepared.local, limited, options.maxRetries),
      );
      return replaceMedia(prepared, urls);
    };
    const { prediction, abortError, slot } = await this.#accept(prepared, options, deadline, {
      isInBatch,
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
    { isInBatch, prepareBody }: { isInBatch: boolean; prepareBody: () => Promise<unknown> },
  ): Promise<Accepted & { slot: Slot }> {
    const { idempotencyKey, signal } = options;
    if (idempotencyKey === undefined) {
      return this.#postInTurn(prepared, await prepareBody(), options, deadline, isInBatch);
    }
    let own: (Accepted & { slot: Slot }) | undefined;
    let slot: Slot | undefined;
    try {
      const task = await this.#keys.submit(idempotencyKey, prepared, options, deadline, {
        prepareBody,
        submit: async (body, guard) => {
          own = await this.#postInTurn(prepared, body, options, deadline, isInBatch, guard);
          slot = own.slot;
          return own.prediction;
        },
      });
      const { predictionId } = task;
      if (own?.prediction.id === predictionId) return own;
      this.#registry.remember(predictionId);
      slot?.release();
      slot = this.#limiter.track();
      try {
        const prediction = task.prediction ?? (await this.get(predictionId, options));
        if (isTerminal(prediction.status)) await this.#keys.recordEnd(idempotencyKey, prediction);
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
    isInBatch: boolean,
    guard: Guard = (post) => post(() => undefined),
  ): Promise<Accepted & { slot: Slot }> {
    const { signal } = options;
    let firstSlot: Slot | undefined;
    if (isInBatch) {
      // The time limit does not count the wait for the first turn.
      const queuedAt = performance.now();
      firstSlot = await this.#limiter.acquire(signal, Infinity);
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
        guard,
      });
    };
    return retry(attempt, {
      operation: 'submit',
      shouldRetry: (error) =>
        isRetryableSubmit(error) &&
        // A request of a batch waits for its turn as long as it has time.
        ((isInBatch && error instanceof RateLimitError) || failures++ < maxRetries),
      maxRetries: Infinity,
      signal,
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
    { firstSlot, isRetry, guard }: { firstSlot: Slot | undefined; isRetry: boolean; guard: Guard },
  ): Promise<Accepted & { slot: Slot }> {
    const acquire = (limited: AbortSignal | undefined) =>
      this.#limiter.acquire(limited, deadline.at, isRetry);
    const slot = firstSlot ?? (await withDeadline(deadline, signal, acquire));
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

  async #candidates(
    lost: LostRequest,
    pending: PendingSubmit,
    options: CandidatesOptions = {},
  ): Promise<Candidate[]> {
    const patience = { at: performance.now() + TWINS_TIMEOUT_MS, reason: () => undefined };
    await withDeadline(patience, options.signal, (limited) =>
      this.#registry.twinsSettled(pending, limited),
    ).catch(() => undefined);
    options.signal?.throwIfAborted();
    const isKnown = (id: string) => this.#registry.isOfAnother(pending, id);
    return this.#registry.assign(pending, await this.findCandidates(lost, options, isKnown));
  }

  #checkCost({ model, body }: PreparedInput, callMaxCost = Infinity): void {
    const cost = estimateCost(model, body);
    const maxCost = Math.min(callMaxCost, this.#settings.maxCost);
    if (cost > maxCost) throw new BudgetExceededError({ cost, maxCost });
  }

  async #wait(
    id: string,
    options: WaitOptions,
    startedAt: number,
    initial: Prediction | undefined,
    slot: Slot,
  ): Promise<CompletedPrediction> {
    const { signal, onUpdate } = options;
    const deadlineAt = startedAt + (options.timeoutMs ?? this.#settings.timeoutMs);
    const report = (result: { status?: string; error?: string }) =>
      publish('done', () => ({ predictionId: id, ...result, elapsedMs: performance.now() - startedAt }));
    try {
      let last: Prediction | undefined;
      for await (const prediction of this.#poll(id, options, startedAt, initial)) {
        last = prediction;
        if (onUpdate !== undefined)
          await invokeCallback('onUpdate', onUpdate, prediction, signal, deadlineAt);
      }
      // The loop ends when the task has ended, or throws.
      const ended = last as Prediction;
      if (!isCompleted(ended)) throw new PredictionFailedError(ended);
      report({ status: ended.status });
      return ended;
    } catch (error) {
      report({ error: signal?.aborted === true ? 'abort' : errorName(error) });
      throw toAbortError(error, id, signal);
    } finally {
      slot.release();
    }
  }

  #poll(
    id: string,
    options: WaitOptions,
    startedAt: number,
    initial: Prediction | undefined,
  ): AsyncGenerator<Prediction, void, void> {
    const { signal, webhookReceiver, timeoutMs = this.#settings.timeoutMs } = options;
    const { onRetry, baseUrl } = this.#settings;
    // A default for all waits would undo the slow polling beside a receiver.
    const clientInterval = webhookReceiver === undefined ? this.#settings.pollIntervalMs : undefined;
    return poll({
      id,
      fetchPrediction: (last, limited) => this.#fetch(id, getResultPath(id, last, baseUrl), limited),
      scheduler: this.#scheduler,
      getRetryDelay: getRetryDelay,
      onFailedPoll: (failure) => emitRetry({ operation: 'poll', predictionId: id, ...failure }, onRetry),
      initial,
      pollIntervalMs: options.pollIntervalMs ?? clientInterval,
      events: webhookReceiver,
      startedAt,
      timeoutMs,
      signal,
    });
  }

  /** Fetches a task once, and publishes the poll. */
  async #fetch(id: string, path: string, signal: AbortSignal): Promise<Prediction> {
    const sentAt = performance.now();
    const report = (result: { status?: string; error?: string }) =>
      publish('poll', () => ({ predictionId: id, ...result, durationMs: performance.now() - sentAt }));
    try {
      const prediction = await fetchPrediction(this.#http, id, path, signal);
      report({ status: prediction.status });
      return prediction;
    } catch (error) {
      report({ error: errorName(error) });
      throw error;
    }
  }
}

function toAbortError(error: unknown, id: string, signal: AbortSignal | undefined): unknown {
  return signal?.aborted === true && error === signal.reason ? new WaitAbortedError(id, error) : error;
}

function createDeadlineError(model: string, timeoutMs: number): RequestTimeoutError {
  return new RequestTimeoutError(
    `timeoutMs (${timeoutMs} ms) ran out before the task was submitted to ${model}; nothing was submitted.`,
  );
}
