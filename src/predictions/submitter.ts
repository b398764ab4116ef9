/** Submits tasks: checks the cost, uploads media, submits or finds the task of an idempotency key, and reports it. */
import { BudgetExceededError, RequestTimeoutError } from '../core/errors/index.js';
import { isTerminal, type Prediction } from '../core/prediction.js';
import type { ApiClient } from '../http/api-client.js';
import type { Slot } from '../http/rate-limiter.js';
import type { UploadManager } from '../media/upload-manager.js';
import { estimateCost } from '../models/estimate-cost.js';
import { type PreparedInput, replaceMedia } from '../models/prepare-input.js';
import { type Deadline, withDeadline } from '../utils/with-deadline.js';
import { invokeCallback, toAbortError } from './callbacks.js';
import { KeyedTasks, type KeySettings } from './keyed-tasks.js';
import type { SubmitOptions } from './options.js';
import { PacedSubmitter, type PacedSubmit, type PacedSubmitterSettings } from './paced-submitter.js';
import type { TaskReader } from './reader.js';
import type { TaskWaiter } from './waiter.js';

export interface SubmitterSettings extends KeySettings, PacedSubmitterSettings {
  maxCost: number;
  timeoutMs: number;
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

/** How long `onSubmitted` may take after an abort, in milliseconds. */
const LATE_CALLBACK_MS = 5000;

export class TaskSubmitter {
  readonly #settings: SubmitterSettings;
  readonly #uploads: UploadManager;
  readonly #waiter: TaskWaiter;
  readonly #paced: PacedSubmitter;
  readonly keys: KeyedTasks;

  constructor({ settings, http, uploads, reader, waiter }: SubmitterDependencies) {
    this.#settings = settings;
    this.#uploads = uploads;
    this.#waiter = waiter;
    this.#paced = new PacedSubmitter(settings, http, reader);
    this.keys = new KeyedTasks(settings, {
      findCandidates: (lost, options) => reader.findCandidates(lost, options, () => false),
      getClockSkewMs: () => http.clockSkewMs,
    });
  }

  /** Gives a task that already runs a place among the running ones. */
  track(id: string): Slot {
    return this.#paced.track(id);
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
  ): Promise<PacedSubmit> {
    const { idempotencyKey, signal } = options;
    if (idempotencyKey === undefined) {
      return this.#paced.submit(prepared, await prepareBody(), options, deadline, stopped);
    }
    let own: PacedSubmit | undefined;
    let slot: Slot | undefined;
    try {
      const startOptions = { ...options, signal: stopped ?? signal };
      const task = await this.keys.submit(idempotencyKey, prepared, startOptions, deadline, {
        prepareBody,
        submit: async (body, guard) => {
          own = await this.#paced.submit(prepared, body, options, deadline, stopped, guard);
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

  /** A call without a time limit of its own looks as long as one request may take. */
  #lookUntil({ at }: Deadline): number {
    return at === Infinity ? performance.now() + this.#settings.requestTimeoutMs : at;
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
