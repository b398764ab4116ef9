/** Waits for tasks: polls, callbacks and events. */
import { PredictionFailedError } from '../core/errors/index.js';
import { type CompletedPrediction, isCompleted, type Prediction } from '../core/prediction.js';
import type { ApiClient } from '../http/api-client.js';
import { errorName, publish } from '../http/diagnostics.js';
import { emitRetry, getRetryDelay, type OnRetry } from '../http/retry.js';
import { addAbortListener } from '../utils/abort.js';
import { invokeCallback, toAbortError } from './callbacks.js';
import { fetchPrediction, getResultPath } from './list.js';
import type { WaitOptions, WatchOptions } from './options.js';
import { PollScheduler } from './poll-scheduler.js';
import { poll, type PollInterval } from './poll.js';

export interface WaiterSettings {
  baseUrl: string;
  timeoutMs: number;
  pollIntervalMs: PollInterval | undefined;
  maxPollsPerSecond: number;
  onRetry: OnRetry | undefined;
}

export class TaskWaiter {
  readonly #settings: WaiterSettings;
  readonly #http: ApiClient;
  readonly #scheduler: PollScheduler;

  constructor(settings: WaiterSettings, http: ApiClient) {
    this.#settings = settings;
    this.#http = http;
    this.#scheduler = new PollScheduler(settings.maxPollsPerSecond);
  }

  /** @param startedAt by `performance.now()`: the time limit counts from it. */
  async wait(
    id: string,
    options: WaitOptions,
    startedAt: number,
    initial: Prediction | undefined,
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
    }
  }

  /**
   * Polls until the task was seen once: a new one may not be visible yet.
   *
   * @param deadlineAt by `performance.now()`.
   */
  async look(id: string, signal: AbortSignal | undefined, deadlineAt: number): Promise<Prediction> {
    const startedAt = performance.now();
    for await (const seen of this.#poll(
      id,
      { signal, timeoutMs: deadlineAt - startedAt },
      startedAt,
      undefined,
    )) {
      return seen;
    }
    throw new Error('A poll yields or throws.');
  }

  async *watch(
    id: string,
    options: WatchOptions,
    controller: AbortController,
  ): AsyncGenerator<Prediction, void, void> {
    const { signal } = options;
    const removeListener = signal && addAbortListener(signal, () => controller.abort(signal.reason));
    try {
      yield* this.#poll(id, { ...options, signal: controller.signal }, performance.now(), undefined);
    } catch (error) {
      throw toAbortError(error, id, signal);
    } finally {
      removeListener?.();
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
