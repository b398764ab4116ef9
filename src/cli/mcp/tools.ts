/** The tools that the server offers, and the schemas of their arguments. */
import * as z from 'zod';
import { type JsonSchemaField, models } from '../../schemas.js';
import { MODELS } from '../options.js';

export const MAX_WAIT_SECONDS = 50;

const modelNames = Object.keys(MODELS);

/** What is checked at a call; the schemas below are what a client is shown. */
export const ARGUMENTS = {
  list_models: z.strictObject({}),
  price_video: z.strictObject({ model: z.string(), input: z.record(z.string(), z.unknown()) }),
  start_video: z.strictObject({
    model: z.string(),
    input: z.record(z.string(), z.unknown()),
    expected_cost: z.number().nonnegative(),
    key: z.string().trim().min(1).max(200).optional(),
  }),
  check_video: z.strictObject({
    id: z.string().min(1),
    wait_seconds: z.number().min(0).max(MAX_WAIT_SECONDS).default(0),
  }),
  download_video: z.strictObject({ id: z.string().min(1) }),
  list_videos: z.strictObject({}),
};

export type ToolName = keyof typeof ARGUMENTS;

/** Joins the fields of all models: a client is shown one schema, and each model's own by `list_models`. */
function inputSchema() {
  const properties: Record<string, JsonSchemaField> = {};
  const owners: Record<string, string[]> = {};
  for (const [name, id] of Object.entries(MODELS)) {
    for (const [field, schema] of Object.entries(models[id].toolJsonSchema.properties)) {
      properties[field] = widen(properties[field], schema);
      owners[field] = [...(owners[field] ?? []), name];
    }
  }
  for (const [field, names] of Object.entries(owners)) {
    const schema = properties[field];
    if (schema === undefined || names.length === modelNames.length) continue;
    properties[field] = {
      ...schema,
      description: `${schema.description ?? ''} Only ${names.join(', ')}.`.trim(),
    };
  }
  return {
    type: 'object',
    description: 'The fields of the model. Media are URLs, paths or file: URLs.',
    properties,
    required: ['prompt'],
  };
}

/** Allows what either schema allows; the model's own limits are checked at the call. */
function widen(one: JsonSchemaField | undefined, other: JsonSchemaField): JsonSchemaField {
  if (one === undefined) return other;
  const widened: JsonSchemaField = { ...one };
  for (const [keyword, pick] of [
    ['minimum', Math.min],
    ['maximum', Math.max],
    ['maxItems', Math.max],
  ] as const) {
    const limits = [one[keyword], other[keyword]];
    if (limits.every((limit) => typeof limit === 'number')) widened[keyword] = pick(...limits);
    else delete widened[keyword];
  }
  const values = [one['enum'], other['enum']];
  if (values.every(Array.isArray)) widened['enum'] = [...new Set(values.flat() as unknown[])];
  else delete widened['enum'];
  if (JSON.stringify(widened) !== JSON.stringify(other)) {
    widened.description = `${(one.description ?? '').split('. ')[0] ?? ''}. The limits depend on the model: see list_models.`;
  }
  return widened;
}

const id = { type: 'string', description: 'Id of the video, as start_video and list_videos return it.' };
const model = { type: 'string', enum: modelNames, description: 'Short name of the model; see list_models.' };
const schemaOf = (properties: Record<string, unknown>, required: string[]) =>
  ({ type: 'object', properties, required, additionalProperties: false }) as const;

const READ = { readOnlyHint: true, openWorldHint: true };

/** Made at the first request: schemas are slow to build. */
export function makeTools() {
  const input = inputSchema();
  return [
    {
      name: 'list_models',
      title: 'List models',
      description: 'Lists the video models with the schema of their input. Costs nothing.',
      inputSchema: schemaOf({}, []),
      annotations: READ,
    },
    {
      name: 'price_video',
      title: 'Price a video',
      description:
        'Returns what a video would cost in US dollars, and checks the input. Costs nothing, starts nothing.',
      inputSchema: schemaOf({ model, input }, ['model', 'input']),
      annotations: READ,
    },
    {
      name: 'start_video',
      title: 'Start a video (costs money)',
      description:
        'Starts a video and returns its id, without waiting for the video, which takes about two minutes: see check_video. It is charged now and cannot be cancelled. ' +
        'The same model, input and key return the same video, without a second payment: call again with the same arguments if a call was lost. ' +
        'For another video from the same input, or after a failure, use another key.',
      inputSchema: schemaOf(
        {
          model,
          input,
          expected_cost: {
            type: 'number',
            description: 'The cost that price_video returned, in US dollars. Any other value is rejected.',
          },
          key: {
            type: 'string',
            description: 'Optional: distinguishes videos with the same model and input.',
          },
        },
        ['model', 'input', 'expected_cost'],
      ),
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
    },
    {
      name: 'check_video',
      title: 'Check a video',
      description: `Returns the status of a video: created, processing, completed or failed. With wait_seconds, waits up to that long for its end. Costs nothing.`,
      inputSchema: schemaOf(
        {
          id,
          wait_seconds: {
            type: 'number',
            minimum: 0,
            maximum: MAX_WAIT_SECONDS,
            description: `Seconds to wait for the end, from 0 to ${MAX_WAIT_SECONDS}. 0 does not wait.`,
          },
        },
        ['id'],
      ),
      annotations: READ,
    },
    {
      name: 'download_video',
      title: 'Download a video',
      description:
        'Downloads a completed video and returns the paths of its files. An existing file is kept.',
      inputSchema: schemaOf({ id }, ['id']),
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
    },
    {
      name: 'list_videos',
      title: 'List videos',
      description: "Lists the account's newest videos of the last 7 days, at most 20. Costs nothing.",
      inputSchema: schemaOf({}, []),
      annotations: READ,
    },
  ] satisfies { name: ToolName; [field: string]: unknown }[];
}

export const INSTRUCTIONS = `Makes short videos, each of which costs money.
1. list_models, then price_video: tell the user the cost.
2. start_video with expected_cost equal to that price. If a call is lost or times out, call again with the same arguments: it is never paid twice.
3. check_video with wait_seconds, again and again until the status is completed or failed. A video takes minutes.
4. download_video. A failed video is refunded within 3 hours; to try again, use another key.`;
