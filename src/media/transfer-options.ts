/** Validates the options that uploads and downloads share, and calls `onProgress`. */
import { getErrorMessage } from '../utils/error-message.js';
import { WaveSpeedError } from '../core/errors/index.js';
import { type CallOptions, checkFunction, checkNames, readCallOptions } from '../core/validate-options.js';

export function readTransferOptions<Options extends CallOptions & { onProgress?: unknown }>(
  options: Options,
  known: readonly (keyof Options & string)[],
): Options {
  if (typeof options !== 'object' || options === null) readCallOptions(options);
  const { signal, maxRetries, onProgress } = options;
  readCallOptions({ signal, maxRetries });
  checkNames(options, known);
  checkFunction('onProgress', onProgress);
  return options;
}

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
