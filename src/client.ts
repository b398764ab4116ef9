/**
 * WaveSpeedKling: the calls of the client, each wired from the parts that do the work.
 */
import { onAbort } from './utils/abort.js';
import { checkId, checkIds, checkListQuery } from './predictions/validate-arguments.js';
import { estimateCost } from './models/estimate-cost.js';
import { byDeadline, type Deadline } from './utils/with-deadline.js';
import type { DefinedModel } from './models/define-model.js';
import {
  BudgetExceededError,
  type Candidate,
  InvalidResponseError,
  PredictionFailedError,
  RateLimitError,
  RequestTimeoutError,
  SubmissionUnknownError,
} from './core/errors/index.js';
import { download, type DownloadedFile, type DownloadOptions } from './media/download.js';
import { errorName, publish } from './http/diagnostics.js';
import { type ApiRequest, ApiClient } from './http/api-client.js';
import { fillIn, type ModelInput, type ReadInput, readInput } from './models/prepare-input.js';
import type { Batch, Declared, ManyRequest, ManyResult } from './predictions/run-many.js';
import { Media, type UploadOptions, type UploadSource } from './media/upload-manager.js';
import type { Model } from './models/registry.js';
import { type ClientSettings, readClientOptions, type WaveSpeedKlingOptions } from './client-options.js';
import { type CallOptions, readCallOptions } from './core/validate-options.js';
import {
  DEFAULT_TIMEOUT_MS,
  readRunManyOptions,
  readRunOptions,
  readSubmitOptions,
  readWaitOptions,
  readWatchOptions,
  type RunManyOptions,
  type RunOptions,
  type SubmitOptions,
  type WaitOptions,
  type WatchOptions,
} from './predictions/options.js';
import { poll } from './predictions/poll.js';
import { leavable } from './utils/closable-iterator.js';
import { notify } from './predictions/callbacks.js';
import { type CompletedPrediction, isCompleted, type Prediction } from './core/prediction.js';
import { fetchPage, findCandidates, listAll, type ListQuery, lookAt } from './predictions/list.js';
import {
  announceRetry,
  delayAfter,
  readMayBeRepeated,
  retrying,
  type RetryContext,
  submitMayBeRepeated,
} from './http/retry.js';
import { type Submission, submitOnce } from './predictions/submit.js';
import { Throttle } from './http/rate-limiter.js';
import { Transport } from './http/transport.js';
import { Watcher } from './predictions/shared-poller.js';

/** What the service says a task would cost, in US dollars unless `currency` says otherwise. */
export interface Quote {
  model_id: string;
  /** The list price. */
  price: number;
  /** What this account would pay. */
  discounted_price: number;
  currency?: string | undefined;
  [field: string]: unknown;
}

/** How many of its own tasks' ids a client remembers, to leave them out of `candidates()`. */
const REMEMBERED_IDS = 10_000;

/**
 * Makes videos with WaveSpeed's Kling reference-to-video models: submits once, waits, and loses nothing.
 *
 * @example
 * const kling = new WaveSpeedKling(); // the key is in WAVESPEED_API_KEY
 * const video = await kling.run(KLING_O3_STD, { prompt: 'A fox in the snow', duration: 8 });
 * console.log(video.outputs[0]);
 */
export class WaveSpeedKling {
  readonly #settings: ClientSettings;
  readonly #transport: Transport;
  readonly #http: ApiClient;
  readonly #media: Media;
  readonly #watcher: Watcher;
  readonly #throttle = new Throttle();
  /** Ids of the tasks that this client knows it started, oldest first. */
  readonly #own = new Set<string>();

  /** @throws {ConfigurationError} for a missing key or a bad option. */
  constructor(options: WaveSpeedKlingOptions = {}) {
    this.#settings = readClientOptions(options);
    this.#transport = new Transport(this.#settings);
    this.#http = new ApiClient({ ...this.#settings, transport: this.#transport });
    this.#watcher = new Watcher({
      look: (id, signal) => this.#look(id, signal),
      fetchPage: (query, signal) => fetchPage(this.#http, query, signal),
      backoff: delayAfter,
    });
    this.#media = new Media({ ...this.#settings, http: this.#http, transport: this.#transport });
  }

  /**
   * Runs many requests within the account's limits, and gives each result as it comes; one that fails stops no other.
   * Leaving the loop, or an abort, starts nothing more; tasks that were accepted go on. The loop is left once what is
   * being submitted has told its id to `onSubmitted`; an abort waits for nothing.
   *
   * @throws {BudgetExceededError} before anything is sent, for an array that would cost more than `maxCost`.
   * @example
   * for await (const result of kling.runMany(requests, { level: 'silver', maxCost: 20 })) {
   *   if (result.status === 'fulfilled') console.log(result.index, result.value.outputs[0]);
   * }
   */
  runMany<Request extends ManyRequest>(
    requests: Iterable<Request & Declared<Request>> | AsyncIterable<Request & Declared<Request>>,
    options: RunManyOptions = {},
  ): AsyncGenerator<ManyResult<Request>, void, void> {
    const left = new AbortController();
    return leavable(this.#runMany(requests, options, left.signal), left);
  }

  /**
   * Submits a task and waits until its video is there.
   *
   * @throws what `submit` and `wait` throw.
   * @throws {RequestTimeoutError} when `timeoutMs` ran out before the task was submitted; nothing was submitted.
   */
  async run<M extends Model>(
    model: M,
    input: ModelInput<M>,
    options: RunOptions = {},
  ): Promise<CompletedPrediction> {
    return this.#run(model, input, options, undefined);
  }

  /**
   * Validates, uploads local media, and POSTs once. What it gives is plain JSON: store it, and `wait` for its id later
   * or elsewhere.
   *
   * @throws {InvalidInputError | BudgetExceededError} before anything is sent.
   * @throws {SubmissionUnknownError} when the task may or may not have been accepted.
   * @throws {ApiError | ConnectionError} when it was not accepted.
   */
  async submit<M extends Model>(
    model: M,
    input: ModelInput<M>,
    options: SubmitOptions = {},
  ): Promise<Prediction> {
    readSubmitOptions(options);
    const { prediction } = await this.#submit(readInput(model, input), options, Infinity);
    return prediction;
  }

  /**
   * Polls until the task has ended; needs only its id, so any process can take a task up.
   *
   * @throws {PredictionFailedError} when it ended without a video.
   * @throws {WaitTimeoutError} after `timeoutMs`; the task goes on.
   */
  async wait(id: string, options: WaitOptions = {}): Promise<CompletedPrediction> {
    const startedAt = performance.now();
    readWaitOptions(options);
    return this.#wait(checkId(id), options, startedAt, undefined);
  }

  /**
   * Polls like `wait`, and gives the task at every change of its status. The last is the task as it ended, well or
   * not: a failed task is given, not thrown.
   */
  watch(id: string, options: WatchOptions = {}): AsyncGenerator<Prediction, void, void> {
    const left = new AbortController();
    return leavable(this.#watch(id, options, left), left);
  }

  /** Looks at a task once. */
  async get(id: string, options: CallOptions = {}): Promise<Prediction> {
    const { signal } = readCallOptions(options);
    checkId(id);
    return this.#retryRead('get', () => lookAt(this.#http, id, signal), signal, id);
  }

  /**
   * Goes through the account's tasks of the last 7 days, newest first, fetching 100 at a time as they are needed:
   * other machines' and the website's as well.
   *
   * @example
   * for await (const task of kling.list({ status: 'failed' })) console.log(task.id, task.error);
   */
  async *list(query: ListQuery = {}, options: CallOptions = {}): AsyncGenerator<Prediction, void, void> {
    const { signal } = readCallOptions(options);
    yield* this.#list(checkListQuery(query), { signal, thorough: false });
  }

  /** Removes tasks from the account's history. */
  async delete(ids: string | readonly string[], options: CallOptions = {}): Promise<void> {
    const { signal } = readCallOptions(options);
    await this.#read('delete', {
      method: 'POST',
      path: '/api/v3/predictions/delete',
      body: { ids: checkIds(ids) },
      signal,
    });
  }

  /**
   * Uploads an image or video and gives its URL, good for 7 days: streamed from disk, its type told by its content. The
   * same Blob, or the same unchanged file, is uploaded once; after that its URL is given as long as it is good.
   *
   * @throws {InvalidInputError} for a file that the service would not take; nothing was sent.
   * @throws {UploadError} when it changed meanwhile, or storage refused it.
   * @example
   * const front = await kling.upload('front.png');
   */
  async upload(file: UploadSource, options: UploadOptions = {}): Promise<string> {
    return this.#media.upload(file, options);
  }

  /**
   * Downloads a completed task's outputs into a directory, which is made where it is missing: `<id>-1.mp4` and so on,
   * or, for a URL, by its last part. A file is there whole or not at all; with a `fetch` or `dispatcher` of yours, a body
   * without a length is as whole as that says it is.
   *
   * @throws {DownloadError} with its `reason`: `exists`, `expired` (after 7 days), `disk_full`, `incomplete`, …
   * @throws {InvalidInputError} for a task that is not completed.
   * @example
   * const [file] = await kling.download(video, './out/');
   */
  async download(
    source: Prediction | string | URL,
    directory: string | URL,
    options: DownloadOptions = {},
  ): Promise<DownloadedFile[]> {
    const { requestTimeoutMs, maxRetries, onRetry } = this.#settings;
    const means = { transport: this.#transport, requestTimeoutMs, maxRetries, onRetry };
    return download(means, source, directory, options);
  }

  /** Asks what is left on the account, in US dollars. */
  async balance(options: CallOptions = {}): Promise<number> {
    const { signal } = readCallOptions(options);
    const path = '/api/v3/balance';
    const { balance } = await this.#read('balance', { method: 'GET', path, signal });
    if (typeof balance === 'number') return balance;
    throw new InvalidResponseError(`[GET] ${path}: the answer has no balance in it.`);
  }

  /** Asks the service what a task would cost; nothing is uploaded or started. `estimateCost` reckons it without asking. */
  async quote<M extends Model>(model: M, input: ModelInput<M>, options: CallOptions = {}): Promise<Quote> {
    const { signal } = readCallOptions(options);
    const { body, model: defined } = readInput(model, input);
    const path = '/api/v3/model/price';
    const data = await this.#read('quote', {
      method: 'POST',
      path,
      body: { model_id: defined.id, inputs: body },
      signal,
    });
    const { price } = data;
    const discounted_price = data.discounted_price ?? price;
    if (typeof price === 'number' && typeof discounted_price === 'number') {
      return { ...data, model_id: defined.id, price, discounted_price };
    }
    throw new InvalidResponseError(`[POST] ${path}: the answer has no price in it.`, { body: data });
  }

  /** Asks for the secret that the account's webhooks are signed with: `whsec_…`, one per API key. */
  async webhookSecret(options: CallOptions = {}): Promise<string> {
    const { signal } = readCallOptions(options);
    const path = '/api/v3/webhook/secret';
    const { secret } = await this.#read('webhookSecret', { method: 'GET', path, signal });
    if (typeof secret === 'string' && secret !== '') return secret;
    throw new InvalidResponseError(`[GET] ${path}: the answer has no secret in it.`);
  }

  /** Ends the kept-alive sockets, once what is under way has ended; the client sends nothing after it. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  /** Closes at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#runMany<Request extends ManyRequest>(
    requests: Iterable<Request> | AsyncIterable<Request>,
    options: RunManyOptions,
    left: AbortSignal,
  ): AsyncGenerator<ManyResult<Request>, void, void> {
    readRunManyOptions(options);
    // The limiter is not loaded by who does not use it.
    const { runMany } = await import('./predictions/run-many.js');
    yield* runMany((...run) => this.#run(...run), requests, options, left);
  }

  async #run<M extends Model>(
    model: M,
    input: ModelInput<M>,
    options: RunOptions,
    batch: Batch | undefined,
  ): Promise<CompletedPrediction> {
    const startedAt = performance.now();
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = readRunOptions(options);
    const read = readInput(model, input);
    const submittedAt = new Date();
    const submitted = await this.#submit(read, options, startedAt + timeoutMs, batch);
    if (submitted.aborted) {
      throw new SubmissionUnknownError('Aborted in mid-submit, and yet the task was accepted.', {
        cause: signal?.reason,
        predictionId: submitted.prediction.id,
        model: read.model.id,
        input: submitted.body,
        submittedAt,
        candidates: () => Promise.resolve([{ ...submitted.prediction, exactMatch: true }]),
      });
    }
    return this.#wait(submitted.prediction.id, options, startedAt, submitted.prediction);
  }

  async #submit(
    read: ReadInput,
    options: RunOptions,
    deadlineAt: number,
    batch?: Batch,
  ): Promise<{ prediction: Prediction; body: unknown; aborted: boolean }> {
    const { signal, webhookUrl: webhook, onSubmitted } = options;
    const { model } = read;
    const cost = estimateCost(model, read.body);
    const maxCost = Math.min(options.maxCost ?? Infinity, this.#settings.maxCost);
    if (cost > maxCost) throw new BudgetExceededError({ cost, maxCost });
    signal?.throwIfAborted();

    const deadline: Deadline = { at: deadlineAt, reason: () => tooLateError(model.id, options.timeoutMs) };
    const urls = await byDeadline(deadline, signal, (limited) =>
      this.#media.uploadAll(model.id, read.local, limited),
    );
    const body = fillIn(read, urls);
    const submission: Submission = {
      model: model.id,
      body,
      webhook,
      signal,
      onSend: batch?.onSend,
      candidates: (submittedAt: Date) => this.#candidates({ model, input: body, submittedAt }),
      onLateAnswer: (prediction: Prediction) => {
        this.#remember(prediction.id);
        void notify('onSubmitted', onSubmitted, prediction, undefined, Infinity).catch(() => undefined);
      },
    };
    const { maxRetries, onRetry } = this.#settings;
    const post = () =>
      this.#throttle.run(
        async () => {
          // What begins now would cost money for a caller who has stopped waiting. Once it is under way it is never cut short.
          if (performance.now() >= deadlineAt) throw deadline.reason();
          return submitOnce(this.#http, submission);
        },
        signal,
        deadlineAt,
      );
    let failures = 0;
    const prediction = await retrying(() => (batch === undefined ? post() : batch.pace(post, deadline)), {
      operation: 'submit',
      allows: (error) =>
        submitMayBeRepeated(error) &&
        // One of a batch waits for its turn as long as it has time.
        ((batch !== undefined && error instanceof RateLimitError) || failures++ < maxRetries),
      maxRetries: Infinity,
      signal,
      deadlineAt,
      onRetry,
    });
    this.#remember(prediction.id);
    if (signal?.aborted === true) {
      submission.onLateAnswer(prediction);
    } else {
      await notify('onSubmitted', onSubmitted, prediction, signal, deadlineAt).catch((error: unknown) => {
        // An abort while the id is being saved: the caller is told the id itself.
        if (signal?.aborted !== true || error !== signal.reason) throw error;
      });
    }
    return { prediction, body, aborted: signal?.aborted === true };
  }

  #candidates(lost: { model: DefinedModel; input: unknown; submittedAt: Date }): Promise<Candidate[]> {
    return findCandidates(
      this.#http,
      lost,
      (id) => this.#own.has(id),
      (query) => this.#list(query, { signal: undefined, thorough: true }),
    );
  }

  #list(
    query: ListQuery,
    { signal, thorough }: { signal: AbortSignal | undefined; thorough: boolean },
  ): AsyncGenerator<Prediction, void, void> {
    const { page = 1, page_size = 100 } = query;
    const fetch = (number: number) => {
      const attempt = () => fetchPage(this.#http, { ...query, page: number, page_size }, signal);
      return this.#retryRead('list', attempt, signal);
    };
    return listAll(fetch, page, page_size, thorough);
  }

  #remember(id: string): void {
    this.#own.add(id);
    if (this.#own.size <= REMEMBERED_IDS) return;
    for (const oldest of this.#own) {
      this.#own.delete(oldest);
      return;
    }
  }

  async #wait(
    id: string,
    options: WaitOptions,
    startedAt: number,
    initial: Prediction | undefined,
  ): Promise<CompletedPrediction> {
    const deadlineAt = startedAt + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const settle = (result: { status?: string; error?: string }) =>
      publish('done', () => ({ predictionId: id, ...result, elapsedMs: performance.now() - startedAt }));
    try {
      let last: Prediction | undefined;
      for await (const prediction of this.#poll(id, options, startedAt, initial, false)) {
        last = prediction;
        await notify('onUpdate', options.onUpdate, prediction, options.signal, deadlineAt);
      }
      // The loop ends with the task's end, or throws.
      const ended = last as Prediction;
      if (!isCompleted(ended)) throw new PredictionFailedError(ended);
      settle({ status: ended.status });
      return ended;
    } catch (error) {
      settle({ error: options.signal?.aborted === true ? 'abort' : errorName(error) });
      throw error;
    }
  }

  async *#watch(
    id: string,
    options: WaitOptions,
    left: AbortController,
  ): AsyncGenerator<Prediction, void, void> {
    const startedAt = performance.now();
    const { signal } = readWatchOptions(options);
    const forget = signal && onAbort(signal, () => left.abort(signal.reason));
    try {
      yield* this.#poll(checkId(id), { ...options, signal: left.signal }, startedAt, undefined, true);
    } finally {
      forget?.();
    }
  }

  #poll(
    id: string,
    options: WaitOptions,
    startedAt: number,
    initial: Prediction | undefined,
    isWatched: boolean,
  ): AsyncGenerator<Prediction, void, void> {
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS, pollIntervalMs, webhookReceiver, onUpdate } = options;
    return poll({
      id,
      join: (task) => this.#watcher.join(task),
      backoff: delayAfter,
      onFailedLook: (failure) =>
        announceRetry({ operation: 'poll', predictionId: id, ...failure }, this.#settings.onRetry),
      // Without it nobody hears of the changes before.
      onlyEnd: !isWatched && onUpdate === undefined,
      initial,
      pollIntervalMs,
      wakeSource: webhookReceiver,
      startedAt,
      timeoutMs,
      signal,
    });
  }

  /** Looks at a task's result URL once, and tells the observers. */
  async #look(id: string, signal: AbortSignal | undefined): Promise<Prediction> {
    const lookedAt = performance.now();
    const report = (result: { status?: string; error?: string }) =>
      publish('poll', () => ({ predictionId: id, ...result, durationMs: performance.now() - lookedAt }));
    try {
      const prediction = await lookAt(this.#http, id, signal);
      report({ status: prediction.status });
      return prediction;
    } catch (error) {
      report({ error: errorName(error) });
      throw error;
    }
  }

  /** Makes a read and gives its data as an object. */
  async #read(operation: RetryContext['operation'], request: ApiRequest): Promise<Record<string, unknown>> {
    const data = await this.#retryRead(operation, () => this.#http.request(request), request.signal);
    return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
  }

  #retryRead<T>(
    operation: RetryContext['operation'],
    attempt: () => Promise<T>,
    signal: AbortSignal | undefined,
    predictionId?: string,
  ): Promise<T> {
    const { maxRetries, onRetry } = this.#settings;
    return retrying(attempt, {
      operation,
      allows: readMayBeRepeated,
      maxRetries,
      signal,
      onRetry,
      predictionId,
    });
  }
}

/** Says that the caller's time ran out before any money was spent. */
function tooLateError(model: string, timeoutMs: number = DEFAULT_TIMEOUT_MS): RequestTimeoutError {
  return new RequestTimeoutError(
    `timeoutMs (${timeoutMs} ms) ran out before the task was submitted to ${model}; nothing was submitted.`,
  );
}
