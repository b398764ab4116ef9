/** Uploads a client's files: validates all of them before the first byte is sent, and uploads each only once. */
import { addAbortListener, raceAbort } from '../utils/abort.js';
import { type InputIssue, InvalidInputError, type WaveSpeedError } from '../core/errors/index.js';
import { formatPath } from '../models/field-messages.js';
import type { PendingUpload } from '../models/prepare-input.js';
import { reportProgress } from './report-progress.js';
import { readUploadOptions, type UploadOptions } from './upload-options.js';
import { inspect, readSource, type UploadSource } from './upload-source.js';
import { Uploader, type UploadDependencies, type ValidatedFile } from './uploader.js';

const UPLOAD_CONCURRENCY = 4;

/** Six days: the service keeps a file for 7 days, and a task needs some time. */
const UPLOAD_CACHE_TTL_MS = 6 * 24 * 60 * 60_000;

/** Limits the cached URLs of files on disk. Those of Blobs are kept as long as the Blob exists. */
const MAX_CACHED_FILES = 1000;

interface SharedUpload {
  url: Promise<string>;
  done: boolean;
  startedAt: number;
  loaded: number;
  listeners: Set<(loaded: number) => void>;
  waiting: number;
  abort: AbortController;
}

interface UploadRequest {
  signal: AbortSignal | undefined;
  maxRetries: number;
  onProgress?: UploadOptions['onProgress'];
}

export class UploadManager {
  readonly #uploader: Uploader;
  readonly #maxRetries: number;
  readonly #blobs = new WeakMap<Blob, SharedUpload>();
  readonly #files = new Map<string, SharedUpload>();

  constructor(dependencies: UploadDependencies) {
    this.#uploader = new Uploader(dependencies);
    this.#maxRetries = dependencies.maxRetries;
  }

  /**
   * Returns the URLs in the order of the files.
   *
   * @throws {InvalidInputError} with an issue for every invalid file, before anything is sent.
   */
  async uploadAll(
    subject: string,
    media: readonly PendingUpload[],
    signal: AbortSignal | undefined,
    maxRetries: number = this.#maxRetries,
  ): Promise<string[]> {
    if (media.length === 0) return [];
    const inspected = await raceAbort(
      Promise.all(media.map(({ source, kind }) => inspect(source, [kind]))),
      signal,
    );
    const files: ValidatedFile[] = [];
    const issues: InputIssue[] = [];
    for (const [index, result] of inspected.entries()) {
      if ('file' in result) {
        files.push(result.file);
        continue;
      }
      const path = media[index]?.path ?? [];
      issues.push({ path: [...path], message: `${formatPath(path)}: ${result.problem}` });
    }
    if (issues.length > 0) throw new InvalidInputError(subject, issues);
    return this.#uploadEach(files, signal, maxRetries);
  }

  async upload(source: UploadSource, options: UploadOptions): Promise<string> {
    const { signal, maxRetries = this.#maxRetries, onProgress } = readUploadOptions(options);
    const invalid = (problem: string) =>
      new InvalidInputError('upload', [{ path: ['file'], message: `file: ${problem}` }]);
    const result = await raceAbort(inspect(readSource(source, invalid), ['image', 'video', 'audio']), signal);
    if ('problem' in result) throw invalid(result.problem);
    return this.#uploadShared(result.file, { signal, maxRetries, onProgress });
  }

  async #uploadEach(
    files: readonly ValidatedFile[],
    signal: AbortSignal | undefined,
    maxRetries: number,
  ): Promise<string[]> {
    const controller = new AbortController();
    const removeListener = signal && addAbortListener(signal, () => controller.abort(signal.reason));
    const urls: string[] = [];
    const queue = files.entries();
    let failure: { error: unknown } | undefined;
    const work = async () => {
      for (const [index, file] of queue) {
        if (controller.signal.aborted) return;
        try {
          urls[index] = await this.#uploadShared(file, { signal: controller.signal, maxRetries });
        } catch (error) {
          failure ??= { error };
          controller.abort(error);
        }
      }
    };
    try {
      await Promise.all(Array.from({ length: UPLOAD_CONCURRENCY }, work));
    } finally {
      removeListener?.();
    }
    signal?.throwIfAborted();
    if (failure !== undefined) throw failure.error;
    return urls;
  }

  /** Joins the upload of the same file, or starts one. It is aborted when no call waits for it any longer. */
  async #uploadShared(file: ValidatedFile, request: UploadRequest): Promise<string> {
    const { signal, maxRetries, onProgress } = request;
    signal?.throwIfAborted();
    const upload = this.#find(file.identity) ?? this.#start(file, maxRetries);
    const { size: total } = file;
    let callbackError: WaveSpeedError | undefined;
    let fail: (error: WaveSpeedError) => void = () => undefined;
    const callbackFailed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const listener = (loaded: number) => {
      reportProgress(onProgress, { loaded, total }, (error) => {
        callbackError ??= error;
        upload.listeners.delete(listener);
        fail(error);
      });
    };
    upload.waiting += 1;
    upload.listeners.add(listener);
    try {
      if (upload.done) listener(total);
      const url = await raceAbort(Promise.race([callbackFailed, upload.url]), signal);
      // The callback for the last bytes may have rejected as the upload ended.
      if (callbackError !== undefined) throw callbackError;
      return url;
    } finally {
      callbackFailed.catch(() => undefined);
      upload.listeners.delete(listener);
      upload.waiting -= 1;
      if (upload.waiting === 0 && !upload.done) {
        // Removed immediately: a later call must not join an upload that is about to be aborted.
        this.#remove(file.identity, upload);
        upload.abort.abort(new Error('Nobody waits for this upload any more.'));
      }
    }
  }

  #start(file: ValidatedFile, maxRetries: number): SharedUpload {
    const abort = new AbortController();
    const upload: SharedUpload = {
      url: Promise.resolve(''),
      done: false,
      startedAt: Date.now(),
      loaded: 0,
      listeners: new Set(),
      waiting: 0,
      abort,
    };
    const onBytes = (loaded: number) => {
      upload.loaded = loaded;
      for (const listener of upload.listeners) listener(loaded);
    };
    upload.url = this.#uploader.upload(file, { signal: abort.signal, maxRetries, onBytes }).then(
      (url) => {
        upload.done = true;
        // The transport may take the last bytes without requesting more.
        if (upload.loaded < file.size) onBytes(file.size);
        return url;
      },
      (error: unknown) => {
        this.#remove(file.identity, upload);
        throw error;
      },
    );
    // All waiting calls may have been aborted.
    upload.url.catch(() => undefined);
    this.#add(file.identity, upload);
    return upload;
  }

  #find(identity: Blob | string): SharedUpload | undefined {
    const upload = typeof identity === 'string' ? this.#files.get(identity) : this.#blobs.get(identity);
    const isFresh = upload !== undefined && Date.now() - upload.startedAt < UPLOAD_CACHE_TTL_MS;
    return isFresh ? upload : undefined;
  }

  #add(identity: Blob | string, upload: SharedUpload): void {
    if (typeof identity !== 'string') {
      this.#blobs.set(identity, upload);
      return;
    }
    this.#files.delete(identity);
    this.#files.set(identity, upload);
    const [oldest] = this.#files.keys();
    if (this.#files.size > MAX_CACHED_FILES && oldest !== undefined) this.#files.delete(oldest);
  }

  #remove(identity: Blob | string, upload: SharedUpload): void {
    if (typeof identity === 'string') {
      if (this.#files.get(identity) === upload) this.#files.delete(identity);
    } else if (this.#blobs.get(identity) === upload) {
      this.#blobs.delete(identity);
    }
  }
}
