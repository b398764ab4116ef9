/** Runs many requests, and returns each result as it comes. */
import PQueue from 'p-queue';
import type { CompletedPrediction } from '../core/prediction.js';
import type { PreparedInput } from '../models/prepare-input.js';
import type { RunOptions } from '../predictions/options.js';
import { addAbortListener, raceAbort } from '../utils/abort.js';
import {
  getIterator,
  type ManyRequest,
  type ManyResult,
  findMissed,
  prepareRequest,
  runRequest,
  type Settled,
  warnUnreported,
} from './batch-request.js';
import { createBudget } from './budget.js';
import { readRunManyOptions, type RunManyOptions } from './run-many-options.js';

/** What a batch sets for each of its requests. */
export interface BatchLimits {
  /** Nothing is submitted once it has aborted. */
  stop: AbortSignal;
  /** Called with the cost of each new task, before the submit. */
  reserve: ((cost: number) => void) | undefined;
}

type RunOne = (
  prepared: PreparedInput,
  options: RunOptions,
  batch: BatchLimits,
) => Promise<CompletedPrediction>;

/** Abort reason of a batch whose loop was left. */
const LEFT = new Error('The loop over the batch was left.');

/**
 * An async iterator over the results of a batch. It starts with the first `next()`. Leaving it stops new submits, aborts
 * what runs, and rejects with the errors of tasks that were not reported.
 */
export class Batch<Request extends ManyRequest> implements AsyncGenerator<ManyResult<Request>, void, void> {
  readonly #run: RunOne;
  readonly #requests: Iterable<Request> | AsyncIterable<Request>;
  readonly #options: RunManyOptions;
  readonly #limit: number;
  /** Aborts every request of the batch. */
  readonly #abort = new AbortController();
  /** Aborts with `#abort`, or before it: stops new submits, and what was submitted continues. */
  readonly #stop = new AbortController();
  readonly #results: Settled<Request>[] = [];
  #wake: (() => void)[] = [];
  #running: Promise<void> | undefined;
  #isOver = false;
  #isLeft = false;
  /** What the loop throws at its end. */
  #failure: { error: unknown } | undefined;

  constructor(
    run: RunOne,
    requests: Iterable<Request> | AsyncIterable<Request>,
    options: RunManyOptions,
    limit: number,
  ) {
    this.#run = run;
    this.#requests = requests;
    this.#options = options;
    this.#limit = limit;
  }

  async next(): Promise<IteratorResult<ManyResult<Request>, void>> {
    if (this.#isLeft) return { done: true, value: undefined };
    this.#running ??= this.#start();
    for (;;) {
      const settled = this.#results.shift();
      if (settled !== undefined) {
        this.#notify();
        return { done: false, value: settled.result };
      }
      if (this.#isOver || this.#isLeft) break;
      await this.#change();
    }
    const failure = this.#isLeft ? undefined : this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<ManyResult<Request>, void>> {
    const errors = await this.#leave();
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : aggregate(errors);
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<ManyResult<Request>, void>> {
    const errors = await this.#leave();
    throw errors.length === 0 ? error : aggregate([error, ...errors]);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Stops new submits, and returns the errors of the tasks that reached neither the loop nor `onSubmitted`. */
  async #leave(): Promise<unknown[]> {
    this.#isLeft = true;
    this.#stop.abort(LEFT);
    this.#abort.abort(LEFT);
    this.#notify();
    await this.#running;
    const errors = this.#results.splice(0).flatMap((settled) => findMissed(settled, LEFT));
    // JavaScript drops what leaving rejects with, where the body of a loop threw.
    for (const error of errors) warnUnreported(error);
    return errors;
  }

  async #start(): Promise<void> {
    try {
      const options = readRunManyOptions(this.#options, this.#limit);
      const source = getIterator(this.#requests);
      await this.#feed(source, options);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#isOver = true;
    this.#notify();
  }

  /** Takes requests from the source as there is room for them. */
  async #feed(
    source: Iterator<Request> | AsyncIterator<Request>,
    options: RunManyOptions & { concurrency: number },
  ): Promise<void> {
    const { concurrency, maxCost, signal } = options;
    const queue = new PQueue({ concurrency });
    const budget = createBudget(maxCost);
    const stopped = this.#stop.signal;
    const removeListener =
      signal &&
      addAbortListener(signal, () => {
        this.#stop.abort(signal.reason);
        this.#abort.abort(signal.reason);
      });
    try {
      for (let index = 0; ; index++) {
        stopped.throwIfAborted();
        const next = await raceAbort(Promise.resolve(source.next()), stopped);
        if (next.done === true) break;
        this.#take(next.value, index, options, queue, budget);
        // Backpressure: one request queued, and no more results than the caller reads.
        await raceAbort(queue.onSizeLessThan(1), stopped);
        while (this.#results.length > concurrency) await raceAbort(this.#change(), stopped);
      }
      await queue.onIdle();
      stopped.throwIfAborted();
    } finally {
      // Errors from closing the source are ignored.
      if (stopped.aborted) void (async () => source.return?.())().catch(() => undefined);
      await queue.onIdle();
      removeListener?.();
    }
  }

  #take(
    request: Request,
    index: number,
    options: RunManyOptions,
    queue: PQueue,
    budget: ReturnType<typeof createBudget>,
  ): void {
    let prepared: PreparedInput;
    try {
      // Read once: the caller may change the input while the request waits for a slot.
      prepared = prepareRequest(request);
    } catch (reason) {
      this.#settle({
        result: { status: 'rejected', index, request, reason },
        isPaid: false,
        isReported: false,
      });
      return;
    }
    const { idempotencyKey } = request;
    let reserved = 0;
    const reserve = (cost: number) => {
      budget.reserve(cost);
      reserved = cost;
    };
    const limits = { stop: this.#stop.signal, reserve: options.maxCost === undefined ? undefined : reserve };
    const run = (given: RunOptions) =>
      this.#run(prepared, { ...given, idempotencyKey, signal: this.#abort.signal }, limits);
    void queue.add(async () => {
      const stop = (error: unknown) => this.#stop.abort(error);
      const isReason = (error: unknown) =>
        [this.#stop, this.#abort].some(({ signal }) => signal.aborted && error === signal.reason);
      const settled = await runRequest(request, index, options, run, stop, isReason);
      if (!settled.isPaid) budget.release(reserved);
      this.#settle(settled);
    });
  }

  #settle(settled: Settled<Request>): void {
    this.#results.push(settled);
    this.#notify();
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Resolves when a result was added or read, or the batch has ended. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve);
    });
  }
}

function aggregate(errors: unknown[]): AggregateError {
  const message = `${errors.length} errors; see \`errors\`: tasks may have been created and charged. Resume those that name a task.`;
  return new AggregateError(errors, message);
}
