/** A BullMQ worker that makes each job's video once, whatever crashes. */
import { DelayedError, type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import type { WaveSpeedKling } from '../client.js';
import {
  type CompletedPrediction,
  ConfigurationError,
  type ModelInput,
  RateLimitError,
  WaveSpeedError,
} from '../index.js';
import {
  checkJobData,
  createJobKey,
  type KlingJob,
  type KlingJobData,
  type KlingJobProgress,
} from './job.js';
import { reserveStart } from './submit-schedule.js';
import { type KlingWorkerOptions, readWorkerOptions, type WorkerSettings } from './worker-options.js';

const DEFAULT_PAUSE_MS = 1000;

/**
 * Creates a worker. Give the client a journal that all workers share: the idempotency key of a job is
 * `<queue name>:<job id>`, after the queue's `prefix` if it has one, so every attempt on every machine continues the same task.
 *
 * A job fails permanently if `error.retry` is `never`, as for an invalid request, a failed task or a wrong API key. A 429 pauses
 * all workers. After any other error the job is retried, up to its `attempts`. `close()` returns waiting jobs to the queue.
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
  if (typeof client?.run !== 'function') {
    throw new ConfigurationError('createKlingWorker: expected a WaveSpeedKling as the second argument.');
  }
  return new KlingWorker(queueName, client, readWorkerOptions(options));
}

class KlingWorker extends Worker<KlingJobData, CompletedPrediction> {
  readonly #client: WaveSpeedKling;
  readonly #settings: WorkerSettings;
  /** Aborts every wait, to return the jobs to the queue. */
  readonly #handover = new AbortController();

  constructor(queueName: string, client: WaveSpeedKling, settings: WorkerSettings) {
    super(queueName, (job, token, cancelled) => this.#process(job, token, cancelled), settings.bull);
    this.#client = client;
    this.#settings = settings;
  }

  /** Returns waiting jobs to the queue, and closes. */
  override async close(force?: boolean): Promise<void> {
    this.#handover.abort(new Error('The worker is closing.'));
    await super.close(force);
  }

  async #process(job: KlingJob, token?: string, cancelled?: AbortSignal): Promise<CompletedPrediction> {
    const handover = this.#handover.signal;
    try {
      const model = checkJobData(job.data, this.#settings.models);
      const idempotencyKey = createJobKey(this, job.id);
      await this.#awaitTurn(job, token);
      return await this.#client.run(model, job.data.input as ModelInput<typeof model>, {
        ...this.#createRunOptions(job),
        idempotencyKey,
        signal: cancelled === undefined ? handover : AbortSignal.any([handover, cancelled]),
      });
    } catch (error) {
      if (error instanceof DelayedError) throw error;
      if (WaveSpeedError.isInstance(error) && error.retry === 'never') throw toUnrecoverable(error);
      if (handover.aborted) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      if (RateLimitError.isInstance(error) && error.predictionId === undefined) {
        if (this.#settings.submitsPerMinute !== undefined) await setProgress(job, { status: 'rate-limited' });
        await this.rateLimit(error.retryAfterMs ?? DEFAULT_PAUSE_MS);
        throw Worker.RateLimitError();
      }
      throw error;
    }
  }

  #createRunOptions(job: KlingJob) {
    const { webhookReceiver, ...defaults } = this.#settings.run;
    const options = { ...defaults, ...job.data.options };
    return {
      ...options,
      // Without a URL no event comes.
      webhookReceiver: options.webhookUrl === undefined ? undefined : webhookReceiver,
      // A 429 holds back every worker, not this one alone; other failures are attempted again by the queue.
      maxRetries: 0,
      // Nothing is lost with it: the journal knows the task.
      onUpdate: ({ status, id }: { status: string; id: string }) =>
        setProgress(job, { status, id }).catch(() => undefined),
    };
  }

  /** Delays a job that is not submitted yet until its reserved start. */
  async #awaitTurn(job: KlingJob, token: string | undefined): Promise<void> {
    const { submitsPerMinute } = this.#settings;
    const { status, id } = (job.progress ?? {}) as Partial<KlingJobProgress>;
    if (submitsPerMinute === undefined || id !== undefined || status === 'scheduled') return;
    const delayMs = await reserveStart(this, this.toKey('kling-next-start'), submitsPerMinute);
    await setProgress(job, { status: 'scheduled' });
    if (delayMs <= 0) return;
    await job.moveToDelayed(Date.now() + delayMs, token);
    throw new DelayedError();
  }
}

function setProgress(job: Job, progress: KlingJobProgress): Promise<void> {
  return job.updateProgress(progress);
}

/** Fails a job permanently. BullMQ keeps the message and the stack. */
function toUnrecoverable(error: Error): UnrecoverableError {
  const final = new UnrecoverableError(error.message);
  final.cause = error;
  return final;
}
