/** The requests and results of a batch, and what its requests may cost. */
import { BudgetExceededError, InvalidInputError } from '../core/errors/index.js';
import type { CompletedPrediction } from '../core/prediction.js';
import type { ModelId } from '../models/catalog.js';
import type { DefinedModel } from '../models/define-model.js';
import type { ModelInput } from '../models/input-types.js';
import { type PreparedInput, prepareInput } from '../models/prepare-input.js';
import type { Model } from '../models/catalog.js';
import { formatValue } from '../utils/messages.js';
import { checkIdempotencyKey } from './options.js';

/** One request of a batch: a model and its input. */
export type ManyRequest = (
  | { [M in ModelId]: { model: M; input: ModelInput<M> } }[ModelId]
  | { model: DefinedModel; input: ModelInput<DefinedModel> }
) & {
  /** See `SubmitOptions`. */
  idempotencyKey?: string | undefined;
};

/** Holds a request to its own model's fields: TypeScript lets undeclared ones pass in a type parameter. */
export type Declared<Request> = Request extends { model: infer M extends Model; input: infer Input }
  ? { input: ModelInput<M> & { [Field in Exclude<keyof Input, keyof ModelInput<M>>]?: never } }
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

const round = (dollars: number) => Math.round(dollars * 10_000) / 10_000;

/** What a batch may still spend, in US dollars. */
export function createBudget(maxCost = Infinity) {
  let spent = 0;
  return {
    reserve(cost: number): void {
      const total = round(spent + cost);
      if (total > maxCost) throw new BudgetExceededError({ cost, maxCost, spent });
      spent = total;
    },
    /** What was not accepted costs nothing. */
    release(cost: number): void {
      spent = round(spent - cost);
    },
  };
}

export function prepareRequest(request: ManyRequest): PreparedInput {
  if (typeof request !== 'object' || request === null) {
    const message = `got ${formatValue(request)}; expected { model, input }`;
    throw new InvalidInputError('runMany', [{ path: [], message }]);
  }
  if (request.idempotencyKey !== undefined) checkIdempotencyKey(request.idempotencyKey);
  return prepareInput(request.model, request.input);
}
