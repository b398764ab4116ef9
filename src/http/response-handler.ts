/** undici handlers: one that collects a response, one that streams it. What they did not see started was not sent. */
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { InvalidResponseError } from '../core/errors/connection-error.js';
import { onAbort } from '../utils/abort.js';
import { createUnsupportedDispatcherError } from './connection-errors.js';
import type { RawResponse, StreamRequest, StreamResponse, WireRequest } from './types.js';

type Controller = Dispatcher.DispatchController;
type Headers = Record<string, string | string[] | undefined>;

/** How much of an error response is kept, in bytes. */
const MAX_ERROR_BYTES = 64 * 1024;
/** How much of a stream is buffered, in bytes. */
const STREAM_BUFFER_BYTES = 64 * 1024;

export interface ResponseHandlerOptions {
  maxResponseBytes: number;
  /** Runs right before the request is written. If it throws, nothing is written. */
  onStart: () => void;
  /** Runs once, when the response has ended or failed. `isReusable` says whether the connection is. */
  onDone?: (isReusable: boolean) => void;
}

/** Collects a response with the limits of its size. */
export class ResponseHandler implements Dispatcher.DispatchHandler {
  readonly response: Promise<RawResponse>;
  wasSent = false;
  isDone = false;
  readonly #options: ResponseHandlerOptions;
  #resolve: (response: RawResponse) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #controller: Controller | undefined;
  #abortReason: Error | undefined;
  #head: Pick<RawResponse, 'status' | 'statusText' | 'header'> | undefined;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(options: ResponseHandlerOptions) {
    this.#options = options;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether the caller stopped it. */
  get isAborted(): boolean {
    return this.#abortReason !== undefined;
  }

  /** Stops the request: one that has not started never will. */
  abort(reason: unknown): void {
    if (this.isDone) return;
    this.#abortReason = toError(reason);
    this.#controller?.abort(this.#abortReason);
    this.#fail(this.#abortReason);
  }

  onRequestStart(controller: Controller): void {
    // A second start would send the request again.
    if (this.isDone || this.wasSent) {
      controller.abort(this.#abortReason ?? new Error('The request was started twice.'));
      return;
    }
    this.#controller = controller;
    try {
      this.#options.onStart();
    } catch (error) {
      this.#abortReason = toError(error);
      controller.abort(this.#abortReason);
      this.#fail(error);
      return;
    }
    this.wasSent = true;
  }

  onResponseStart(_: Controller, status: number, headers: Headers, statusText?: string): void {
    // An interim response (1xx) is not the response.
    if (status < 200) return;
    this.wasSent = true;
    this.#head = { status, statusText: statusText ?? '', header: headerReader(headers) };
  }

  onResponseData(controller: Controller, chunk: Uint8Array): void {
    if (this.isDone) return;
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    const { maxResponseBytes } = this.#options;
    const isError = (this.#head?.status ?? 0) >= 400;
    const limit = isError ? Math.min(MAX_ERROR_BYTES, maxResponseBytes) : maxResponseBytes;
    if (this.#size <= limit) return;
    const error = createTooLargeError(maxResponseBytes);
    this.#settle(isError ? { text: this.#text() } : { bodyError: error });
    controller.abort(error);
  }

  onResponseEnd(): void {
    this.#settle({ text: this.#text() }, true);
  }

  onResponseError(_: unknown, error: unknown): void {
    if (this.#head === undefined) this.#fail(error);
    else this.#settle({ bodyError: error });
  }

  /** Called by undici 5 and 6 alone. */
  onConnect(abort: (error: Error) => void): void {
    const error = createUnsupportedDispatcherError();
    this.#fail(error);
    abort(error);
  }

  /** Called by undici 5 and 6 alone, and by 7 for what it rejects at once. */
  onError(error: unknown): void {
    this.onResponseError(undefined, error);
  }

  #settle(body: { text: string } | { bodyError: unknown }, isReusable = false): void {
    if (this.isDone || this.#head === undefined) return;
    this.isDone = true;
    const partial = 'text' in body ? body : { ...body, text: undefined, partialText: this.#text() };
    this.#resolve({ ...this.#head, ...partial });
    this.#options.onDone?.(isReusable);
  }

  #fail(error: unknown): void {
    if (this.isDone) return;
    this.isDone = true;
    this.#reject(error);
    this.#options.onDone?.(false);
  }

  #text(): string {
    const text = Buffer.concat(this.#chunks).subarray(0, this.#options.maxResponseBytes);
    return decodeText(
      this.#head !== undefined && this.#head.status < 400 ? text : text.subarray(0, MAX_ERROR_BYTES),
    );
  }
}

/** Streams a response, with backpressure. */
export class StreamHandler implements Dispatcher.DispatchHandler {
  readonly response: Promise<StreamResponse>;
  #resolve: (response: StreamResponse) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  readonly #signal: AbortSignal;
  readonly #forget: () => void;
  #controller: Controller | undefined;
  #body: Readable | undefined;
  #hasEnded = false;

  constructor(request: StreamRequest) {
    this.#signal = request.signal;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#forget = onAbort(request.signal, () => this.#stop(request.signal.reason));
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#signal.aborted) controller.abort(toError(this.#signal.reason));
  }

  onResponseStart(controller: Controller, status: number, headers: Headers, statusText?: string): void {
    if (status < 200) return;
    const body = new Readable({
      highWaterMark: STREAM_BUFFER_BYTES,
      read: () => controller.resume(),
      destroy: (error, callback) => {
        if (!this.#hasEnded) controller.abort(error ?? new Error('The response was discarded.'));
        callback(error);
      },
    });
    // Whoever reads it gets the error; one that nobody reads must not end the process.
    body.on('error', () => undefined);
    this.#body = body;
    const header = headerReader(headers);
    const openEnded = header('content-length') === undefined && header('transfer-encoding') === undefined;
    const discard = () => void body.destroy();
    this.#resolve({ status, statusText: statusText ?? '', header, body, discard, openEnded });
  }

  onResponseData(controller: Controller, chunk: Uint8Array): void {
    if (this.#body?.push(chunk) === false) controller.pause();
  }

  onResponseEnd(): void {
    this.#hasEnded = true;
    this.#forget();
    this.#body?.push(null);
  }

  onResponseError(_: unknown, error: unknown): void {
    this.#hasEnded = true;
    this.#forget();
    this.#reject(error);
    this.#body?.destroy(toError(error));
  }

  /** Called by undici 5 and 6 alone. */
  onConnect(abort: (error: Error) => void): void {
    const error = createUnsupportedDispatcherError();
    this.#reject(error);
    abort(error);
  }

  /** Called by undici 5 and 6 alone, and by 7 for what it rejects at once. */
  onError(error: unknown): void {
    this.onResponseError(undefined, error);
  }

  #stop(reason: unknown): void {
    const error = toError(reason);
    this.#reject(error);
    if (this.#body === undefined) this.#controller?.abort(error);
    else this.#body.destroy(error);
  }
}

/** Describes a request to an undici dispatcher. */
export function toDispatchOptions(request: WireRequest | StreamRequest): Dispatcher.DispatchOptions {
  const { method, url, headers, body } = request;
  return {
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method,
    headers,
    // undici reads any iterable; its types do not say so.
    body: (body ?? null) as string | null,
    headersTimeout: 0,
    bodyTimeout: 0,
  };
}

/** The error of a body over the limit; also for a custom fetch. */
export function createTooLargeError(maxResponseBytes: number): InvalidResponseError {
  return new InvalidResponseError(`the response is larger than maxResponseBytes (${maxResponseBytes} bytes)`);
}

/** Decodes UTF-8 without its mark. */
export function decodeText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

export { MAX_ERROR_BYTES };

function headerReader(headers: Headers): RawResponse['header'] {
  return (name) => {
    const value = headers[name.toLowerCase()];
    return Array.isArray(value) ? value[0] : value;
  };
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('The request was aborted.', { cause: reason });
}
