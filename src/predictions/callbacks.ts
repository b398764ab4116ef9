/**
 * Calls a caller's `onSubmitted` or `onUpdate`.
 */
import { getErrorMessage } from '../utils/error-message.js';
import { MAX_TIMER_MS, orAbort } from '../utils/abort.js';
import { WaitTimeoutError, WaveSpeedError } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';

/** Calls it and waits until it has returned, at most until the deadline; what it throws must not cost the task's id. */
export async function notify(
  name: 'onSubmitted' | 'onUpdate',
  callback: ((prediction: Prediction) => void | Promise<void>) | undefined,
  prediction: Prediction,
  signal: AbortSignal | undefined,
  deadlineAt: number,
): Promise<void> {
  if (callback === undefined) return;
  const startedAt = performance.now();
  const called = (async () => {
    try {
      await callback(prediction);
    } catch (cause) {
      throw new WaveSpeedError(`\`${name}\` threw: ${getErrorMessage(cause)}.`, {
        cause,
        predictionId: prediction.id,
      });
    }
  })();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    if (deadlineAt - startedAt > MAX_TIMER_MS) return;
    timer = setTimeout(
      () => {
        const elapsedMs = performance.now() - startedAt;
        const cause = new Error(`\`${name}\` has not returned`);
        reject(
          new WaitTimeoutError({ predictionId: prediction.id, lastPrediction: prediction, elapsedMs, cause }),
        );
      },
      Math.max(0, deadlineAt - startedAt),
    );
  });
  try {
    await orAbort(Promise.race([called, late]), signal);
  } finally {
    clearTimeout(timer);
  }
}
