/** The job of one video: its data, checked as a request is, and its idempotency key. */
import { randomUUID } from 'node:crypto';
import type { Job, JobsOptions, Queue } from 'bullmq';
import { checkNames, checkObject, readOptions } from '../core/validate-options.js';
import {
  type CompletedPrediction,
  ConfigurationError,
  InvalidInputError,
  type Model,
  type RunOptions,
} from '../index.js';
import { RUN_OPTIONS } from '../predictions/options.js';
import {
  type DefinedModel,
  isModelId,
  type KLING_O1,
  type KLING_O3_STD,
  type KlingO1Input,
  type KlingO3StdInput,
  type ModelFields,
  models as builtIn,
  parseInput,
} from '../schemas.js';

/** Options of a job: those of `run` that JSON can hold. */
export interface KlingJobOptions extends Pick<
  RunOptions,
  'maxCost' | 'timeoutMs' | 'webhookUrl' | 'whenAbsent'
> {
  pollIntervalMs?: number | undefined;
}

const { maxCost, timeoutMs, webhookUrl, whenAbsent, pollIntervalMs } = RUN_OPTIONS;
const JOB_OPTIONS = { maxCost, timeoutMs, webhookUrl, whenAbsent, pollIntervalMs };

/** Data of a job. Media are URLs: a worker on another machine has no local files. */
export type KlingJobData = (
  | { model: typeof KLING_O1; input: KlingO1Input }
  | { model: typeof KLING_O3_STD; input: KlingO3StdInput }
  | {
      /** Id of another built-in model, or of one in the worker's option `models`. */ model: string & {};
      input: object;
    }
) & { options?: KlingJobOptions | undefined };

/** What `job.updateProgress` is called with. */
export interface KlingJobProgress {
  status: string;
  /** The task's id, once there is one. */
  id?: string;
}

/** A job of one video. Its return value is the completed task. */
export type KlingJob = Job<KlingJobData, CompletedPrediction>;

/** Another attempt continues the same task, so many are safe: these last through 8 minutes of failures. */
const DEFAULT_JOB_OPTIONS: JobsOptions = {
  attempts: 10,
  backoff: { type: 'exponential', delay: 1000, jitter: 0.5 },
};

/** The longest idempotency key. */
const MAX_KEY_LENGTH = 255;

/**
 * Checks a job and adds it to a queue. The default `jobId` is a new UUID: BullMQ's own ids start over after `obliterate()`,
 * and a repeated id returns the old video.
 *
 * @throws {InvalidInputError | ConfigurationError} for an invalid request; nothing is added.
 * @example
 * const job = await addKling(queue, { model: KLING_O1, input: { prompt: 'A fox in the snow' } }, { jobId: 'order-42' });
 */
export async function addKling(
  queue: Queue,
  data: KlingJobData,
  options: JobsOptions & { models?: readonly DefinedModel[] | undefined } = {},
): Promise<KlingJob> {
  const { models = [], jobId: given, ...jobOptions } = options;
  // BullMQ also treats an empty id as none, and would count.
  const jobId = given || randomUUID();
  checkJobData(data, models);
  createJobKey(queue, jobId);
  return queue.add(data.model, data, { ...DEFAULT_JOB_OPTIONS, ...jobOptions, jobId }) as Promise<KlingJob>;
}

/** Prefix of BullMQ's keys where a queue has no `prefix`. */
const DEFAULT_PREFIX = 'bull';

/** The parts of a queue or worker that name its jobs. */
interface NamedQueue {
  name: string;
  opts?: { prefix?: string };
}

/** Returns the idempotency key of a job, which is the same for every attempt on every machine. */
export function createJobKey({ name, opts }: NamedQueue, jobId: string | undefined): string {
  const { prefix = DEFAULT_PREFIX } = opts ?? {};
  // Queues with the same name and different prefixes are different queues.
  const key = `${prefix === DEFAULT_PREFIX ? '' : `${prefix}:`}${name}:${jobId}`;
  if (jobId !== undefined && key.length <= MAX_KEY_LENGTH) return key;
  throw new ConfigurationError(
    `\`jobId\`: "<queue name>:<job id>" is the idempotency key and has ${key.length} characters; ` +
      `expected at most ${MAX_KEY_LENGTH}. Use a shorter id, such as a hash of it.`,
  );
}

/**
 * Checks the data of a job and returns its model.
 *
 * @throws {InvalidInputError | ConfigurationError}
 */
export function checkJobData(data: unknown, models: readonly DefinedModel[]): Model {
  checkObject('data', data, '{ model, input }');
  // A `maxCost` in the wrong place would not limit anything.
  checkNames(data, ['model', 'input', 'options']);
  const { model: id, input, options = {} } = data as Partial<Record<keyof KlingJobData, unknown>>;
  checkObject('options', options, '{ maxCost: 1 }');
  readOptions<KlingJobOptions, typeof JOB_OPTIONS>(options, JOB_OPTIONS);
  const model = isModelId(id) ? id : (models.find((defined) => defined.id === id) ?? (id as Model));
  parseInput(model, input);
  const given = input as Readonly<Record<string, unknown>>;
  const fields = (isModelId(model) ? builtIn[model] : (model as DefinedModel)).fields as ModelFields;
  for (const [name, { media }] of Object.entries(fields)) {
    const isUrl = [given[name] ?? []].flat().every((item) => typeof item === 'string');
    if (media === undefined || isUrl) continue;
    const message = `${name}: a job takes URLs only; upload local files first: await kling.upload(file)`;
    throw new InvalidInputError(String(id), [{ path: [name], message }]);
  }
  return model;
}
