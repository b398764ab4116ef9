/** Downloads a task's outputs, and publishes the files when all of them are complete. */
import { mkdir } from 'node:fs/promises';
import { DownloadError, RequestTimeoutError } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import { Call } from '../utils/call.js';
import { checkAbsent, diskError } from './download-errors.js';
import { type DownloadOptions, type IfExists, readDownloadOptions } from './download-options.js';
import { type Output, readDirectory, readOutputs } from './download-source.js';
import { type DownloadDependencies, DownloadTask } from './download-task.js';
import { forbiddenReason } from './media-url.js';
import { publishAfter } from './partial-file.js';
import { reportProgress } from './report-progress.js';
import { removeStaleFiles } from './stale-partial-files.js';

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

export async function download(
  dependencies: DownloadDependencies,
  source: Prediction | string | URL,
  directory: string | URL,
  options: DownloadOptions,
): Promise<DownloadedFile[]> {
  const { signal, maxRetries, onProgress, ifExists, maxBytes, timeoutMs } = readDownloadOptions(options);
  const path = await readDirectory(directory);
  const outputs = readOutputs(source, path);
  checkUrls(outputs, dependencies.baseUrl);
  signal?.throwIfAborted();
  await prepareDirectory(path, outputs, ifExists);

  const predictionId = outputs[0]?.predictionId;
  const createTimeoutError = () =>
    new RequestTimeoutError(`timeoutMs (${timeoutMs} ms) ran out before the download was complete.`, {
      predictionId,
    });
  const call = new Call({ signal, timeoutMs, createTimeoutError });
  const tasks = outputs.map(
    (output) =>
      new DownloadTask({ ...dependencies, maxRetries: maxRetries ?? dependencies.maxRetries }, output, {
        signal: call.signal,
        onProgress: (progress) =>
          reportProgress(onProgress, progress, (error) => {
            if (predictionId !== undefined) error.predictionId = predictionId;
            call.abort(error);
          }),
        ifExists,
        maxBytes,
      }),
  );
  const fetchAll = async () => {
    for (const task of tasks) await task.fetch();
    call.signal.throwIfAborted();
  };
  try {
    await publishAfter(fetchAll, () => tasks.flatMap((task) => task.publishable ?? []), ifExists);
  } finally {
    call.close();
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
