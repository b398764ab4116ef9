/** Options of `runMany`, their checks, and how many tasks of a batch run at once by default. */
import { ConfigurationError, type SubmissionUnknownError } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import { aFunction, checkObject, integer, type OptionTable, readOptions } from '../core/validate-options.js';
import { checkReceiverHasUrl, RUN_OPTIONS, type RunOptions } from '../predictions/options.js';

/** Options of `runMany`. The `timeoutMs` of a request counts from when it gets a slot. */
export interface RunManyOptions extends Pick<
  RunOptions,
  'signal' | 'maxRetries' | 'timeoutMs' | 'pollIntervalMs' | 'webhookUrl' | 'webhookReceiver' | 'whenAbsent'
> {
  /** Maximum number of concurrent tasks of this batch. @default the client's limit, or 100 */
  concurrency?: number | undefined;
  /** Highest cost of the whole batch, in US dollars. A request that does not fit is rejected, and nothing is sent for it. */
  maxCost?: number | undefined;
  /** Called when a task was accepted, and awaited: save its id here. If it throws, the batch stops new submits. */
  onSubmitted?: ((prediction: Prediction, index: number) => void | Promise<void>) | undefined;
  /**
   * Called when a task may or may not have been accepted, and awaited. Without it, breaking out of the loop
   * before it yielded such an error emits a process warning. If it throws, the batch stops new submits.
   */
  onUnknown?: ((error: SubmissionUnknownError, index: number) => void | Promise<void>) | undefined;
  /** Called at every change of a task's status. */
  onUpdate?: ((prediction: Prediction, index: number) => void | Promise<void>) | undefined;
}

/** Default of `concurrency`, of a client without limits. */
const CONCURRENCY = 100;

const { idempotencyKey: _, ...SHARED_OPTIONS } = RUN_OPTIONS;
const RUN_MANY_OPTIONS = {
  ...SHARED_OPTIONS,
  concurrency: { check: integer(1) },
  onUnknown: { check: aFunction },
} satisfies OptionTable<RunManyOptions>;

/** @param limit The client's limit of tasks that run at once. */
export function readRunManyOptions(options: RunManyOptions, limit: number) {
  checkObject('options', options, '{ maxCost: 5 }');
  for (const name of ['level', 'limits', 'perMinute']) {
    if (Object.hasOwn(options, name)) {
      throw new ConfigurationError(
        `\`${name}\`: not an option of runMany; limits apply to every submit of a client: use new WaveSpeedKling({ level }) or { limits }.`,
      );
    }
  }
  const read = readOptions<RunManyOptions, typeof RUN_MANY_OPTIONS>(options, RUN_MANY_OPTIONS);
  checkReceiverHasUrl(read);
  return { ...read, concurrency: read.concurrency ?? (limit < Infinity ? limit : CONCURRENCY) };
}
