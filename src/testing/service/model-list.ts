/** `GET /models`: every model with its JSON Schema and its price. */
import type { DefinedModel } from '../../models/defined-model.js';
import { estimateCost } from '../../models/estimate-cost.js';

/** The shape that the official command line tool and MCP server read. */
function describe(model: DefinedModel, server: string): Record<string, unknown> {
  const { images, video } = model.price;
  return {
    model_id: model.id,
    name: model.id,
    type: 'reference-to-video',
    description: `Reference to video, ${model.durations[0]} to ${model.durations.at(-1)} seconds.`,
    base_price: estimateCost(model),
    formula: `{"total_price": duration * (video ? ${video} : ${images})}`,
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

export function listModels(models: Iterable<DefinedModel>, server: string): Record<string, unknown>[] {
  return Array.from(models, (model) => describe(model, server));
}
