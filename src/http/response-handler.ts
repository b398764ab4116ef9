/** Collects a response from undici up to a size limit, and records whether the request was sent. */
import { InvalidResponseError } from '../core/errors/connection-error.js';
import type { RawResponse } from './types.js';
import { type Controller, type Headers, readHeader, toError, UndiciHandler } from './undici-handler.js';

export const MAX_ERROR_BYTES = 64 * 1024;
export interface ResponseHandlerOptions {
  maxResponseBytes: number;
  /** Rejects a second start: a dispatcher that retries would send the request again. */
  sendOnce: boolean;
  onStart: () => void;
  onDone?: (isReusable: boolean) => void;
}

export class ResponseHandler extends UndiciHandler {
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
    super();
    this.#options = options;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get isAborted(): boolean {
    return this.#abortReason !== undefined;
  }

  abort(reason: unknown): void {
    if (this.isDone) return;
    this.#abortReason = toError(reason);
    this.#controller?.abort(this.#abortReason);
    this.#fail(this.#abortReason);
  }

  onRequestStart(controller: Controller): void {
    if (this.isDone || (this.wasSent && this.#options.sendOnce)) {
      controller.abort(this.#abortReason ?? new Error('The request was started twice.'));
      return;
    }
    this.#controller = controller;
    try {
      this.#options.onStart();
    } catch (error) {
      this.#abortReason = toError(error);
      this.#fail(error);
      controller.abort(this.#abortReason);
      return;
    }
    this.wasSent = true;
  }

  onResponseStart(_: Controller, status: number, headers: Headers, statusText?: string): void {
    // Ignore interim responses (1xx).
    if (status < 200) return;
    this.wasSent = true;
    this.#head = { status, statusText: statusText ?? '', header: (name) => readHeader(headers, name) };
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
    const [first] = this.#chunks;
    const bytes = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    const text = bytes.subarray(0, this.#options.maxResponseBytes);
    return decodeText(
      this.#head !== undefined && this.#head.status < 400 ? text : text.subarray(0, MAX_ERROR_BYTES),
    );
  }
}

export function createTooLargeError(maxResponseBytes: number): InvalidResponseError {
  return new InvalidResponseError(`the response is larger than maxResponseBytes (${maxResponseBytes} bytes)`);
}

const utf8 = new TextDecoder();

/** Without a byte order mark. */
export const decodeText = (bytes: Uint8Array): string => utf8.decode(bytes);
