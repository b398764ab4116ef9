/** The options of a worker, and their checks. */
import type { WorkerOptions } from 'bullmq';
import { checkObject, readOptions, rejectOption } from '../core/validate-options.js';
import type { RunOptions } from '../index.js';
import { RUN_OPTIONS } from '../predictions/options.js';
import type { DefinedModel } from '../schemas.js';

const { whenAbsent, timeoutMs, pollIntervalMs, webhookUrl, webhookReceiver, maxCost } = RUN_OPTIONS;
const JOB_DEFAULTS = { whenAbsent, timeoutMs, pollIntervalMs, webhookUrl, webhookReceiver, maxCost };

/** Options of `createKlingWorker`: its own, defaults of every job, and BullMQ's worker options. */
export interface KlingWorkerOptions extends WorkerOptions, Pick<RunOptions, keyof typeof JOB_DEFAULTS> {
  /** Number of tasks that this worker waits for at the same time. @default 100 */
  concurrency?: number;
  /** How often a job may lose its worker before it fails. @default 100 */
  maxStalledCount?: number;
  /** Maximum submits per minute of all workers of this queue together. Set the same number everywhere. @default no limit */
  submitsPerMinute?: number | undefined;
  /** Models made by `defineModel` that a job may name by their id. */
  models?: readonly DefinedModel[] | undefined;
}

/** A worker's options, checked. */
export interface WorkerSettings {
  /** Defaults of every job's `run`. */
  run: Pick<RunOptions, keyof typeof JOB_DEFAULTS>;
  bull: WorkerOptions;
  submitsPerMinute: number | undefined;
  models: readonly DefinedModel[];
}

/** `worker.rateLimit()` works only with a limiter: one that never limits by itself. */
const OPEN_LIMITER = { max: 1_000_000, duration: 1000 };

/** Checks a worker's options: a bad one would fail every job. */
export function readWorkerOptions(options: KlingWorkerOptions): WorkerSettings {
  checkObject('options', options, '{ connection }');
  const { models = [], submitsPerMinute, ...rest } = options;
  const { whenAbsent, timeoutMs, pollIntervalMs, webhookUrl, webhookReceiver, maxCost, ...bull } = rest;
  const given = { whenAbsent, timeoutMs, pollIntervalMs, webhookUrl, webhookReceiver, maxCost };
  const run = readOptions<typeof given, typeof JOB_DEFAULTS>(given, JOB_DEFAULTS);
  if (bull.connection === undefined || bull.connection === null) {
    rejectOption(
      'connection',
      bull.connection,
      "a client of ioredis or its options, as BullMQ's Worker takes",
    );
  }
  if (submitsPerMinute !== undefined && !(submitsPerMinute > 0)) {
    rejectOption('submitsPerMinute', submitsPerMinute, 'a number above 0');
  }
  const defaults = { concurrency: 100, maxStalledCount: 100, limiter: OPEN_LIMITER };
  return { run, bull: { ...defaults, ...bull }, submitsPerMinute, models };
}
