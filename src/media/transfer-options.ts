/**
 * Checks the options of an upload or download, and calls the `onProgress` among them.
 */
import { getErrorMessage } from '../utils/error-message.js';
import { ConfigurationError, WaveSpeedError } from '../core/errors/index.js';
import { type CallOptions, checkNames, readCallOptions } from '../core/validate-options.js';

/** Checks what uploads and downloads have in common, and refuses names that are not known. */
export function readTransferOptions<Options extends CallOptions & { onProgress?: unknown }>(
  options: Options,
  known: readonly (keyof Options & string)[],
): Options {
  const { signal, onProgress } = options ?? {};
  readCallOptions(typeof options === 'object' && options !== null ? { signal } : options);
  checkNames(options, known);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new ConfigurationError(
      `\`onProgress\`: got a value of type ${typeof onProgress}; expected a function.`,
    );
  }
  return options;
}

/**
 * Calls a caller's `onProgress`, and tells of its mistake, thrown or rejected. It is not waited for: a slow one must
 * not hold up the bytes.
 */
export function tellProgress<Progress>(
  onProgress: ((progress: Progress) => unknown) | undefined,
  progress: Progress,
  onMistake: (error: WaveSpeedError) => void,
): void {
  const mistaken = (cause: unknown) =>
    onMistake(new WaveSpeedError(`\`onProgress\` threw: ${getErrorMessage(cause)}.`, { cause }));
  try {
    Promise.resolve(onProgress?.(progress)).catch(mistaken);
  } catch (cause) {
    mistaken(cause);
  }
}
