/** Calls `onSubmitted` and `onUpdate`, and names the task in errors of an aborted call. */
import {
  WaitAbortedError,
  WaitTimeoutError,
  WaveSpeedError,
  withPredictionId,
} from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import type { Call } from '../utils/call.js';
import { getErrorMessage } from '../utils/error-message.js';

/** Waits until the callback has returned, or the call ends. Its errors carry the task's id. */
export async function invokeCallback(
  call: Call,
  name: 'onSubmitted' | 'onUpdate',
  callback: ((prediction: Prediction) => void | Promise<void>) | undefined,
  prediction: Prediction,
): Promise<void> {
  if (callback === undefined) return;
  const isLate = call.signal.aborted;
  const work = (async () => {
    try {
      await callback(prediction);
    } catch (cause) {
      const error = new WaveSpeedError(`\`${name}\` threw: ${getErrorMessage(cause)}.`, { cause });
      throw withPredictionId(error, prediction.id);
    }
  })();
  try {
    // An id that comes after the end of the call is reported all the same.
    await (isLate ? call.grace(work) : call.run(work));
  } catch (error) {
    if (!call.hasExpired || !call.isReason(error)) throw error;
    throw new WaitTimeoutError({
      predictionId: prediction.id,
      lastPrediction: prediction,
      elapsedMs: call.elapsedMs,
      cause: new Error(`\`${name}\` has not returned`),
    });
  }
}

/** Names the task on an abort; every other error stays as it is. */
export function toAbortError(call: Call, error: unknown, id: string): unknown {
  return call.wasAborted && call.isReason(error) ? new WaitAbortedError(id, error) : error;
}
