/** Tasks as the page shows them. */
import { existsSync } from 'node:fs';
import { estimateCost, type Prediction } from 'wavespeed-kling';
import { isModelId, type ModelFields, models } from 'wavespeed-kling/schemas';
import { toRequestFields } from '../shared/references.js';
import type { FieldValue, Reference, StudioInput, TaskView } from '../shared/types.js';
import type { StudioTask } from './store.js';
import type { Uploads } from './uploads.js';
import { videoFile } from './videos.js';

export class Views {
  readonly #uploads: Uploads;
  readonly #videoDirectory: string;

  constructor(uploads: Uploads, videoDirectory: string) {
    this.#uploads = uploads;
    this.#videoDirectory = videoDirectory;
  }

  /** Shows a task that was made here. */
  ofMine(task: StudioTask): TaskView {
    const { key, id, model, input, cost, createdAt, endedAt, problem, prediction } = task;
    const uploads = this.#uploads.of(key);
    const before = uploads === undefined ? 'submitting' : 'uploading';
    const status =
      task.state === 'open' || task.state === 'ended'
        ? (prediction?.status ?? (id !== undefined ? 'processing' : before))
        : task.state;
    return {
      key,
      ...(id !== undefined && { id }),
      isMine: true,
      seenAt: now(),
      model,
      status: task.state === 'ended' && status === 'processing' ? 'failed' : status,
      input,
      createdAt,
      ...(endedAt !== undefined && { endedAt }),
      cost,
      ...(uploads !== undefined && { uploads }),
      ...(problem !== undefined && { problem }),
      isVideoReady: status === 'completed',
    };
  }

  /** Shows a task that was made elsewhere. */
  ofOther(prediction: Prediction): TaskView {
    const { id, model, status, created_at, error } = prediction;
    const fields = readInput(prediction);
    return {
      key: id,
      id,
      isMine: false,
      seenAt: now(),
      model,
      status,
      input: fields,
      createdAt: created_at,
      ...costOf(model, fields),
      ...(error !== '' && { problem: { name: 'PredictionFailedError', message: error } }),
      isVideoReady: existsSync(videoFile(this.#videoDirectory, id)),
    };
  }
}

/** Milliseconds since 1970, with their fractions: no two looks are at the same time. */
const now = () => performance.timeOrigin + performance.now();

/** Returns the prompt of a task, where the service gives it back. */
export function promptOf(prediction: Prediction): string {
  return readInput(prediction).prompt;
}

/** Reads a task's input, which the service gives back under two names, or not at all. */
function readInput(prediction: Prediction): StudioInput {
  const { model } = prediction;
  const given = prediction.input ?? prediction['inputs'];
  const values = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>;
  const input: StudioInput = { prompt: typeof values['prompt'] === 'string' ? values['prompt'] : '' };
  const asReference = (url: unknown): Reference => ({ url: String(url) });
  const fields: ModelFields = isModelId(model) ? models[model].fields : {};
  for (const [name, { media }] of Object.entries(fields)) {
    const value = values[name];
    if (name === 'prompt' || value === undefined || value === null) continue;
    if (media !== undefined) input[name] = Array.isArray(value) ? value.map(asReference) : asReference(value);
    else if (['string', 'number', 'boolean'].includes(typeof value)) input[name] = value as FieldValue;
  }
  return input;
}

function costOf(model: string, input: StudioInput): { cost?: number } {
  const { prompt: _, ...fields } = toRequestFields(input);
  // The service did not show what was asked for.
  if (!isModelId(model) || Object.keys(fields).length === 0) return {};
  try {
    const cost = estimateCost(model, fields);
    return cost === undefined ? {} : { cost };
  } catch {
    return {};
  }
}
