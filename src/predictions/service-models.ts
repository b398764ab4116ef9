/** What the service says about its models: the list with their fields, and the price of an input. */
import { InvalidInputError, InvalidResponseError, WaveSpeedError } from '../core/errors/index.js';
import type { ApiClient } from '../http/api-client.js';
import type { DefinedModel } from '../models/defined-model.js';
import type { PreparedInput } from '../models/prepare-input.js';
import { Call } from '../utils/call.js';
import { isRecord } from '../utils/is-record.js';

/** Price of a task, in US dollars unless `currency` names another currency. */
export interface Quote {
  model_id: string;
  /** List price. */
  price: number;
  /** Price for this account. */
  discounted_price: number;
  currency?: string | undefined;
  [field: string]: unknown;
}

/** A model as the service describes it. */
export interface ServiceModel {
  model_id: string;
  name?: string | undefined;
  description?: string | undefined;
  type?: string | undefined;
  /** US dollars, for the model's smallest task. */
  base_price?: number | undefined;
  /** A JSONata expression of the price. */
  formula?: string | undefined;
  /** The first entry's `request_schema` is the JSON Schema of the body: the service ignores all other fields. */
  api_schema?: { api_schemas?: { request_schema?: Record<string, unknown>; [field: string]: unknown }[] };
  [field: string]: unknown;
}

/** The fields that the service reads of a model, or undefined if the list does not show them. */
function propertiesOf(model: ServiceModel): Record<string, unknown> | undefined {
  const properties = model.api_schema?.api_schemas?.[0]?.request_schema?.['properties'];
  return isRecord(properties) ? properties : undefined;
}

export class ServiceModels {
  readonly #http: ApiClient;
  readonly #maxRetries: number;
  #list: Promise<ServiceModel[]> | undefined;

  constructor(http: ApiClient, maxRetries: number) {
    this.#http = http;
    this.#maxRetries = maxRetries;
  }

  list(call: Call): Promise<ServiceModel[]> {
    const path = '/api/v3/models';
    return this.#http.read(call, 'listModels', { method: 'GET', path }, (data) => {
      const isList = Array.isArray(data) && data.every((item) => typeof item?.model_id === 'string');
      if (isList) return data as ServiceModel[];
      throw new InvalidResponseError(`[GET] ${path}: the response has no list of models.`, { body: data });
    });
  }

  quote(call: Call, model: DefinedModel, inputs: unknown): Promise<Quote> {
    const path = '/api/v3/model/price';
    const body = { model_id: model.id, inputs };
    return this.#http.read(call, 'quote', { method: 'POST', path, body }, (data) => {
      const { price, discounted_price = price, ...others } = isRecord(data) ? data : {};
      if (isPrice(price) && isPrice(discounted_price)) {
        return { ...others, model_id: model.id, price, discounted_price };
      }
      throw new InvalidResponseError(`[POST] ${path}: the response has no price.`, { body: data });
    });
  }

  /** @throws the error of the request, which says that nothing was submitted. */
  async price(call: Call, model: DefinedModel, inputs: unknown): Promise<number> {
    try {
      return (await this.quote(call, model, inputs)).discounted_price;
    } catch (error) {
      if (call.isReason(error)) throw error;
      throw explain(
        error,
        'Only the service knows the price of this input, and `maxCost` limits it: nothing was submitted.',
      );
    }
  }

  /**
   * Compares the fields of a body with those that the service lists, for a model whose fields are not confirmed: it would
   * ignore others, and charge. One read for all calls of a client.
   *
   * @throws {InvalidInputError} that names the fields that the service lists.
   */
  async confirm(call: Call, { model, body }: PreparedInput): Promise<void> {
    if (model.confirmed) return;
    const list = await call.run((this.#list ??= this.#readShared()));
    const listed = list.find(({ model_id }) => model_id === model.id);
    const properties = listed && propertiesOf(listed);
    if (properties === undefined) {
      const message =
        listed === undefined
          ? `model: the service does not list ${model.id}`
          : `model: the service does not list the fields of ${model.id}, which are not confirmed`;
      throw new InvalidInputError(model.id, [{ path: ['model'], message }]);
    }
    const known = Object.keys(properties);
    const unknown = Object.keys(body).filter((name) => !known.includes(name));
    if (unknown.length === 0) return;
    throw new InvalidInputError(
      model.id,
      unknown.map((name) => ({
        path: [name],
        message: `${name}: the service does not list this field, and would ignore it; it lists ${known.join(', ')}`,
      })),
    );
  }

  /** Not ended by the call that needs it first: others wait for it as well. */
  async #readShared(): Promise<ServiceModel[]> {
    const call = new Call({ maxRetries: this.#maxRetries });
    try {
      return await this.list(call);
    } catch (error) {
      this.#list = undefined;
      throw explain(
        error,
        "The fields of this model are not confirmed, and the service's list of them could not be read: nothing was submitted.",
      );
    } finally {
      call.close();
    }
  }
}

const isPrice = (value: unknown): value is number => typeof value === 'number' && value >= 0;

function explain(error: unknown, why: string): unknown {
  if (WaveSpeedError.isInstance(error)) error.message += ` ${why}`;
  return error;
}
