/** The options of a worker, and their checks. */
import type { WorkerOptions } from 'bullmq';
import { checkMaxCost, checkMs, checkObject, rejectOption } from '../core/validate-options.js';
import { ConfigurationError, type RunOptions } from '../index.js';
import type { DefinedModel } from '../schemas.js';

const RUN_OPTIONS = [
  'whenAbsent',
  'timeoutMs',
  'pollIntervalMs',
  'webhookUrl',
  'webhookReceiver',
  'maxCost',
] as const satisfies readonly (keyof RunOptions)[];

/** Options of `createKlingWorker`: its own, defaults of every job, and BullMQ's worker options. */
export interface KlingWorkerOptions extends WorkerOptions, Pick<RunOptions, (typeof RUN_OPTIONS)[number]> {
  /** Tasks that this worker waits for at once. @default 100 */
  concurrency?: number;
  /** How often a job may lose its worker before it fails. @default 100 */
  maxStalledCount?: number;
  /** Submits a minute of all workers of this queue together. Set it to the same number everywhere. @default no limit */
  submitsPerMinute?: number | undefined;
  /** Models made by `defineModel` that a job may name by their id. */
  models?: readonly DefinedModel[] | undefined;
}

/** A worker's options, checked. */
export interface WorkerSettings {
  /** Defaults of every job's `run`. */
  run: Pick<RunOptions, (typeof RUN_OPTIONS)[number]>;
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
  const run = { whenAbsent, timeoutMs, pollIntervalMs, webhookUrl, webhookReceiver, maxCost };
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
  if (whenAbsent !== undefined && whenAbsent !== 'throw' && whenAbsent !== 'resubmit') {
    rejectOption('whenAbsent', whenAbsent, "'throw' or 'resubmit'");
  }
  checkMs('timeoutMs', timeoutMs);
  if (typeof pollIntervalMs !== 'function') checkMs('pollIntervalMs', pollIntervalMs);
  checkMaxCost(maxCost);
  if (webhookUrl !== undefined && !(typeof webhookUrl === 'string' && URL.canParse(webhookUrl))) {
    // The URL may have a token in its query.
    throw new ConfigurationError('`webhookUrl`: expected an https URL that the service can reach.');
  }
  if (webhookReceiver !== undefined && typeof webhookReceiver?.subscribe !== 'function') {
    rejectOption(
      'webhookReceiver',
      webhookReceiver,
      'a source of webhook events, such as redisEvents(redis)',
    );
  }
  const defaults = { concurrency: 100, maxStalledCount: 100, limiter: OPEN_LIMITER };
  return { run, bull: { ...defaults, ...bull }, submitsPerMinute, models };
}
