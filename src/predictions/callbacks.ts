/** Calls `onSubmitted` and `onUpdate`. */
import {
  WaitAbortedError,
  WaitTimeoutError,
  WaveSpeedError,
  withPredictionId,
} from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import { raceAbort } from '../utils/abort.js';
import { getErrorMessage } from '../utils/error-message.js';
import { withDeadline } from '../utils/with-deadline.js';

/** Calls it and waits until it has returned, at most until the deadline. What it throws names the task. */
export async function invokeCallback(
  name: 'onSubmitted' | 'onUpdate',
  callback: ((prediction: Prediction) => void | Promise<void>) | undefined,
  prediction: Prediction,
  signal: AbortSignal | undefined,
  deadlineAt: number,
): Promise<void> {
  if (callback === undefined) return;
  const startedAt = performance.now();
  const call = async () => {
    try {
      await callback(prediction);
    } catch (cause) {
      const error = new WaveSpeedError(`\`${name}\` threw: ${getErrorMessage(cause)}.`, { cause });
      throw withPredictionId(error, prediction.id);
    }
  };
  const deadline = {
    at: deadlineAt,
    reason: () =>
      new WaitTimeoutError({
        predictionId: prediction.id,
        lastPrediction: prediction,
        elapsedMs: performance.now() - startedAt,
        cause: new Error(`\`${name}\` has not returned`),
      }),
  };
  await withDeadline(deadline, signal, (limited) => raceAbort(call(), limited));
}

/** Names the task on an abort; every other error stays as it is. */
export function toAbortError(error: unknown, id: string, signal: AbortSignal | undefined): unknown {
  return signal?.aborted === true && error === signal.reason ? new WaitAbortedError(id, error) : error;
}
