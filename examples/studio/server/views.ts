/** Tasks as the page shows them. */
import { existsSync } from 'node:fs';
import { estimateCost, type Prediction } from 'wavespeed-kling';
import { isModelId } from 'wavespeed-kling/schemas';
import type { Reference, StudioInput, TaskView } from '../shared/types.js';
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
  const input = prediction.input ?? prediction['inputs'];
  const fields = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>;
  const asReference = (url: unknown): Reference => ({ url: String(url) });
  return {
    prompt: typeof fields['prompt'] === 'string' ? fields['prompt'] : '',
    images: Array.isArray(fields['images']) ? fields['images'].map(asReference) : [],
    ...(typeof fields['video'] === 'string' && { video: asReference(fields['video']) }),
    ...(fields['sound'] === true && { sound: true }),
    aspect_ratio: typeof fields['aspect_ratio'] === 'string' ? fields['aspect_ratio'] : '16:9',
    duration: typeof fields['duration'] === 'number' ? fields['duration'] : 0,
  };
}

function costOf(model: string, { duration, video }: StudioInput): { cost?: number } {
  if (!isModelId(model) || duration === 0) return {};
  try {
    const cost = estimateCost(model, { duration: duration as 5, ...(video && { video: 'a video' }) });
    return cost === undefined ? {} : { cost };
  } catch {
    return {};
  }
}
