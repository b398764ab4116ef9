/** A task's life in one client: submit, then wait. */
import type { CompletedPrediction, Prediction } from '../core/prediction.js';
import type { PreparedInput } from '../models/prepare-input.js';
import type { RunOptions, SubmitOptions, WaitOptions, WatchOptions } from './options.js';
import { TaskReader, type ReaderDependencies } from './reader.js';
import { TaskSubmitter, type SubmitterDependencies, type SubmitterSettings } from './submitter.js';
import { TaskWaiter, type WaiterSettings } from './waiter.js';

export interface RunnerDependencies
  extends Omit<SubmitterDependencies, 'reader' | 'waiter'>, ReaderDependencies {
  settings: SubmitterSettings & WaiterSettings;
}

export class TaskRunner {
  readonly reader: TaskReader;
  readonly #settings: RunnerDependencies['settings'];
  readonly #submitter: TaskSubmitter;
  readonly #waiter: TaskWaiter;

  constructor(dependencies: RunnerDependencies) {
    const { settings, http } = dependencies;
    this.#settings = settings;
    this.reader = new TaskReader(dependencies);
    this.#waiter = new TaskWaiter(settings, http);
    this.#submitter = new TaskSubmitter({ ...dependencies, reader: this.reader, waiter: this.#waiter });
  }

  async submit(prepared: PreparedInput, options: SubmitOptions): Promise<Prediction> {
    const { prediction, slot } = await this.#submitter.submit(prepared, options, Infinity);
    slot.release();
    return prediction;
  }

  /** @param stopped of a batch: see `TaskSubmitter.submit`. */
  async run(
    prepared: PreparedInput,
    options: RunOptions,
    stopped?: AbortSignal,
  ): Promise<CompletedPrediction> {
    const startedAt = performance.now();
    const timeoutMs = options.timeoutMs ?? this.#settings.timeoutMs;
    const submitted = await this.#submitter.submit(prepared, options, startedAt + timeoutMs, stopped);
    const { prediction, slot, deadlineAt } = submitted;
    const waitOptions = { ...options, timeoutMs: deadlineAt - startedAt };
    const waiting = this.#waiter
      .wait(prediction.id, waitOptions, startedAt, prediction)
      .finally(() => slot.release());
    const { idempotencyKey } = options;
    if (idempotencyKey === undefined) return waiting;
    const deadline = { at: deadlineAt, reason: () => undefined };
    return this.#submitter.keys.recordOutcome(idempotencyKey, waiting, { deadline, signal: options.signal });
  }

  resolve(idempotencyKey: string, predictionId: string | null): Promise<void> {
    return this.#submitter.keys.resolve(idempotencyKey, predictionId);
  }

  async wait(id: string, options: WaitOptions): Promise<CompletedPrediction> {
    const slot = this.#submitter.track(id);
    return this.#waiter.wait(id, options, performance.now(), undefined).finally(() => slot.release());
  }

  async *watch(
    id: string,
    options: WatchOptions,
    controller: AbortController,
  ): AsyncGenerator<Prediction, void, void> {
    const slot = this.#submitter.track(id);
    try {
      yield* this.#waiter.watch(id, options, controller);
    } finally {
      slot.release();
    }
  }
}
