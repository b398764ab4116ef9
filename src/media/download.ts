/** Downloads a task's outputs, and publishes the files when all of them are complete. */
import { mkdir, rm } from 'node:fs/promises';
import { MAX_TIMER_MS, addAbortListener } from '../utils/abort.js';
import { DownloadError, RequestTimeoutError } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import { type CallOptions, checkInteger, checkMs, rejectOption } from '../core/validate-options.js';
import { checkAbsent, diskError } from './download-errors.js';
import { type Output, readDirectory, readOutputs } from './download-source.js';
import { type DownloadDependencies, type DownloadProgress, DownloadTask } from './download-task.js';
import { forbiddenReason } from './download-url.js';
import { removeStaleFiles } from './stale-files.js';
import { readTransferOptions, reportProgress } from './transfer-options.js';

/** Options of `download`. */
export interface DownloadOptions extends CallOptions {
  /** Called with the number of bytes written; not awaited. The download fails if it throws or rejects. */
  onProgress?: ((progress: DownloadProgress) => unknown) | undefined;
  /** Replaces existing files, each in one step. By default an existing file is an error before any request. @default false */
  overwrite?: boolean | undefined;
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
  /** The `Content-Type` of the response; undefined when it had none. */
  contentType: string | undefined;
}

const OPTIONS = ['signal', 'maxRetries', 'onProgress', 'overwrite', 'maxBytes', 'timeoutMs'] as const;
const DEFAULT_MAX_BYTES = 2 * 1024 ** 3;
const DEFAULT_TIMEOUT_MS = 60 * 60_000;

function readOptions(options: DownloadOptions) {
  const { overwrite = false, maxBytes, timeoutMs, ...rest } = readTransferOptions(options, OPTIONS);
  if (typeof overwrite !== 'boolean') rejectOption('overwrite', overwrite, 'true or false');
  checkInteger('maxBytes', maxBytes, 1);
  checkMs('timeoutMs', timeoutMs);
  return {
    ...rest,
    overwrite,
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
  const { signal, maxRetries, onProgress, overwrite, maxBytes, timeoutMs } = readOptions(options);
  const path = await readDirectory(directory);
  const outputs = readOutputs(source, path);
  checkUrls(outputs, dependencies.baseUrl);
  signal?.throwIfAborted();
  await prepareDirectory(path, outputs, overwrite);

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
        overwrite,
        maxBytes,
      }),
  );
  try {
    for (const task of tasks) await task.fetch();
    controller.signal.throwIfAborted();
    await publishAll(tasks, overwrite);
  } finally {
    clearTimeout(timer);
    removeListener?.();
    await Promise.all(tasks.map((task) => task.discard()));
  }
  return tasks.map((task) => task.file);
}

/** Publishes all files or none, so that a failed call does not block the next one. */
async function publishAll(tasks: readonly DownloadTask[], overwrite: boolean): Promise<void> {
  const published: string[] = [];
  try {
    for (const task of tasks) published.push(await task.publish());
  } catch (error) {
    // With `overwrite`, the replaced files cannot be restored.
    if (!overwrite) {
      await Promise.all(published.map((path) => rm(path, { force: true }).catch(() => undefined)));
    }
    throw error;
  }
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
  overwrite: boolean,
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
  if (overwrite) return;
  for (const { target, possibleExtensions, predictionId } of outputs) {
    for (const extension of possibleExtensions) {
      await checkAbsent(`${target}.${extension}`, predictionId);
    }
  }
}
