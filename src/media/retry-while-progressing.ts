/** Retries a transfer, with a new set of attempts after each one that made progress. */
import { delay } from '../utils/abort.js';
import { WaveSpeedError } from '../core/errors/index.js';
import { emitRetry, getRetryDelay, isTransient, retry, type RetryOptions } from '../http/retry.js';

/** An attempt with at least this many new bytes resets the count of attempts. */
const MIN_PROGRESS_BYTES = 64 * 1024;

/** Resets the count on progress because a large file needs more attempts than a small one on a bad connection. */
export async function retryWhileProgressing(
  attempt: () => Promise<void>,
  getBytes: () => number,
  rules: Omit<RetryOptions, 'shouldRetry'>,
): Promise<void> {
  const { maxRetries, signal, onRetry, operation, predictionId } = rules;
  for (;;) {
    const before = getBytes();
    const hasProgressed = () => getBytes() - before >= MIN_PROGRESS_BYTES;
    try {
      const shouldRetry = (error: unknown) => isTransient(error) && !hasProgressed();
      await retry(attempt, { ...rules, shouldRetry });
      return;
    } catch (error) {
      const isRetryable = isTransient(error) && hasProgressed() && maxRetries > 0;
      if (signal?.aborted === true || !isRetryable || !(error instanceof WaveSpeedError)) throw error;
      const delayMs = getRetryDelay(1, error);
      const context = { operation, attempt: 1, delayMs, error };
      emitRetry(predictionId === undefined ? context : { ...context, predictionId }, onRetry);
      await delay(delayMs, signal);
    }
  }
}
