/** The job of one video: its data, checked as a request is. */
import type { Job, JobsOptions, Queue } from 'bullmq';
import { type CompletedPrediction, InvalidInputError, type Model, type RunOptions } from '../index.js';
import {
  type DefinedModel,
  isModelId,
  type KLING_O1,
  type KLING_O3_STD,
  type KlingO1Input,
  type KlingO3StdInput,
  parseInput,
} from '../schemas.js';

/** Options of a job: those of `run` that JSON can hold. */
export interface KlingJobOptions extends Pick<
  RunOptions,
  'maxCost' | 'timeoutMs' | 'webhookUrl' | 'whenAbsent'
> {
  pollIntervalMs?: number | undefined;
}

/** Data of a job. Media are URLs: a worker on another machine has no local files. */
export type KlingJobData = (
  | { model: typeof KLING_O1; input: KlingO1Input }
  | { model: typeof KLING_O3_STD; input: KlingO3StdInput }
  | { /** Id of a model that the worker's option `models` defines. */ model: string & {}; input: object }
) & { options?: KlingJobOptions | undefined };

/** What `job.updateProgress` is called with. */
export interface KlingJobProgress {
  status: string;
  /** The task's id, once there is one. */
  id?: string;
}

/** A job of one video. Its return value is the completed task. */
export type KlingJob = Job<KlingJobData, CompletedPrediction>;

/** Attempts of a job that `addKling` adds. Another attempt continues the same task. */
const DEFAULT_JOB_OPTIONS: JobsOptions = { attempts: 5, backoff: { type: 'exponential', delay: 1000 } };

/**
 * Adds a job to a queue, checked first.
 *
 * @throws {InvalidInputError} for an invalid input; nothing is added.
 * @example
 * const job = await addKling(queue, { model: KLING_O1, input: { prompt: 'A fox in the snow' } }, { jobId: 'order-42' });
 */
export async function addKling(
  queue: Queue,
  data: KlingJobData,
  options: JobsOptions & { models?: readonly DefinedModel[] | undefined } = {},
): Promise<KlingJob> {
  const { models, ...jobOptions } = options;
  checkJobData(data, models ?? []);
  return queue.add(data.model, data, { ...DEFAULT_JOB_OPTIONS, ...jobOptions }) as Promise<KlingJob>;
}

/**
 * Checks the data of a job and returns its model.
 *
 * @throws {InvalidInputError}
 */
export function checkJobData(data: unknown, models: readonly DefinedModel[]): Model {
  const { model: id, input } = (data ?? {}) as { model?: unknown; input?: unknown };
  const model = isModelId(id) ? id : (models.find((defined) => defined.id === id) ?? (id as Model));
  parseInput(model, input);
  const { images, video } = input as { images?: unknown[]; video?: unknown };
  const isLocal = [...(images ?? []), video].some(
    (media) => media !== undefined && typeof media !== 'string',
  );
  if (!isLocal) return model;
  const message = 'images, video: a job takes URLs only; upload local files first: await kling.upload(file)';
  throw new InvalidInputError(String(id), [{ path: ['images'], message }]);
}
