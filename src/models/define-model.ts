/**
 * Makes a model of its facts: checks, types, JSON Schema and cost in one.
 */
import type { ModelDefinition } from './definition.js';
import { type ModelFacts, readFacts } from './validate-definition.js';
import { type InputObject, type InputSchema, makeInputObject, withImageLimit } from './input-schema.js';
import { type JsonSchema, toInputJsonSchema } from './json-schema.js';
import { MARK } from './catalog.js';

/** A model made by `defineModel`: pass it wherever a model's id is taken. Frozen. */
export interface DefinedModel<
  Id extends string = string,
  Duration extends number = number,
  Sound extends boolean = boolean,
> extends ModelDefinition {
  readonly id: Id;
  readonly durations: readonly Duration[];
  readonly sound: Sound;
  /** Checks a request: every limit, unknown fields refused, nothing coerced, defaults filled in. */
  readonly inputSchema: InputSchema<Duration, Sound>;
  /** The fields alone, without the limit that spans two of them: for `.extend`, `.pick` and `.omit`. */
  readonly inputObject: InputObject<Duration, Sound>;
  /** The same rules for other validators. Made on first use, then always the same frozen object. */
  readonly inputJsonSchema: JsonSchema;
}

/**
 * Makes a model that the client, `estimateCost` and `parseInput` take in place of an id: for an endpoint of the same
 * family that this library does not know, or one whose price has changed. The limits and the price are yours to get
 * right: take them from the model's page.
 *
 * @throws {ConfigurationError} for a fact that cannot be: which, what was given, what is allowed.
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
>(facts: ModelFacts<Id, Duration, Sound>): DefinedModel<Id, Duration, Sound> {
  const definition = readFacts(facts);
  const inputObject = makeInputObject(definition);
  const inputSchema = withImageLimit(definition, inputObject);
  let inputJsonSchema: JsonSchema | undefined;
  const model = {
    ...definition,
    inputSchema,
    inputObject,
    // Not every program needs it, and none at import.
    get inputJsonSchema() {
      return (inputJsonSchema ??= toInputJsonSchema(inputSchema));
    },
  };
  Object.defineProperty(model, MARK, { value: true });
  return Object.freeze(model) as unknown as DefinedModel<Id, Duration, Sound>;
}
