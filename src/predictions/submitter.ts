/** Submits tasks: checks the cost, uploads media, takes a slot, makes the POST, and reports the task. */
import { BudgetExceededError, RateLimitError, SubmissionUnknownError } from '../core/errors/index.js';
import { isTerminal, type Prediction } from '../core/prediction.js';
import type { ApiClient } from '../http/api-client.js';
import { type Limits, SubmitLimiter, type Slot } from '../http/submit-limiter.js';
import { isRetryableSubmit } from '../http/proves-not-accepted.js';
import { retry } from '../http/retry.js';
import type { UploadManager } from '../media/upload-manager.js';
import { type PreparedInput, replaceMedia } from '../models/prepare-input.js';
import type { Call } from '../utils/call.js';
import { invokeCallback, toAbortError } from './callbacks.js';
import type { CandidateSearch } from './candidates.js';
import { digestInput } from './compare-inputs.js';
import { InFlight } from './in-flight.js';
import { IdempotencyKeys, type KeySettings } from './journal/keys.js';
import type { Mark } from './journal/mark.js';
import type { ServiceModels } from './service-models.js';
import { type Accepted, submitOnce } from './submit-once.js';
import type { SubmitOptions } from './options.js';
import type { TaskWaiter } from './wait.js';

interface SubmitterDependencies {
  settings: KeySettings & { maxCost: number; maxRetries: number; limits: Limits };
  http: ApiClient;
  uploads: UploadManager;
  withOpenHttp: CandidateSearch['withOpenHttp'];
  waiter: TaskWaiter;
  models: ServiceModels;
}

type Reserve = (cost: number) => void;

/** What one call submits, and what it may cost. */
interface Order {
  call: Call;
  prepared: PreparedInput;
  options: SubmitOptions;
  maxCost: number;
  reserve: Reserve | undefined;
}

/** The request body, and the cost of its task in US dollars: undefined where only the service knows it, and nothing limits it. */
interface Payload {
  body: Record<string, unknown>;
  cost: number | undefined;
}

/** A task with its slot among the running ones. */
type Tracked = Accepted & { slot: Slot };

export class TaskSubmitter {
  readonly keys: IdempotencyKeys;
  readonly #deps: SubmitterDependencies;
  readonly #limiter: SubmitLimiter;
  readonly #search: CandidateSearch;
  readonly #inFlight = new InFlight();

  constructor(dependencies: SubmitterDependencies) {
    const { settings, http, withOpenHttp } = dependencies;
    this.#deps = dependencies;
    this.#limiter = new SubmitLimiter(settings.limits);
    this.#search = { maxRetries: settings.maxRetries, withOpenHttp };
    this.keys = new IdempotencyKeys(settings, http, this.#search);
  }

  /** Counts a task toward the concurrency limit until its slot is released. */
  track(id: string): Slot {
    this.#inFlight.remember(id);
    return this.#limiter.track();
  }

  /** The task of a key was settled by hand. */
  settleKey(key: string): void {
    this.#inFlight.settleKey(key);
  }

  /**
   * Submits a task, or finds the one of the idempotency key. Nothing is submitted after the end of the call.
   *
   * @param reserve Called with the cost of a new task before anything is sent, or as soon as the service has named it.
   */
  async submit(
    call: Call,
    prepared: PreparedInput,
    options: SubmitOptions,
    reserve?: Reserve,
  ): Promise<{ prediction: Prediction; slot: Slot }> {
    const maxCost = Math.min(options.maxCost ?? Infinity, this.#deps.settings.maxCost);
    call.throwIfEnded();
    const order = { call, prepared, options, maxCost, reserve };
    const { prediction, abortError, slot } =
      options.idempotencyKey === undefined
        ? await this.#submitPaced(order, await this.#complete(order))
        : await this.#submitWithKey(order, options.idempotencyKey);
    call.commit();
    try {
      await invokeCallback(call, 'onSubmitted', options.onSubmitted, prediction);
      if (abortError !== undefined) throw abortError;
      return { prediction, slot };
    } catch (error) {
      slot.release();
      throw abortError ?? toAbortError(call, error, prediction.id);
    }
  }

  async #submitWithKey(order: Order, key: string): Promise<Tracked> {
    const { call, prepared, options } = order;
    let payload: Payload | undefined;
    let own: Tracked | undefined;
    let slot: Slot | undefined;
    try {
      const task = await this.keys.submit(call, key, prepared, options.whenAbsent, async (mark) => {
        this.#inFlight.settleKey(key);
        payload ??= await this.#complete(order);
        own = await this.#submitPaced(order, payload, mark);
        slot = own.slot;
        return own.prediction;
      });
      const { predictionId } = task;
      if (own?.prediction.id === predictionId) return own;
      slot?.release();
      this.#inFlight.settleKey(key);
      slot = this.track(predictionId);
      call.commit();
      const prediction = task.prediction ?? (await this.#deps.waiter.look(call, predictionId));
      if (isTerminal(prediction.status)) await this.keys.recordEnd(call, key, prediction);
      return { prediction, abortError: undefined, slot };
    } catch (error) {
      slot?.release();
      throw error;
    }
  }

  /**
   * Checks the cost, and uploads local media. A price that only the service knows is asked after the uploads, which it
   * measures. A key that has a task does not get here: it costs nothing.
   */
  async #complete({ call, prepared, maxCost, reserve }: Order): Promise<Payload> {
    const { models, uploads } = this.#deps;
    const { model, local, cost } = prepared;
    const admit = (amount: number) => {
      checkCost(amount, maxCost);
      reserve?.(amount);
    };
    if (cost !== undefined) admit(cost);
    await models.confirm(call, prepared);
    call.throwIfEnded();
    const urls = await uploads.uploadAll(model.id, local, call.signal, call.maxRetries);
    call.throwIfEnded();
    const body = replaceMedia(prepared, urls);
    if (cost !== undefined || (maxCost === Infinity && reserve === undefined)) return { body, cost };
    const price = await models.price(call, model, body);
    admit(price);
    call.throwIfEnded();
    return { body, cost: price };
  }

  /** Waits for a slot and submits; again where it is proven that nothing was accepted. */
  async #submitPaced(order: Order, payload: Payload, mark?: Mark): Promise<Tracked> {
    const { call } = order;
    const isOfBatch = call.stop !== undefined;
    let failures = 0;
    let isRetry = false;
    // The time limit of a request of a batch does not count the wait for its first slot.
    let firstSlot: Slot | undefined = isOfBatch
      ? await call.untimed(() => this.#limiter.acquire(call.signal, Infinity))
      : undefined;
    const attempt = async () => {
      const slot = firstSlot ?? (await this.#limiter.acquire(call.signal, call.deadlineAt, isRetry));
      firstSlot = undefined;
      isRetry = true;
      return this.#post(order, payload, slot, mark);
    };
    return retry(attempt, {
      operation: 'submit',
      shouldRetry: (error) =>
        isRetryableSubmit(error) &&
        // A request of a batch waits for a slot as long as it has time.
        ((isOfBatch && error instanceof RateLimitError) || failures++ < call.maxRetries),
      maxRetries: Infinity,
      signal: call.signal,
      deadlineAt: call.deadlineAt,
      onRetry: this.#deps.settings.onRetry,
    });
  }

  /** Makes one POST. */
  async #post(order: Order, payload: Payload, slot: Slot, mark: Mark | undefined): Promise<Tracked> {
    const { call, prepared, options } = order;
    const { body, cost } = payload;
    const { model } = prepared;
    const { webhookUrl, idempotencyKey } = options;
    const pending = this.#inFlight.begin(model.id, body, idempotencyKey);
    let isMarked = false;
    const startedAt = performance.now();
    try {
      await mark?.set(digestInput(model, body), cost);
      isMarked = true;
      const accepted = await submitOnce(this.#deps.http, call, {
        model: model.id,
        body,
        webhookUrl,
        idempotencyKey,
        beforeSend: () => {
          mark?.check();
          slot.markSent();
          call.commit();
        },
        candidates: (from, patience) => {
          const digest = digestInput(model, body);
          // The clock may have been set since.
          const earliest = Math.min(from.getTime(), Date.now() - (performance.now() - startedAt));
          const lost = { model, digest, from: new Date(earliest), until: new Date() };
          return this.#inFlight.findCandidates(this.#search, pending, lost, patience);
        },
      });
      this.#inFlight.settle(pending, accepted.prediction.id);
      slot.markSubmitted();
      return { ...accepted, slot };
    } catch (thrown) {
      const error = isMarked && mark !== undefined ? await mark.clear(thrown) : thrown;
      const failure = call.isReason(error) ? { reason: error } : error;
      slot.markSubmitted(failure);
      if (failure instanceof SubmissionUnknownError) {
        slot.hold();
        this.#inFlight.lose(pending, slot, failure.predictionId);
      } else {
        slot.release();
        this.#inFlight.settle(pending);
      }
      call.rollback();
      throw error;
    }
  }
}

function checkCost(cost: number, maxCost: number): void {
  if (cost > maxCost) throw new BudgetExceededError({ cost, maxCost });
}
