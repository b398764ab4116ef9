/** The client and its public methods. */
import type { DeclaredRequest, ManyRequest, ManyResult } from './batch/batch-request.js';
import { Batch, type BatchLimits } from './batch/run-many.js';
import type { RunManyOptions } from './batch/run-many-options.js';
import {
  type BillingRow,
  type BillingsQuery,
  listBillings,
  readUsage,
  type Usage,
  type UsageRange,
} from './billing/billings.js';
import { reconcileAccount, type Reconciliation, type ReconcileRange } from './billing/reconcile.js';
import {
  InvalidResponseError,
  PredictionFailedError,
  RequestTimeoutError,
  WaitAbortedError,
} from './core/errors/index.js';
import { type CompletedPrediction, isCompleted, isTerminal, type Prediction } from './core/prediction.js';
import { type CallOptions, readCallOptions } from './core/validate-options.js';
import { type ClientSettings, readClientOptions, type WaveSpeedKlingOptions } from './client-options.js';
import { ApiClient, type ApiRequest } from './http/api-client.js';
import { startTrace, traceCall } from './http/diagnostics.js';
import type { RetryContext } from './http/retry.js';
import { Transport } from './http/transport.js';
import { download, type DownloadedFile } from './media/download.js';
import type { DownloadOptions } from './media/download-options.js';
import { UploadManager } from './media/upload-manager.js';
import type { UploadOptions } from './media/upload-options.js';
import type { UploadSource } from './media/upload-source.js';
import type { Model } from './models/catalog.js';
import type { DeclaredInput, ModelInput } from './models/input-types.js';
import { type PreparedInput, prepareInput, replaceMedia } from './models/prepare-input.js';
import { checkId, checkIds, checkPrediction } from './core/check-arguments.js';
import { getTask, type ListQuery, listTasks } from './predictions/history.js';
import type { KeyState } from './predictions/journal/keys.js';
import { readResolveOptions, type ResolveOptions } from './predictions/journal/resolve.js';
import { type Quote, type ServiceModel, ServiceModels } from './predictions/service-models.js';
import {
  checkIdempotencyKey,
  readRunOptions,
  readSubmitOptions,
  readWaitOptions,
  readWatchOptions,
  type RunOptions,
  type SubmitOptions,
  type WaitOptions,
  type WatchOptions,
} from './predictions/options.js';
import { TaskSubmitter } from './predictions/submitter.js';
import { TaskWaiter } from './predictions/wait.js';
import { Call, type CallLimits } from './utils/call.js';
import { isRecord } from './utils/is-record.js';
import { abortableGenerator } from './utils/closable-iterator.js';

/**
 * A client of WaveSpeed's Kling reference-to-video models.
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
  readonly #uploads: UploadManager;
  readonly #waiter: TaskWaiter;
  readonly #submitter: TaskSubmitter;
  readonly #models: ServiceModels;
  #isClosed = false;

  /** @throws {ConfigurationError} for a missing key or a bad option. */
  constructor(options: WaveSpeedKlingOptions = {}) {
    const settings = readClientOptions(options);
    this.#settings = settings;
    this.#transport = new Transport(settings);
    this.#http = new ApiClient({ ...settings, transport: this.#transport });
    this.#uploads = new UploadManager({ ...settings, http: this.#http, transport: this.#transport });
    this.#waiter = new TaskWaiter(settings, this.#http);
    this.#models = new ServiceModels(this.#http, settings.maxRetries);
    this.#submitter = new TaskSubmitter({
      settings,
      http: this.#http,
      uploads: this.#uploads,
      waiter: this.#waiter,
      models: this.#models,
      withOpenHttp: (work) => this.#withOpenHttp(work),
    });
  }

  /**
   * Submits a task and waits until it has ended.
   *
   * @throws what `submit` and `wait` throw.
   * @throws {RequestTimeoutError} if `timeoutMs` elapsed before the submit; nothing was submitted.
   */
  async run<M extends Model, Input extends ModelInput<M> = ModelInput<M>>(
    model: M,
    input: DeclaredInput<Input, ModelInput<M>>,
    options: RunOptions = {},
  ): Promise<CompletedPrediction> {
    const runOptions = readRunOptions(options);
    return this.#run(prepareInput(model, input), runOptions);
  }

  /**
   * Validates the input, uploads local media and sends one POST. The returned task is plain JSON: store it, and resume
   * with `wait(id)` later or elsewhere.
   *
   * @throws {InvalidInputError | BudgetExceededError} before anything is sent.
   * @throws {IdempotencyConflictError} if the key was used with another input; {JournalError} if the journal fails.
   * @throws {SubmissionUnknownError} if the task may or may not have been accepted.
   * @throws {RequestTimeoutError} if `timeoutMs` elapsed before the submit; nothing was submitted.
   * @throws {ApiError | ConnectionError} if it was not accepted.
   */
  async submit<M extends Model, Input extends ModelInput<M> = ModelInput<M>>(
    model: M,
    input: DeclaredInput<Input, ModelInput<M>>,
    options: SubmitOptions = {},
  ): Promise<Prediction> {
    const submitOptions = readSubmitOptions(options);
    const prepared = prepareInput(model, input);
    return this.#during(limitsOf(submitOptions, prepared), (call) =>
      traceCall(call, { operation: 'submit', ...traceOf(prepared) }, async () => {
        const { prediction, slot } = await this.#submitter.submit(call, prepared, submitOptions);
        slot.release();
        return prediction;
      }),
    );
  }

  /**
   * Polls until the task has ended. It needs only the id, so any process can resume a task.
   *
   * @throws {PredictionFailedError} if the task ended without a video.
   * @throws {WaitTimeoutError} after `timeoutMs`, {WaitAbortedError} after an abort; the task continues.
   * @throws {NotFoundError} if there is no such task, or it is older than 7 days.
   */
  async wait(id: string, options: WaitOptions = {}): Promise<CompletedPrediction> {
    const waitOptions = readWaitOptions(options);
    const slot = this.#submitter.track(checkId(id));
    const { timeoutMs = this.#settings.timeoutMs } = waitOptions;
    const waiting = this.#during({ ...waitOptions, timeoutMs }, (call) =>
      traceCall(call, { operation: 'wait', predictionId: id }, async () =>
        toCompleted(await this.#waiter.wait(call, id, waitOptions)),
      ),
    );
    return waiting.finally(() => slot.release());
  }

  /**
   * Polls like `wait`, and yields the task whenever its status changes. The final task is yielded last; a failed
   * task is not thrown as an error.
   */
  watch(id: string, options: WatchOptions = {}): AsyncGenerator<Prediction, void, void> {
    return abortableGenerator((closed) => this.#watch(id, options, closed));
  }

  /**
   * Runs many requests and yields each result as it settles; a failed request does not stop the others. Breaking out of the
   * loop stops new submits, and rejects with the errors of tasks that were or may have been accepted and that `onSubmitted`
   * was not called with. A `throw` inside `for await` hides these errors. Starts with the first `next()`.
   *
   * @example
   * for await (const result of kling.runMany(requests, { maxCost: 20 })) {
   *   if (result.status === 'fulfilled') console.log(result.index, result.value.outputs[0]);
   * }
   */
  runMany<Request extends ManyRequest>(
    requests:
      | Iterable<Request & DeclaredRequest<Request>>
      | AsyncIterable<Request & DeclaredRequest<Request>>,
    options: RunManyOptions = {},
  ): AsyncGenerator<ManyResult<Request>, void, void> {
    return new Batch<Request>(
      (prepared, runOptions, batch) => this.#run(prepared, runOptions, batch),
      requests,
      options,
      this.#settings.limits.concurrency,
    );
  }

  /**
   * Says by hand which task an idempotency key has, if its submit may or may not have been accepted.
   *
   * @param predictionId The task that the submit started, or null if it certainly started none: the key can then be used again.
   * @throws {IdempotencyConflictError} if the key belongs to another task, or the task to another key; before
   * `error.certainAt` with null, and for a task whose input differs, unless `force` is set.
   * @throws {InvalidInputError} if the journal has no such key.
   * @throws {RequestTimeoutError} if it could not be resolved within `timeoutMs`; nothing was changed.
   * @example
   * const tasks = await error.candidates(); // of a SubmissionUnknownError
   * const matches = tasks.filter((task) => task.exactMatch === true);
   * if (matches.length === 1) await kling.resolve(order.id, matches[0].id);
   */
  async resolve(
    idempotencyKey: string,
    predictionId: string | null,
    options: ResolveOptions = {},
  ): Promise<void> {
    const {
      signal,
      timeoutMs = this.#settings.requestTimeoutMs,
      force = false,
    } = readResolveOptions(options);
    const key = checkIdempotencyKey(idempotencyKey);
    const id = predictionId === null ? null : checkId(predictionId);
    const createTimeoutError = () =>
      new RequestTimeoutError(`timeoutMs (${timeoutMs} ms) ran out before the key was resolved.`);
    await this.#during({ signal, timeoutMs, createTimeoutError }, (call) =>
      this.#submitter.keys.resolve(call, key, id, force),
    );
    this.#submitter.settleKey(key);
  }

  /**
   * Returns what the journal knows of an idempotency key, without a request to the service; undefined for an unknown key.
   *
   * @example
   * app.get('/orders/:id/video', async (request, response) => {
   *   response.json((await kling.lookup(request.params.id)) ?? { state: 'unknown' });
   * });
   */
  async lookup(idempotencyKey: string): Promise<KeyState | undefined> {
    const key = checkIdempotencyKey(idempotencyKey);
    return this.#during({}, (call) => this.#submitter.keys.lookup(call, key));
  }

  /**
   * Stores the end of a task that came by webhook under its idempotency key: calls of `run` with this key return it, in any
   * process.
   *
   * @returns The key; undefined for a task that has not ended, or that the journal does not know.
   * @throws {ConfigurationError} if the journal has no `find`.
   * @example
   * const receiver = createWebhookReceiver({ secret, onEvent: (event) => kling.settle(event) });
   */
  async settle(prediction: Prediction): Promise<string | undefined> {
    const task = checkPrediction(prediction);
    return this.#during({}, (call) => this.#submitter.keys.settle(call, task));
  }

  /**
   * Fetches a task once.
   *
   * @throws {NotFoundError} if there is no such task, or it is older than 7 days.
   */
  async get(id: string, options: CallOptions = {}): Promise<Prediction> {
    return this.#during(readCallOptions(options), (call) => getTask(this.#http, call, checkId(id)));
  }

  /**
   * Yields the account's tasks of the last 7 days, newest first, including those of other machines and the website. Fetches
   * pages of 100 on demand.
   *
   * @example
   * for await (const task of kling.list({ status: 'failed' })) console.log(task.id, task.error);
   */
  async *list(query: ListQuery = {}, options: CallOptions = {}): AsyncGenerator<Prediction, void, void> {
    const call = this.#open(readCallOptions(options));
    try {
      yield* listTasks(this.#http, call, query);
    } finally {
      call.close();
    }
  }

  /** Removes tasks from the account's history. */
  async delete(ids: string | readonly string[], options: CallOptions = {}): Promise<void> {
    const body = { ids: checkIds(ids) };
    await this.#read('delete', { method: 'POST', path: '/api/v3/predictions/delete', body }, options);
  }

  /**
   * Uploads an image, video or audio file, streamed from disk, and returns its URL, which is valid for 7 days. The same Blob, or the
   * same unchanged file, is uploaded once per client.
   *
   * @throws {InvalidInputError} for a file that the service does not accept; nothing was sent.
   * @throws {UploadError} if the file changed during the upload, or storage rejected it.
   * @example
   * const front = await kling.upload('front.png');
   */
  async upload(file: UploadSource, options: UploadOptions = {}): Promise<string> {
    return this.#uploads.upload(file, options);
  }

  /**
   * Downloads a task's outputs into a directory, which is created if needed: `<id>-1.mp4` and so on, or, for a URL, its
   * last path segment. Downloads are atomic, and resumed if the server allows it.
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
    const dependencies = { ...this.#settings, transport: this.#transport };
    return download(dependencies, source, directory, options);
  }

  /** Returns the account's balance, in US dollars. */
  async balance(options: CallOptions = {}): Promise<number> {
    const path = '/api/v3/balance';
    const { balance } = await this.#read('balance', { method: 'GET', path }, options);
    if (typeof balance === 'number') return balance;
    throw new InvalidResponseError(`[GET] ${path}: the response has no balance.`);
  }

  /**
   * Yields the account's charges and refunds, newest first, under the service's names. Fetches pages of 100 on demand.
   *
   * @example
   * for await (const row of kling.billings({ type: 'refund' })) console.log(row.prediction?.uuid, row.price);
   */
  async *billings(
    query: BillingsQuery = {},
    options: CallOptions = {},
  ): AsyncGenerator<BillingRow, void, void> {
    const call = this.#open(readCallOptions(options));
    try {
      yield* listBillings(this.#http, call, query);
    } finally {
      call.close();
    }
  }

  /**
   * Returns the totals of a period, by model and by day, under the service's names.
   *
   * @throws {InvalidInputError} without `from` or `to`.
   * @example
   * const { summary } = await kling.usage({ from: '2026-01-01', to: new Date() });
   */
  async usage(range: UsageRange, options: CallOptions = {}): Promise<Usage> {
    return this.#during(readCallOptions(options), (call) => readUsage(this.#http, call, range));
  }

  /**
   * Yields the tasks of a period, newest first, each with what it was charged and refunded, what it should cost, its
   * idempotency key, and whether these agree. Joins billings, history and the journal's entries; only reads, with one
   * request after the other. Without the option `journal`, or if the journal has no `entries`, no task has a key.
   *
   * @example
   * for await (const { predictionId, key, finding } of kling.reconcile({ since: '2026-01-01' })) {
   *   if (finding !== 'ok') console.log(finding, predictionId, key);
   * }
   */
  async *reconcile(
    range: ReconcileRange = {},
    options: CallOptions = {},
  ): AsyncGenerator<Reconciliation, void, void> {
    const call = this.#open(readCallOptions(options));
    try {
      yield* reconcileAccount(this.#http, call, range, this.#settings.entries);
    } finally {
      call.close();
    }
  }

  /**
   * Requests the price of a task from the service, which measures media: local files are uploaded first. Nothing is started.
   * `estimateCost` computes the price locally.
   */
  async quote<M extends Model>(model: M, input: ModelInput<M>, options: CallOptions = {}): Promise<Quote> {
    const prepared = prepareInput(model, input);
    return this.#during(readCallOptions(options), async (call) => {
      const { local } = prepared;
      const urls = await this.#uploads.uploadAll(prepared.model.id, local, call.signal, call.maxRetries);
      return this.#models.quote(call, prepared.model, replaceMedia(prepared, urls));
    });
  }

  /** Returns every model of the service, as it describes them: with the fields that it reads, and its prices. */
  async listModels(options: CallOptions = {}): Promise<ServiceModel[]> {
    return this.#during(readCallOptions(options), (call) => this.#models.list(call));
  }

  /** Returns the secret that the account's webhooks are signed with: `whsec_…`, one per API key. */
  async webhookSecret(options: CallOptions = {}): Promise<string> {
    const path = '/api/v3/webhook/secret';
    const { secret } = await this.#read('webhookSecret', { method: 'GET', path }, options);
    if (typeof secret === 'string' && secret !== '') return secret;
    throw new InvalidResponseError(`[GET] ${path}: the response has no secret.`);
  }

  /** Waits for requests in flight, then closes idle connections. Afterwards the client sends nothing, except for `candidates()`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#transport.close();
  }

  /** Calls `close()` at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @param batch stops it: nothing is submitted once it has; and limits what it may cost. */
  #run(prepared: PreparedInput, options: RunOptions, batch?: BatchLimits): Promise<CompletedPrediction> {
    const { timeoutMs = this.#settings.timeoutMs, idempotencyKey } = options;
    const limits = { ...limitsOf({ ...options, timeoutMs }, prepared), stop: batch?.stop };
    return this.#during(limits, (call) =>
      traceCall(call, { operation: 'run', ...traceOf(prepared) }, async () => {
        const { prediction, slot } = await this.#submitter.submit(call, prepared, options, batch?.reserve);
        const { pollIntervalMs = this.#settings.pollIntervalMs } = options;
        const ends =
          idempotencyKey === undefined
            ? undefined
            : this.#submitter.keys.watch(call, idempotencyKey, Number(pollIntervalMs));
        const waiting = this.#waiter.wait(call, prediction.id, options, prediction, ends);
        const ended = await waiting.finally(() => slot.release());
        if (idempotencyKey !== undefined) await this.#submitter.keys.recordEnd(call, idempotencyKey, ended);
        return toCompleted(ended);
      }),
    );
  }

  async *#watch(
    id: string,
    options: WatchOptions,
    closed: AbortSignal,
  ): AsyncGenerator<Prediction, void, void> {
    const watchOptions = readWatchOptions(options);
    const slot = this.#submitter.track(checkId(id));
    const { timeoutMs = this.#settings.timeoutMs } = watchOptions;
    const call = this.#open({ ...watchOptions, timeoutMs, stop: closed });
    const trace = startTrace(call, { operation: 'watch', predictionId: id });
    let isPending = true;
    try {
      for await (const seen of this.#waiter.watch(call, id, watchOptions)) {
        if (isTerminal(seen.status)) {
          isPending = false;
          trace.succeed(seen);
        }
        yield seen;
      }
    } catch (error) {
      isPending = false;
      trace.fail(error);
      throw error;
    } finally {
      // The caller left the loop.
      if (isPending) trace.fail(new WaitAbortedError(id, undefined));
      call.close();
      slot.release();
    }
  }

  #open(limits: CallLimits): Call {
    return new Call({ ...limits, maxRetries: limits.maxRetries ?? this.#settings.maxRetries });
  }

  async #during<T>(limits: CallLimits, work: (call: Call) => Promise<T>): Promise<T> {
    const call = this.#open(limits);
    try {
      return await work(call);
    } finally {
      call.close();
    }
  }

  /** `candidates()` also works after `close()`, with a temporary connection. */
  async #withOpenHttp<T>(work: (http: ApiClient) => Promise<T>): Promise<T> {
    if (!this.#isClosed) return work(this.#http);
    const transport = new Transport(this.#settings);
    try {
      return await work(new ApiClient({ ...this.#settings, transport }));
    } finally {
      await transport.close();
    }
  }

  #read(
    operation: RetryContext['operation'],
    request: ApiRequest,
    options: CallOptions,
  ): Promise<Record<string, unknown>> {
    const parse = (data: unknown) => (isRecord(data) ? data : {});
    return this.#during(readCallOptions(options), (call) => this.#http.read(call, operation, request, parse));
  }
}

const traceOf = ({ model, cost }: PreparedInput) => ({ model: model.id, cost });

function limitsOf({ signal, timeoutMs, maxRetries }: SubmitOptions, { model }: PreparedInput): CallLimits {
  const createTimeoutError = () =>
    new RequestTimeoutError(
      `timeoutMs (${timeoutMs} ms) ran out before the task was submitted to ${model.id}; nothing was submitted.`,
    );
  return { signal, timeoutMs, maxRetries, createTimeoutError };
}

function toCompleted(ended: Prediction): CompletedPrediction {
  if (isCompleted(ended)) return ended;
  throw new PredictionFailedError(ended);
}
