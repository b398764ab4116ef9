/** The requests of a batch: how each is prepared, run and reported. */
import {
  ConfigurationError,
  InvalidInputError,
  SubmissionUnknownError,
  WaitAbortedError,
  WaveSpeedError,
} from '../core/errors/index.js';
import type { CompletedPrediction } from '../core/prediction.js';
import { createHash } from '../media/crypto.js';
import type { Model, ModelId } from '../models/catalog.js';
import type { DefinedModel } from '../models/defined-model.js';
import type { ModelInput, UndeclaredFields } from '../models/input-types.js';
import { type PreparedInput, prepareInput } from '../models/prepare-input.js';
import { checkIdempotencyKey, type RunOptions } from '../predictions/options.js';
import { formatValue } from '../utils/messages.js';
import type { RunManyOptions } from './run-many-options.js';

/** One request of a batch: a model and its input. */
export type ManyRequest = (
  | { [M in ModelId]: { model: M; input: ModelInput<M> } }[ModelId]
  | { model: DefinedModel; input: ModelInput<DefinedModel> }
) & {
  /** See `SubmitOptions`. */
  idempotencyKey?: string | undefined;
};

/** Holds a request to its own model's fields: TypeScript lets undeclared ones pass in a type parameter. */
export type DeclaredRequest<Request> = Request extends { model: infer M extends Model; input: infer Input }
  ? { input: ModelInput<M> & UndeclaredFields<Input, ModelInput<M>> }
  : unknown;

/** How one request of a batch ended. `index` is its position among the requests. */
export type ManyResult<Request extends ManyRequest = ManyRequest> =
  | { status: 'fulfilled'; index: number; request: Request; value: CompletedPrediction }
  | {
      status: 'rejected';
      index: number;
      request: Request;
      reason: unknown;
      /** The task, where one was accepted: `wait` resumes it. */
      predictionId?: string;
    };

export function prepareRequest(request: ManyRequest): PreparedInput {
  if (typeof request !== 'object' || request === null) {
    const message = `got ${formatValue(request)}; expected { model, input }`;
    throw new InvalidInputError('runMany', [{ path: [], message }]);
  }
  if (request.idempotencyKey !== undefined) checkIdempotencyKey(request.idempotencyKey);
  return prepareInput(request.model, request.input);
}

export function getIterator<T>(requests: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  const given: unknown = requests;
  if (typeof given === 'object' && given !== null) {
    if (Symbol.asyncIterator in requests) return requests[Symbol.asyncIterator]();
    if (Symbol.iterator in requests) return requests[Symbol.iterator]();
  }
  throw new ConfigurationError(
    `\`requests\`: got ${formatValue(given)}; expected an array of { model, input }, or another iterable or async iterable of them.`,
  );
}

/** How a request ended. */
export interface Settled<Request extends ManyRequest> {
  result: ManyResult<Request>;
  /** Whether a task was or may have been accepted. */
  isPaid: boolean;
  /** Whether `onSubmitted` or `onUnknown` was told of its task. */
  isReported: boolean;
}

/**
 * Runs one request, and tells the caller of its task.
 *
 * @param stop Called when a callback failed that records what was or may have been paid for: without a record of it, no
 * further task may be paid for.
 * @param isReason Whether the batch was stopped with this error, which then says nothing about this request.
 */
export async function runRequest<Request extends ManyRequest>(
  request: Request,
  index: number,
  given: RunManyOptions,
  run: (options: RunOptions) => Promise<CompletedPrediction>,
  stop: (error: unknown) => void,
  isReason: (error: unknown) => boolean,
): Promise<Settled<Request>> {
  const { concurrency: _, maxCost: __, onSubmitted, onUnknown, onUpdate, ...options } = given;
  let predictionId: string | undefined;
  let isReported = false;
  const report = async (callback: () => unknown) => {
    try {
      await callback();
      isReported = true;
    } catch (error) {
      stop(error);
      throw error;
    }
  };
  try {
    const value = await run({
      ...options,
      onSubmitted: async (prediction) => {
        predictionId = prediction.id;
        if (onSubmitted !== undefined) await report(() => onSubmitted(prediction, index));
      },
      onUpdate: onUpdate && ((prediction) => onUpdate(prediction, index)),
    });
    return { result: { status: 'fulfilled', index, request, value }, isPaid: true, isReported };
  } catch (reason) {
    const own = isReason(reason) ? undefined : reason;
    const unknown = own instanceof SubmissionUnknownError ? own : undefined;
    if (unknown !== undefined && onUnknown !== undefined && !isReported) {
      await report(() => onUnknown(unknown, index)).catch(() => undefined);
    }
    const id = predictionId ?? (own instanceof WaveSpeedError ? own.predictionId : undefined);
    const task = id === undefined ? {} : { predictionId: id };
    const isPaid = id !== undefined || unknown !== undefined;
    return { result: { status: 'rejected', index, request, reason, ...task }, isPaid, isReported };
  }
}

/** The error of a task that nobody was told of when the loop was left. */
export function findMissed({ result, isPaid, isReported }: Settled<ManyRequest>, left: Error): unknown[] {
  if (isReported || !isPaid) return [];
  return [result.status === 'fulfilled' ? new WaitAbortedError(result.value.id, left) : result.reason];
}

/** Warns of a task that was reported to neither a callback nor a loop. */
export function warnUnreported(error: unknown): void {
  if (!(error instanceof WaveSpeedError)) return;
  const { predictionId } = error;
  const input = error instanceof SubmissionUnknownError ? digestOf(error.input) : '';
  const what =
    predictionId === undefined
      ? `a submit with an unknown outcome (sha256 of its input: ${input}): it may have been charged`
      : `task ${predictionId}: it continues and has been charged; resume with wait('${predictionId}')`;
  globalThis.process?.emitWarning?.(`runMany was left before it reported ${what}.`, {
    type: 'WaveSpeedWarning',
  });
}

const digestOf = (input: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(input) ?? '')
    .digest('hex');
