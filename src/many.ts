/**
 * Runs many requests within an account's limits, and gives each result as it comes.
 */
import PQueue from 'p-queue';
import { onAbort, orAbort } from './abort.js';
import { estimateCost } from './cost.js';
import type { DefinedModel } from './define-model.js';
import { BudgetExceededError, WaveSpeedError } from './errors.js';
import { type ModelInput, readInput } from './input.js';
import type { Model, ModelId } from './models.js';
import { accountLimits, type RunManyOptions, type RunOptions } from './options.js';
import type { CompletedPrediction, Prediction } from './prediction.js';

/** One request of many: a model and its input. */
export type ManyRequest =
  | { [M in ModelId]: { model: M; input: ModelInput<M> } }[ModelId]
  | { model: DefinedModel; input: ModelInput<DefinedModel> };

/** How one request of many ended. `index` is its place among the requests. */
export type ManyResult<Request extends ManyRequest = ManyRequest> =
  | { status: 'fulfilled'; index: number; request: Request; value: CompletedPrediction }
  | {
      status: 'rejected';
      index: number;
      request: Request;
      reason: unknown;
      /** The task, where one was accepted: `wait` takes it up again. */
      predictionId?: string;
    };

type Run = (model: Model, input: ModelInput<Model>, options: RunOptions) => Promise<CompletedPrediction>;

const round = (dollars: number) => Math.round(dollars * 10_000) / 10_000;

/**
 * Runs the requests. An array's cost is checked as a whole before the first is sent; what comes one by one is checked
 * as it comes.
 *
 * @throws {BudgetExceededError} for an array over `maxCost`; the signal's reason after an abort.
 */
export async function* runMany<Request extends ManyRequest>(
  run: Run,
  requests: Iterable<Request> | AsyncIterable<Request>,
  options: RunManyOptions,
): AsyncGenerator<ManyResult<Request>, void, void> {
  const { concurrency, perMinute } = accountLimits(options);
  const { level: _level, concurrency: _concurrency, perMinute: _perMinute, ...rest } = options;
  const { maxCost = Infinity, signal, onSubmitted, onUpdate, ...runOptions } = rest;
  signal?.throwIfAborted();

  let cost = 0;
  /** Adds a request's cost, and refuses what would go over the batch's; what is no request costs nothing. */
  const spend = ({ model, input }: Request) => {
    const read = readInput(model, input);
    const total = round(cost + estimateCost(read.model, read.body));
    if (total > maxCost) throw new BudgetExceededError(total, maxCost);
    cost = total;
  };
  if (Array.isArray(requests)) {
    const total = requests.reduce((sum: number, request: Request) => {
      try {
        const read = readInput(request.model, request.input);
        return round(sum + estimateCost(read.model, read.body));
      } catch {
        // It will be refused in its turn.
        return sum;
      }
    }, 0);
    if (total > maxCost) throw new BudgetExceededError(total, maxCost);
  }

  const stop = new AbortController();
  const forget = signal && onAbort(signal, () => stop.abort(signal.reason));
  const queue = new PQueue({ concurrency, interval: 60_000, intervalCap: perMinute, strict: true });
  const settled: ManyResult<Request>[] = [];
  let isOver = false;
  let feedError: { reason: unknown } | undefined;
  let announce: () => void = () => undefined;

  /** Taken from the source, not yet begun. */
  const waiting = new Map<number, Request>();

  const settle = (result: ManyResult<Request>) => {
    settled.push(result);
    announce();
  };
  const one = async (request: Request, index: number): Promise<ManyResult<Request>> => {
    waiting.delete(index);
    let predictionId: string | undefined;
    try {
      spend(request);
      const value = await run(request.model, request.input, {
        ...runOptions,
        signal: stop.signal,
        onSubmitted: async (prediction) => {
          predictionId = prediction.id;
          await onSubmitted?.(prediction, index);
        },
        ...(onUpdate === undefined
          ? {}
          : { onUpdate: (prediction: Prediction) => onUpdate(prediction, index) }),
      });
      return { status: 'fulfilled', index, request, value };
    } catch (reason) {
      const id = predictionId ?? (reason instanceof WaveSpeedError ? reason.predictionId : undefined);
      const rejected = { status: 'rejected', index, request, reason } as const;
      return id === undefined ? rejected : { ...rejected, predictionId: id };
    }
  };
  const feed = async () => {
    const source =
      Symbol.asyncIterator in requests ? requests[Symbol.asyncIterator]() : requests[Symbol.iterator]();
    try {
      for (let index = 0; ; index++) {
        const at = index;
        const next = await orAbort(Promise.resolve(source.next()), stop.signal);
        if (next.done === true) return;
        const request = next.value;
        waiting.set(at, request);
        void queue.add(() => one(request, at)).then(settle);
        // One in waiting is enough: the rest is taken from its source when there is room.
        await orAbort(queue.onSizeLessThan(1), stop.signal);
      }
    } finally {
      if (stop.signal.aborted) void source.return?.();
    }
  };
  const dropWaiting = onAbort(stop.signal, () => {
    queue.clear();
    for (const [index, request] of waiting) {
      settle({ status: 'rejected', index, request, reason: stop.signal.reason });
    }
  });
  void feed()
    .catch((reason: unknown) => {
      feedError = { reason };
    })
    .then(() => queue.onIdle())
    .finally(() => {
      isOver = true;
      announce();
    });

  try {
    for (;;) {
      const result = settled.shift();
      if (result !== undefined) {
        yield result;
        continue;
      }
      if (isOver) break;
      await new Promise<void>((resolve) => {
        announce = resolve;
        if (settled.length > 0 || isOver) resolve();
      });
    }
    signal?.throwIfAborted();
    if (feedError !== undefined) throw feedError.reason;
  } finally {
    // Whoever leaves early wants nothing more started; what was accepted goes on, and its id was told.
    stop.abort(new Error('The batch was left.'));
    forget?.();
    dropWaiting();
  }
}
