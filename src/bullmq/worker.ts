/** A BullMQ worker that makes each job's video once, whatever crashes. */
import { DelayedError, type Job, UnrecoverableError, WaitingError, Worker, type WorkerOptions } from 'bullmq';
import { type Cluster, Redis } from 'ioredis';
import { checkNames } from '../core/validate-options.js';
import {
  type CompletedPrediction,
  ConfigurationError,
  type ModelInput,
  RateLimitError,
  type RunOptions,
  WaveSpeedError,
  type WaveSpeedKling,
} from '../index.js';
import type { DefinedModel } from '../schemas.js';
import { checkJobData, type KlingJobData, type KlingJobProgress } from './job.js';
import { reserveStart } from './submit-schedule.js';

/** Options of `createKlingWorker`: its own, defaults of every job, and BullMQ's worker options. */
export interface KlingWorkerOptions
  extends
    WorkerOptions,
    Pick<
      RunOptions,
      'whenAbsent' | 'timeoutMs' | 'pollIntervalMs' | 'webhookUrl' | 'webhookReceiver' | 'maxCost'
    > {
  /** Tasks that this worker waits for at once. @default 100 */
  concurrency?: number;
  /** How often a job may lose its worker before it fails. @default 100 */
  maxStalledCount?: number;
  /** Submits a minute of all workers of this queue together. @default no limit */
  submitsPerMinute?: number | undefined;
  /** Models made by `defineModel` that a job may name by their id. */
  models?: readonly DefinedModel[] | undefined;
}

const OWN_OPTIONS = [
  'whenAbsent',
  'timeoutMs',
  'pollIntervalMs',
  'webhookUrl',
  'webhookReceiver',
  'maxCost',
] as const;

const JOB_OPTIONS = ['whenAbsent', 'timeoutMs', 'pollIntervalMs', 'webhookUrl', 'maxCost'] as const;

/** `worker.rateLimit()` works only with a limiter: one that never limits by itself. */
const OPEN_LIMITER = { max: 1_000_000, duration: 1000 };

const DEFAULT_PAUSE_MS = 1000;

/** Rejected before anything is sent, or ended for good: another attempt would end the same. */
const FINAL_ERRORS = new Set([
  'InvalidInputError',
  'BudgetExceededError',
  'IdempotencyConflictError',
  'PredictionFailedError',
]);

/**
 * Creates a worker. Give the client a journal that all workers share: the idempotency key of a job is
 * `<queue name>:<job id>`, so that every attempt, on every machine, continues the same task.
 *
 * @throws {ConfigurationError} for a bad option.
 * @example
 * const redis = new Redis({ maxRetriesPerRequest: null });
 * const kling = new WaveSpeedKling({ journal: redisJournal(redis) });
 * const worker = createKlingWorker('videos', kling, { connection: redis });
 */
export function createKlingWorker(
  queueName: string,
  client: WaveSpeedKling,
  options: KlingWorkerOptions,
): Worker<KlingJobData, CompletedPrediction> {
  return new KlingWorker(queueName, client, options);
}

class KlingWorker extends Worker<KlingJobData, CompletedPrediction> {
  readonly #client: WaveSpeedKling;
  readonly #options: KlingWorkerOptions;
  /** Aborts every wait, to hand the jobs over. */
  readonly #handover = new AbortController();
  #redis: Redis | undefined;

  constructor(queueName: string, client: WaveSpeedKling, options: KlingWorkerOptions) {
    const { models: _, submitsPerMinute, ...rest } = options ?? {};
    if (typeof client?.run !== 'function') {
      throw new ConfigurationError('createKlingWorker: expected a WaveSpeedKling as the second argument.');
    }
    if (submitsPerMinute !== undefined && !(submitsPerMinute > 0)) {
      throw new ConfigurationError(
        `\`submitsPerMinute\`: got ${String(submitsPerMinute)}; expected a number above 0.`,
      );
    }
    const own = new Set<string>(OWN_OPTIONS);
    const bull = Object.fromEntries(
      Object.entries(rest).filter(([name]) => !own.has(name)),
    ) as unknown as WorkerOptions;
    super(queueName, (job, token, signal) => this.#process(job, token, signal), {
      concurrency: 100,
      maxStalledCount: 100,
      limiter: OPEN_LIMITER,
      ...bull,
    });
    this.#client = client;
    this.#options = options;
  }

  /** Hands the jobs over that wait for their video, and closes. */
  override async close(force?: boolean): Promise<void> {
    this.#handover.abort(new Error('The worker is closing.'));
    await super.close(force);
    await this.#redis?.quit();
  }

  async #process(
    job: Job<KlingJobData, CompletedPrediction>,
    token: string | undefined,
    cancelled: AbortSignal | undefined,
  ): Promise<CompletedPrediction> {
    const handover = this.#handover.signal;
    try {
      const { model: id, input, options = {} } = job.data ?? {};
      const model = checkJobData(job.data, this.#options.models ?? []);
      checkNames(options, JOB_OPTIONS);
      await this.#awaitTurn(job, token);
      const signal = cancelled === undefined ? handover : AbortSignal.any([handover, cancelled]);
      const progress = (status: string, taskId: string): KlingJobProgress => ({ status, id: taskId });
      const { webhookReceiver, ...defaults } = this.#pickOptions();
      const webhookUrl = options.webhookUrl ?? defaults.webhookUrl;
      return await this.#client.run(model, input as ModelInput<typeof model>, {
        ...defaults,
        ...options,
        ...(webhookReceiver === undefined || webhookUrl === undefined ? {} : { webhookReceiver }),
        // A 429 holds back every worker, not this one alone.
        maxRetries: 0,
        idempotencyKey: `${this.name}:${job.id ?? id}`,
        signal,
        onUpdate: (prediction) => job.updateProgress(progress(prediction.status, prediction.id)),
      });
    } catch (error) {
      if (error instanceof DelayedError) throw error;
      if (isFinal(error)) throw toUnrecoverable(error);
      if (handover.aborted) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      if (RateLimitError.isInstance(error) && error.predictionId === undefined) {
        await this.rateLimit(error.retryAfterMs ?? DEFAULT_PAUSE_MS);
        throw Worker.RateLimitError();
      }
      throw error;
    }
  }

  /** Delays a job that is not submitted yet until its reserved start. */
  async #awaitTurn(job: Job<KlingJobData, CompletedPrediction>, token: string | undefined): Promise<void> {
    const { submitsPerMinute } = this.#options;
    const { status, id } = (job.progress ?? {}) as Partial<KlingJobProgress>;
    if (submitsPerMinute === undefined || id !== undefined || status === 'scheduled') return;
    const delayMs = await reserveStart(this.#getRedis(), this.name, submitsPerMinute);
    const scheduled: KlingJobProgress = { status: 'scheduled' };
    await job.updateProgress(scheduled);
    if (delayMs <= 0) return;
    await job.moveToDelayed(Date.now() + delayMs, token);
    throw new DelayedError();
  }

  /** Returns the connection that was given, or makes one with its options. */
  #getRedis(): Redis | Cluster {
    const { connection } = this.#options;
    if (typeof (connection as Partial<Redis>).eval === 'function') return connection as Redis | Cluster;
    return (this.#redis ??= new Redis(connection as object));
  }

  #pickOptions(): Pick<RunOptions, (typeof OWN_OPTIONS)[number]> {
    return Object.fromEntries(OWN_OPTIONS.map((name) => [name, this.#options[name]]));
  }
}

function isFinal(error: unknown): error is WaveSpeedError {
  // A key function that failed may succeed the next time.
  if (ConfigurationError.isInstance(error)) return error.code === undefined;
  return WaveSpeedError.isInstance(error) && FINAL_ERRORS.has(error.name);
}

/** Fails a job for good. BullMQ keeps the message and the stack. */
function toUnrecoverable(error: Error): UnrecoverableError {
  const final = new UnrecoverableError(error.message);
  final.cause = error;
  return final;
}
