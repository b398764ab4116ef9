/** `GET /models`: every model with its JSON Schema and its price. */
import type { DefinedModel } from '../../models/defined-model.js';
import { type EmulatorPrice, priceOf } from './prices.js';
import { checkPriced } from './validate.js';

/** Prices by model id. */
export type Prices = Readonly<Record<string, EmulatorPrice>>;

/** The price of a task with nothing but a prompt. */
function basePrice(model: DefinedModel, prices: Prices): number {
  const checked = checkPriced(model, {});
  return 'input' in checked ? priceOf(model, checked.input, prices) : 0;
}

/** The shape that the official command line tool and MCP server read. */
function describe(model: DefinedModel, server: string, prices: Prices): Record<string, unknown> {
  return {
    model_id: model.id,
    name: model.id,
    type: 'reference-to-video',
    description: `${model.name}, reference to video.`,
    base_price: basePrice(model, prices),
    api_schema: {
      api_schemas: [
        {
          type: 'model_run',
          method: 'POST',
          server,
          api_path: `/api/v3/${model.id}`,
          request_schema: {
            ...model.inputJsonSchema,
            'x-order-properties': Object.keys(model.inputJsonSchema.properties),
          },
        },
      ],
    },
  };
}

export function listModels(
  models: Iterable<DefinedModel>,
  server: string,
  prices: Prices,
): Record<string, unknown>[] {
  return Array.from(models, (model) => describe(model, server, prices));
}
