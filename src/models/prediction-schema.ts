/** zod schemas of a prediction and of the body of a webhook. */
import * as z from 'zod';
import { FAILED_STATUSES, normalizePrediction, type Prediction } from '../core/prediction.js';
import { formatValue } from '../utils/messages.js';

const texts = (description: string) => ({ type: 'array', items: { type: 'string' }, description });

/**
 * The output for `z.toJSONSchema(predictionSchema, { io: 'output' })`. It validates nothing: `normalizePrediction`
 * guarantees this shape, and a second check could reject a paid video.
 */
const makeOutput = () =>
  z.any().meta({
    description: 'One task as the service describes it. Other fields are kept as they are.',
    type: 'object',
    properties: {
      id: { type: 'string', minLength: 1, description: 'Id of the task.' },
      model: { type: 'string', description: "The model's id." },
      status: {
        type: 'string',
        description:
          'created → processing → completed or failed; other values may be added, and do not end the task.',
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
        description: 'One flag per output: whether it was classified as not safe for work.',
      },
      created_at: { type: 'string', description: 'Creation time: ISO 8601, up to nanoseconds.' },
      error: { type: 'string', description: 'Why the task failed; empty otherwise.' },
      timings: {
        type: 'object',
        properties: {
          inference: { type: 'number', description: 'Generation time in milliseconds.' },
        },
      },
      input: { description: "The request's fields, where the service returns them." },
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

/** Type of `predictionSchema` and `webhookEventSchema`. */
export interface PredictionSchema extends z.ZodType<Prediction, unknown> {}

/**
 * Parses a task leniently: nulls and missing fields get empty values, unknown fields and statuses are kept. Only a
 * value without an `id` is rejected.
 *
 * @example
 * const task = predictionSchema.parse(JSON.parse(stored));
 */
export const predictionSchema: PredictionSchema = /* @__PURE__ */ (() =>
  z
    .unknown()
    .transform((value, context): Prediction => {
      const prediction = normalizePrediction(value);
      if (prediction !== undefined) return prediction;
      context.addIssue({
        code: 'custom',
        input: value,
        message: `got ${formatValue(value)}; expected a task with an "id"`,
      });
      return z.NEVER;
    })
    .pipe(makeOutput()) as z.ZodType<Prediction, unknown>)();

/** Parses the body of a webhook, which is the task with its `input`. */
export const webhookEventSchema: PredictionSchema = predictionSchema;
