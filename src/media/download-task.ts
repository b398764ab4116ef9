/** Downloads one output into a partial file: resumes it after a broken connection, and verifies its length. */
import { ConnectionError, DownloadError, WaveSpeedError } from '../core/errors/index.js';
import { delay } from '../utils/abort.js';
import { emitRetry, isTransient, type OnRetry, retry } from '../http/retry.js';
import { withIdleTimeout, type IdleTimer } from '../http/idle-timeout.js';
import { formatStatus } from '../http/create-api-error.js';
import type { StreamResponse } from '../http/types.js';
import type { Transport } from '../http/transport.js';
import { checkAbsent, diskError, existsError, sizeOfKept } from './download-errors.js';
import type { DownloadProgress, IfExists } from './download-options.js';
import type { Output } from './download-source.js';
import { checkResponse, type CreateError, mayAppear, requestOutput } from './download-request.js';
import { detectFileType, extensionFor } from './file-type.js';
import { PartialFile, type PublishableFile } from './partial-file.js';
import {
  type FileVersion,
  isContinuation,
  lengthOf,
  rangeOf,
  validatorOf,
  versionOf,
} from './response-headers.js';

/** Without the API key: outputs do not need it. */
export interface DownloadDependencies {
  transport: Transport;
  baseUrl: string;
  requestTimeoutMs: number;
  maxRetries: number;
  onRetry: OnRetry | undefined;
}

/** Time between two requests for an output that may appear, in milliseconds. */
const APPEARS_POLL_MS = 1000;

export interface DownloadSettings {
  signal: AbortSignal;
  onProgress: (progress: DownloadProgress) => void;
  ifExists: IfExists;
  maxBytes: number;
}

export class DownloadTask {
  readonly #deps: DownloadDependencies;
  readonly #output: Output;
  readonly #settings: DownloadSettings;
  #partial: PartialFile | undefined;
  #target: string | undefined;
  #received = 0;
  #maxReceived = 0;
  #total: number | undefined;
  /** For `If-Range`; undefined if the download cannot be resumed. */
  #validator: string | undefined;
  #version: FileVersion = { etag: undefined, lastModified: undefined };
  #contentType: string | undefined;

  constructor(dependencies: DownloadDependencies, output: Output, settings: DownloadSettings) {
    this.#deps = dependencies;
    this.#output = output;
    this.#settings = settings;
  }

  get file() {
    const { url } = this.#output;
    return { path: this.#path, url: url.href, bytes: this.#received, contentType: this.#contentType };
  }

  get #path(): string {
    return this.#target ?? this.#output.target;
  }

  async fetch(): Promise<void> {
    if (this.#settings.ifExists === 'keep' && (await this.#findKept())) return;
    const { maxRetries, onRetry } = this.#deps;
    const { signal } = this.#settings;
    const { predictionId } = this.#output;
    try {
      const getBytes = () => this.#maxReceived;
      const options = { operation: 'download', maxRetries, signal, onRetry, predictionId, getBytes } as const;
      await retry(() => this.#attempt(), options);
    } catch (error) {
      throw signal.aborted || !(error instanceof WaveSpeedError) ? error : this.#toFinalError(error);
    }
  }

  /** Undefined if there was nothing to download. */
  get publishable(): PublishableFile | undefined {
    return this.#partial && { partial: this.#partial, target: this.#path };
  }

  async #attempt(): Promise<void> {
    const { signal, onProgress, maxBytes } = this.#settings;
    const { label, url } = this.#output;
    await withIdleTimeout({ label, signal, idleMs: this.#deps.requestTimeoutMs }, async (timer) => {
      const { response, resumes } = await this.#requestRest(timer);
      try {
        const { completedAt } = this.#output;
        checkResponse(response, { isRest: resumes, label, completedAt, createError: this.#createError });
        this.#readHeaders(response, resumes);
        this.#partial ??= await this.#createPartial();
        await this.#partial.receive(response.body, {
          position: this.#received,
          signal: timer.signal,
          onChunk: (size) => {
            timer.refresh();
            if (size > maxBytes) throw this.#tooLarge(size);
          },
          onWritten: (bytes) => {
            timer.refresh();
            this.#received += bytes;
            this.#maxReceived = Math.max(this.#maxReceived, this.#received);
            onProgress({ url: url.href, loaded: this.#received, total: this.#total });
          },
        });
        this.#checkLength(response);
        this.#target ??= await this.#detectTarget(this.#partial);
      } catch (error) {
        response.discard();
        throw error;
      }
    });
  }

  async #requestRest(timer: IdleTimer): Promise<{ response: StreamResponse; resumes: boolean }> {
    if (this.#validator === undefined) await this.#restart();
    const response = await this.#request(timer);
    const [received, total, validator, version] = [
      this.#received,
      this.#total,
      this.#validator,
      this.#version,
    ];
    if (isContinuation(response, { received, total, validator, version })) return { response, resumes: true };
    const isPartial = response.status === 206 || (response.status === 416 && this.#received > 0);
    try {
      if (response.status === 200 || isPartial) await this.#restart();
    } catch (error) {
      response.discard();
      throw error;
    }
    if (!isPartial) return { response, resumes: false };
    response.discard();
    return { response: await this.#request(timer), resumes: false };
  }

  async #restart(): Promise<void> {
    if (this.#received > 0) await this.#partial?.clear();
    this.#received = 0;
    this.#total = undefined;
    this.#validator = undefined;
  }

  async #request(timer: IdleTimer): Promise<StreamResponse> {
    const { transport, baseUrl, maxRetries, onRetry } = this.#deps;
    const validator = this.#received > 0 ? this.#validator : undefined;
    const rest = validator === undefined ? undefined : { start: this.#received, validator };
    const { url, completedAt, predictionId } = this.#output;
    for (let attempt = 1; ; attempt++) {
      const request = { transport, url, baseUrl, rest, createError: this.#createError };
      const response = await requestOutput(request, timer);
      if (maxRetries === 0 || !mayAppear(response, completedAt)) return response;
      response.discard();
      const error = this.#createError('refused', `${formatStatus(response)}; it may appear soon`, {
        status: 404,
      });
      const context = { operation: 'download', attempt, delayMs: APPEARS_POLL_MS, error } as const;
      emitRetry(predictionId === undefined ? context : { ...context, predictionId }, onRetry);
      await delay(APPEARS_POLL_MS, timer.signal);
      timer.refresh();
    }
  }

  /** Looks for the file of an earlier download. */
  async #findKept(): Promise<boolean> {
    const { target, possibleExtensions, predictionId } = this.#output;
    for (const extension of possibleExtensions) {
      const path = `${target}.${extension}`;
      const size = await sizeOfKept(path, predictionId);
      if (size === undefined) continue;
      this.#target = path;
      this.#received = size;
      return true;
    }
    return false;
  }

  #readHeaders(response: StreamResponse, resumes: boolean): void {
    if (resumes) {
      this.#total ??= rangeOf(response)?.total;
    } else {
      this.#contentType = response.header('content-type');
      this.#total = lengthOf(response);
      this.#validator = validatorOf(response);
      this.#version = versionOf(response);
      const extension = extensionFor(this.#contentType) ?? this.#output.extension;
      this.#target = extension === undefined ? undefined : `${this.#output.target}.${extension}`;
    }
    if (this.#total !== undefined && this.#total > this.#settings.maxBytes) throw this.#tooLarge(this.#total);
  }

  async #createPartial(): Promise<PartialFile> {
    await this.#checkTarget(this.#target);
    return PartialFile.create(this.#output.target, (cause) => this.#toDiskError(cause));
  }

  async #checkTarget(target: string | undefined): Promise<void> {
    if (target === undefined || this.#settings.ifExists !== 'error') return;
    await checkAbsent(target, this.#output.predictionId);
  }

  #checkLength(response: StreamResponse): void {
    const [received, total] = [this.#received, this.#total];
    if (total === undefined && response.openEnded) {
      const problem = `the server did not send the length of the file: ${received} bytes may not be all of it`;
      throw this.#createError('incomplete', problem);
    }
    if (total !== undefined && received !== total) {
      // A file with too many bytes cannot be resumed.
      if (received > total) this.#validator = undefined;
      throw new ConnectionError(`${this.#output.label}: it ended after ${received} of ${total} bytes.`);
    }
    if (received === 0) throw this.#createError('not_media', 'the file is empty');
  }

  async #detectTarget(partial: PartialFile): Promise<string> {
    const read = (start: number, end: number) => partial.read(start, end);
    const type = await detectFileType({ size: this.#received, read });
    const extension = type && (extensionFor(type.mime) ?? type.ext);
    const target = `${this.#output.target}.${extension ?? 'bin'}`;
    await this.#checkTarget(target);
    return target;
  }

  #toDiskError(cause: unknown): unknown {
    const { predictionId } = this.#output;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') return existsError(this.#path, predictionId, cause);
    return diskError(cause, this.#path, ` after ${this.#received} bytes`, predictionId);
  }

  #tooLarge(size: number): DownloadError {
    const { maxBytes } = this.#settings;
    return this.#createError('too_large', `the file has ${size} bytes or more; \`maxBytes\` is ${maxBytes}`);
  }

  readonly #createError: CreateError = (reason, problem, options) => {
    const { label, predictionId } = this.#output;
    return new DownloadError(reason, `${label}: ${problem}.`, { ...options, path: this.#path, predictionId });
  };

  #toFinalError(error: WaveSpeedError): WaveSpeedError {
    const { predictionId, label } = this.#output;
    if (isTransient(error) && this.#maxReceived > 0) {
      const of = this.#total === undefined ? '' : ` of ${this.#total}`;
      const why = error.message.replace(`${label}: `, '').replace(/\.$/, '');
      const problem = `it broke off after ${this.#received}${of} bytes: ${why}`;
      return this.#createError('incomplete', problem, { cause: error });
    }
    if (predictionId !== undefined) error.predictionId ??= predictionId;
    return error;
  }
}
