/** Collects a response from undici up to a size limit, and records whether the request was sent. */
import { decodeBody } from './decode-body.js';
import { createTooLargeError, decodeText, MAX_ERROR_BYTES } from './response-body.js';
import type { RawResponse } from './types.js';
import { type Controller, type Headers, readHeader, toError, type UndiciHandler } from './undici-handler.js';

type Head = Pick<RawResponse, 'status' | 'statusText' | 'header'>;
type Body = Pick<RawResponse, 'text' | 'bodyError' | 'partialText'>;

export interface ResponseHandlerOptions {
  maxResponseBytes: number;
  /** Rejects a second start: a dispatcher that retries would send the request again. */
  sendOnce: boolean;
  onStart: () => void;
  onDone?: (isReusable: boolean) => void;
}

export class ResponseHandler implements UndiciHandler {
  readonly response: Promise<RawResponse>;
  wasSent = false;
  isDone = false;
  readonly #options: ResponseHandlerOptions;
  #resolve: (response: RawResponse) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #controller: Controller | undefined;
  #abortReason: Error | undefined;
  #head: Head | undefined;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(options: ResponseHandlerOptions) {
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
    this.#settle(isError ? undefined : error);
    controller.abort(error);
  }

  onResponseEnd(): void {
    this.#settle(undefined, true);
  }

  onResponseError(_: unknown, error: unknown): void {
    if (this.#head === undefined) this.#fail(error);
    else this.#settle(error);
  }

  #settle(bodyError: unknown, isReusable = false): void {
    if (this.isDone || this.#head === undefined) return;
    this.isDone = true;
    this.#resolve({ ...this.#head, ...this.#readBody(this.#head, bodyError) });
    this.#options.onDone?.(isReusable);
  }

  #fail(error: unknown): void {
    if (this.isDone) return;
    this.isDone = true;
    this.#reject(error);
    this.#options.onDone?.(false);
  }

  #readBody({ status, header }: Head, bodyError: unknown): Body {
    const { maxResponseBytes } = this.#options;
    const [first] = this.#chunks;
    const received = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    let text = '';
    try {
      const limit = status >= 400 ? Math.min(MAX_ERROR_BYTES, maxResponseBytes) : maxResponseBytes;
      const bytes = decodeBody(received, header('content-encoding'), maxResponseBytes);
      text = decodeText(bytes.subarray(0, limit));
    } catch (error) {
      bodyError ??= error;
    }
    return bodyError === undefined ? { text } : { text: undefined, bodyError, partialText: text };
  }
}
