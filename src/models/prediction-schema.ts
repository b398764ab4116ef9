/**
 * The zod schemas of what the service sends: a task, and the body of a webhook.
 */
import * as z from 'zod';
import { FAILED_STATUSES, normalizePrediction, type Prediction } from '../core/prediction.js';
import { show } from '../core/messages.js';

const texts = (description: string) => ({ type: 'array', items: { type: 'string' }, description });

/**
 * Describes what reading gives, for `z.toJSONSchema(predictionSchema, { io: 'output' })`. It describes and checks
 * nothing: what `normalizePrediction` made is of this shape already, and a second look would cost time, and one day a
 * paid video.
 */
const makeOutput = () =>
  z.any().meta({
    description: 'One task as the service describes it. Further fields are kept as they came.',
    type: 'object',
    properties: {
      id: { type: 'string', minLength: 1, description: 'Names the task.' },
      model: { type: 'string', description: "The model's id." },
      status: {
        type: 'string',
        description: 'created → processing → completed or failed; others may come, and do not end the task.',
        examples: ['created', 'processing', 'completed', ...FAILED_STATUSES],
      },
      outputs: texts("The video's URLs; empty until completed. Kept for 7 days."),
      urls: {
        type: 'object',
        properties: { get: { type: 'string', description: 'The result URL.' } },
        description: 'Related endpoints.',
      },
      has_nsfw_contents: {
        type: 'array',
        items: { type: 'boolean' },
        description: 'One flag per output: whether it was found not safe for work.',
      },
      created_at: { type: 'string', description: 'When the task was made: ISO 8601, up to nanoseconds.' },
      error: { type: 'string', description: 'Why the task failed; empty when nothing did.' },
      timings: {
        type: 'object',
        properties: {
          inference: { type: 'number', description: 'How long the making took, in milliseconds.' },
        },
      },
      input: { description: "The request's fields, where the service gives them back." },
    },
    required: [
      'id',
      'model',
      'status',
      'outputs',
      'urls',
      'has_nsfw_contents',
      'created_at',
      'error',
      'timings',
    ],
  });

/**
 * Reads a task as the service sends it, leniently: nulls and missing fields get their empty values, new fields and a
 * new status are kept; only something without an `id` is refused.
 *
 * @example
 * const task = predictionSchema.parse(JSON.parse(stored));
 */
export const predictionSchema: z.ZodType<Prediction, unknown> = /* @__PURE__ */ (() =>
  z
    .unknown()
    .transform((value, context): Prediction => {
      const prediction = normalizePrediction(value);
      if (prediction !== undefined) return prediction;
      context.addIssue({
        code: 'custom',
        input: value,
        message: `got ${show(value)}; expected a task with an "id"`,
      });
      return z.NEVER;
    })
    .pipe(makeOutput()) as z.ZodType<Prediction, unknown>)();

/** Reads the body of a webhook, which is the task itself, with its `input`. */
export const webhookEventSchema: z.ZodType<Prediction, unknown> = predictionSchema;
