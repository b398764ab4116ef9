/** Creates a model from its config: validation, types, JSON Schema and cost. */
import { type DefinedModel, MODEL_BRAND } from './defined-model.js';
import { makeInputObject, withImageLimit } from './input-schema.js';
import { type JsonSchema, toInputJsonSchema } from './json-schema.js';
import type { ModelConfig } from './model-config.js';
import { validateModelConfig } from './validate-model-config.js';

/**
 * Creates a model that the client, `estimateCost` and `parseInput` accept in place of an id: for an endpoint of the
 * same family that this library does not include, or one whose price has changed. Take the limits and the price from the
 * model's page; they are not verified.
 *
 * @throws {ConfigurationError} for an invalid config: names the field, the value and what was expected.
 * @example
 * const o3Pro = defineModel({
 *   id: 'kwaivgi/kling-video-o3-pro/reference-to-video',
 *   durations: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
 *   images: 7,
 *   imagesWithVideo: 4,
 *   sound: true,
 *   price: { images: 0.112, video: 0.168 },
 * });
 * await kling.run(o3Pro, { prompt: 'A fox in the snow', duration: 15, sound: true });
 */
export function defineModel<
  const Id extends string,
  const Duration extends number,
  const Sound extends boolean,
>(config: ModelConfig<Id, Duration, Sound>): DefinedModel<Id, Duration, Sound> {
  const valid = validateModelConfig(config);
  const inputObject = makeInputObject(valid);
  const inputSchema = withImageLimit(valid, inputObject);
  let inputJsonSchema: JsonSchema | undefined;
  const model = {
    ...valid,
    inputSchema,
    inputObject,
    get inputJsonSchema() {
      return (inputJsonSchema ??= toInputJsonSchema(inputSchema));
    },
  };
  Object.defineProperty(model, MODEL_BRAND, { value: true });
  return Object.freeze(model) as unknown as DefinedModel<Id, Duration, Sound>;
}
