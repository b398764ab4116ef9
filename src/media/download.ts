/** Downloads a task's outputs, and publishes the files when all of them are complete. */
import { mkdir } from 'node:fs/promises';
import { MAX_TIMER_MS, addAbortListener } from '../utils/abort.js';
import { DownloadError, RequestTimeoutError } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import { type CallOptions, checkInteger, checkMs, rejectOption } from '../core/validate-options.js';
import { checkAbsent, diskError } from './download-errors.js';
import { type Output, readDirectory, readOutputs } from './download-source.js';
import { type DownloadDependencies, type DownloadProgress, DownloadTask } from './download-task.js';
import { forbiddenReason } from './media-url.js';
import { type IfExists, publishAll } from './partial-file.js';
import { removeStaleFiles } from './stale-files.js';
import { readTransferOptions, reportProgress } from './transfer-options.js';

/** Options of `download`. */
export interface DownloadOptions extends CallOptions {
  /** Called with the number of bytes written; not awaited. The download fails if it throws or rejects. */
  onProgress?: ((progress: DownloadProgress) => unknown) | undefined;
  /**
   * What happens with a file that is there already. `error`: rejects before any request. `keep`: returns it without a request,
   * also if another download made it in the meantime. `overwrite`: replaces it, in one step.
   * @default 'error'
   */
  ifExists?: IfExists | undefined;
  /** Maximum size of a file in bytes. @default 2_147_483_648 (2 GiB) */
  maxBytes?: number | undefined;
  /** Time limit for the call in milliseconds, over all files and retries. @default 3_600_000 (1 hour) */
  timeoutMs?: number | undefined;
}

/** A downloaded file. */
export interface DownloadedFile {
  /** Absolute path. */
  path: string;
  url: string;
  /** Size of the file. */
  bytes: number;
  /** The `Content-Type` of the response; undefined when it had none, or when the file was kept. */
  contentType: string | undefined;
}

const OPTIONS = ['signal', 'maxRetries', 'onProgress', 'ifExists', 'maxBytes', 'timeoutMs'] as const;
const IF_EXISTS: readonly unknown[] = ['error', 'keep', 'overwrite'] satisfies IfExists[];
const DEFAULT_MAX_BYTES = 2 * 1024 ** 3;
const DEFAULT_TIMEOUT_MS = 60 * 60_000;

function readOptions(options: DownloadOptions) {
  const { ifExists = 'error', maxBytes, timeoutMs, ...rest } = readTransferOptions(options, OPTIONS);
  if (!IF_EXISTS.includes(ifExists)) rejectOption('ifExists', ifExists, "'error', 'keep' or 'overwrite'");
  checkInteger('maxBytes', maxBytes, 1);
  checkMs('timeoutMs', timeoutMs);
  return {
    ...rest,
    ifExists,
    maxBytes: maxBytes ?? DEFAULT_MAX_BYTES,
    timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS,
  };
}

export async function download(
  dependencies: DownloadDependencies,
  source: Prediction | string | URL,
  directory: string | URL,
  options: DownloadOptions,
): Promise<DownloadedFile[]> {
  const { signal, maxRetries, onProgress, ifExists, maxBytes, timeoutMs } = readOptions(options);
  const path = await readDirectory(directory);
  const outputs = readOutputs(source, path);
  checkUrls(outputs, dependencies.baseUrl);
  signal?.throwIfAborted();
  await prepareDirectory(path, outputs, ifExists);

  const predictionId = outputs[0]?.predictionId;
  const controller = new AbortController();
  const removeListener = signal && addAbortListener(signal, () => controller.abort(signal.reason));
  const timeout = () => {
    const message = `timeoutMs (${timeoutMs} ms) ran out before the download was complete.`;
    controller.abort(new RequestTimeoutError(message, { predictionId }));
  };
  const timer = timeoutMs > MAX_TIMER_MS ? undefined : setTimeout(timeout, timeoutMs);
  const tasks = outputs.map(
    (output) =>
      new DownloadTask({ ...dependencies, maxRetries: maxRetries ?? dependencies.maxRetries }, output, {
        signal: controller.signal,
        onProgress: (progress) =>
          reportProgress(onProgress, progress, (error) => {
            if (predictionId !== undefined) error.predictionId = predictionId;
            controller.abort(error);
          }),
        ifExists,
        maxBytes,
      }),
  );
  const publishable = () => tasks.flatMap((task) => task.publishable ?? []);
  try {
    for (const task of tasks) await task.fetch();
    controller.signal.throwIfAborted();
    await publishAll(publishable(), ifExists);
  } finally {
    clearTimeout(timer);
    removeListener?.();
    await Promise.all(publishable().map(({ partial }) => partial.discard()));
  }
  return tasks.map((task) => task.file);
}

function checkUrls(outputs: readonly Output[], baseUrl: string): void {
  for (const { url, label, target: path, predictionId } of outputs) {
    const reason = forbiddenReason(url, new URL(baseUrl));
    if (reason !== undefined) {
      throw new DownloadError('refused', `${label}: ${reason}.`, { path, predictionId });
    }
  }
}

async function prepareDirectory(
  directory: string,
  outputs: readonly Output[],
  ifExists: IfExists,
): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (cause) {
    throw diskError(cause, directory, ', the directory could not be created', undefined);
  }
  await removeStaleFiles(
    directory,
    outputs.map(({ basename }) => basename),
  );
  if (ifExists !== 'error') return;
  for (const { target, possibleExtensions, predictionId } of outputs) {
    for (const extension of possibleExtensions) {
      await checkAbsent(`${target}.${extension}`, predictionId);
    }
  }
}
