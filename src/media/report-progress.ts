/** Calls `onProgress` of uploads and downloads. */
import { WaveSpeedError } from '../core/errors/index.js';
import { getErrorMessage } from '../utils/error-message.js';

/** Not awaited: a slow callback must not slow down the transfer. */
export function reportProgress<Progress>(
  onProgress: ((progress: Progress) => unknown) | undefined,
  progress: Progress,
  onCallbackError: (error: WaveSpeedError) => void,
): void {
  const fail = (cause: unknown) =>
    onCallbackError(new WaveSpeedError(`\`onProgress\` threw: ${getErrorMessage(cause)}.`, { cause }));
  try {
    Promise.resolve(onProgress?.(progress)).catch(fail);
  } catch (cause) {
    fail(cause);
  }
}
