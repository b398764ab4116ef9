/**
 * Runs many requests within an account's limits, and gives each result as it comes.
 */
import PQueue from 'p-queue';
import { onAbort, orAbort } from '../utils/abort.js';
import { estimateCost } from '../models/estimate-cost.js';
import { byDeadline, type Deadline } from '../utils/with-deadline.js';
import type { DefinedModel } from '../models/define-model.js';
import {
  BudgetExceededError,
  ConfigurationError,
  InvalidInputError,
  SubmissionUnknownError,
  WaveSpeedError,
} from '../core/errors/index.js';
import { type ModelInput, readInput } from '../models/prepare-input.js';
import type { Model, ModelId } from '../models/registry.js';
import type { RunManyOptions, RunOptions } from './options.js';
import type { CompletedPrediction, Prediction } from '../core/prediction.js';
import { show } from '../core/messages.js';

/** One request of many: a model and its input. */
export type ManyRequest =
  | { [M in ModelId]: { model: M; input: ModelInput<M> } }[ModelId]
  | { model: DefinedModel; input: ModelInput<DefinedModel> };

/** Holds a request to its own model's fields: of what a type parameter takes, TypeScript lets undeclared ones pass. */
export type Declared<Request> = Request extends { model: infer M extends Model; input: infer Input }
  ? { input: ModelInput<M> & { [Field in Exclude<keyof Input, keyof ModelInput<M>>]?: never } }
  : unknown;

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

/** How a batch has a hand in the submits of one of its requests. */
export interface Batch {
  /** Makes an attempt in its turn. */
  pace: (post: () => Promise<Prediction>, deadline: Deadline) => Promise<Prediction>;
  /** Is told that from now on the outcome may be open. */
  onSend: () => void;
}

type Run = (
  model: Model,
  input: ModelInput<Model>,
  options: RunOptions,
  batch: Batch,
) => Promise<CompletedPrediction>;

/** One request that is being run. */
interface Going {
  controller: AbortController;
  /** Whether it may have been accepted, and its id was not told yet. */
  isOpen: boolean;
}

/** Says, among the reasons of an abort, that nobody wants the batch's results any more. */
const LEFT = new Error('The batch was left.');

const round = (dollars: number) => Math.round(dollars * 10_000) / 10_000;

/** Reckons what a request costs; refuses what is none. */
function costOf(request: ManyRequest): number {
  if (typeof request !== 'object' || request === null) {
    const message = `got ${show(request)}; expected { model, input }`;
    throw new InvalidInputError('runMany', [{ path: [], message }]);
  }
  const { model, body } = readInput(request.model, request.input);
  return estimateCost(model, body);
}

/**
 * Runs the requests. An array's cost is checked as a whole before the first is sent; what comes one by one is checked
 * as it comes. Left early, it starts nothing more, and ends when what is being submitted has its id.
 *
 * @throws {BudgetExceededError} for an array over `maxCost`; the signal's reason after an abort.
 */
export async function* runMany<Request extends ManyRequest>(
  run: Run,
  requests: Iterable<Request> | AsyncIterable<Request>,
  options: RunManyOptions,
  left: AbortSignal,
): AsyncGenerator<ManyResult<Request>, void, void> {
  const { concurrency = 100, ...rest } = options;
  const { maxCost = Infinity, signal, onSubmitted, onUpdate, ...runOptions } = rest;
  signal?.throwIfAborted();
  if (left.aborted) return;
  const source = iteratorOf(requests);

  /** What was spent, or is set aside for what is under way. */
  let cost = 0;
  if (Array.isArray(requests)) {
    const total = requests.reduce((sum: number, request: Request) => {
      try {
        return round(sum + costOf(request));
      } catch {
        // It will be refused in its turn.
        return sum;
      }
    }, 0);
    if (total > maxCost) throw new BudgetExceededError({ cost: total, maxCost });
  }

  const queue = new PQueue({ concurrency });
  /** Grants the attempts to submit: the first as the run begins, repeated ones before the others' first. */
  const turns = new PQueue({});
  /** Ends the taking of requests. */
  const stop = new AbortController();
  const going = new Set<Going>();
  /** Taken from the source, not yet begun. */
  const waiting = new Map<number, Request>();
  const settled: ManyResult<Request>[] = [];
  let isOver = false;
  let feedError: { reason: unknown } | undefined;
  /** Tells the loop of a result, and the feed that one was taken. */
  let announce: () => void = () => undefined;
  let taken: () => void = () => undefined;

  const settle = (result: ManyResult<Request>) => {
    settled.push(result);
    announce();
  };

  const runOne = async (request: Request, index: number, ownCost: number): Promise<ManyResult<Request>> => {
    waiting.delete(index);
    const one: Going = { controller: new AbortController(), isOpen: false };
    const { signal: ownSignal } = one.controller;
    going.add(one);
    if (stop.signal.aborted) one.controller.abort(stop.signal.reason);
    /** What was let be for its id alone, and is not open any more, ends. */
    const close = () => {
      one.isOpen = false;
      if (stop.signal.aborted) one.controller.abort(stop.signal.reason);
    };
    const turn = async (priority: number, signal = ownSignal) => {
      await turns.add(() => undefined, { signal, priority });
      ownSignal.throwIfAborted();
    };
    let attempts = 0;
    const batch: Batch = {
      pace: async (post, deadline) => {
        if (attempts++ > 0) await byDeadline(deadline, ownSignal, (limited) => turn(1, limited));
        try {
          return await post();
        } catch (error) {
          close();
          throw error;
        }
      },
      onSend: () => {
        one.isOpen = true;
      },
    };
    let predictionId: string | undefined;
    try {
      // Its time begins with its turn.
      await turn(0);
      const value = await run(
        request.model,
        request.input,
        {
          ...runOptions,
          signal: ownSignal,
          onSubmitted: async (prediction) => {
            predictionId = prediction.id;
            try {
              await onSubmitted?.(prediction, index);
            } finally {
              close();
            }
          },
          ...(onUpdate === undefined
            ? {}
            : { onUpdate: (prediction: Prediction) => onUpdate(prediction, index) }),
        },
        batch,
      );
      return { status: 'fulfilled', index, request, value };
    } catch (reason) {
      const id = predictionId ?? (reason instanceof WaveSpeedError ? reason.predictionId : undefined);
      // What was not accepted has cost nothing.
      if (id === undefined && !(reason instanceof SubmissionUnknownError)) cost = round(cost - ownCost);
      const rejected = { status: 'rejected', index, request, reason } as const;
      return id === undefined ? rejected : { ...rejected, predictionId: id };
    } finally {
      going.delete(one);
    }
  };

  const take = async (request: Request, index: number) => {
    let ownCost: number;
    try {
      ownCost = costOf(request);
      const total = round(cost + ownCost);
      if (total > maxCost) throw new BudgetExceededError({ cost: ownCost, maxCost, spent: cost });
      cost = total;
    } catch (reason) {
      settle({ status: 'rejected', index, request, reason });
      return;
    }
    waiting.set(index, request);
    void queue.add(() => runOne(request, index, ownCost)).then(settle);
    // One in waiting is enough: the rest is taken from its source when there is room.
    await orAbort(queue.onSizeLessThan(1), stop.signal);
    await orAbort(turns.onSizeLessThan(1), stop.signal);
  };
  const feed = async () => {
    try {
      for (let index = 0; ; index++) {
        // What is there already wins the race against an abort that came before it.
        stop.signal.throwIfAborted();
        const next = await orAbort(Promise.resolve(source.next()), stop.signal);
        if (next.done === true) return;
        await take(next.value, index);
        // Nor is more taken than somebody looks at.
        while (settled.length > concurrency) {
          await orAbort(
            new Promise<void>((resolve) => {
              taken = resolve;
            }),
            stop.signal,
          );
        }
      }
    } finally {
      // How a source ends is its own affair.
      if (stop.signal.aborted) void (async () => source.return?.())().catch(() => undefined);
    }
  };

  /** Starts nothing more; ends what is under way, but for what `spared` says. */
  const end = (reason: unknown, spared: (one: Going) => boolean) => {
    if (stop.signal.aborted) return;
    stop.abort(reason);
    queue.clear();
    for (const [index, request] of waiting) settle({ status: 'rejected', index, request, reason });
    for (const one of going) if (!spared(one)) one.controller.abort(reason);
  };
  const forget = signal && onAbort(signal, () => end(signal.reason, () => false));
  // What is being submitted has its id told first: it may be paid for already.
  const leave = () => end(LEFT, ({ isOpen }) => isOpen);
  const forgetLeft = onAbort(left, () => {
    leave();
    announce();
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
    while (!left.aborted) {
      const result = settled.shift();
      if (result !== undefined) {
        taken();
        yield result;
        continue;
      }
      if (isOver) break;
      await new Promise<void>((resolve) => {
        announce = resolve;
        if (settled.length > 0 || isOver || left.aborted) resolve();
      });
    }
    if (left.aborted) return;
    signal?.throwIfAborted();
    if (feedError !== undefined) throw feedError.reason;
  } finally {
    leave();
    await queue.onIdle();
    forget?.();
    forgetLeft();
  }
}

function iteratorOf<T>(requests: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  const given: unknown = requests;
  if (typeof given === 'object' && given !== null) {
    if (Symbol.asyncIterator in requests) return requests[Symbol.asyncIterator]();
    if (Symbol.iterator in requests) return requests[Symbol.iterator]();
  }
  throw new ConfigurationError(
    `\`requests\`: got ${show(given)}; expected an array of { model, input }, or another iterable or async iterable of them.`,
  );
}
