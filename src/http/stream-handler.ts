/** Streams a response from undici, with backpressure. */
import type { Readable } from 'node:stream';
import { addAbortListener } from '../utils/abort.js';
import { nextReads } from '../utils/deadline-timer.js';
import type { StreamRequest, StreamResponse } from './types.js';
import { type Controller, type Headers, readHeader, toError, type UndiciHandler } from './undici-handler.js';

/** Loaded with the first transfer. */
const stream = () => process.getBuiltinModule('node:stream');

const STREAM_BUFFER_BYTES = 64 * 1024;

export class StreamHandler implements UndiciHandler {
  readonly response: Promise<StreamResponse>;
  #resolve: (response: StreamResponse) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  readonly origin: string;
  readonly #ending: Set<StreamHandler> | undefined;
  readonly #signal: AbortSignal;
  readonly #forget: () => void;
  #controller: Controller | undefined;
  #body: Readable | undefined;
  #hasEnded = false;

  /** @param ending Where it is while a response ends that may have bytes after its end. */
  constructor(request: StreamRequest, ending?: Set<StreamHandler>) {
    this.origin = request.url.origin;
    this.#ending = request.method === 'GET' ? ending : undefined;
    this.#signal = request.signal;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#forget = addAbortListener(request.signal, () => this.#stop(request.signal.reason));
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#signal.aborted) controller.abort(toError(this.#signal.reason));
  }

  onResponseStart(controller: Controller, status: number, headers: Headers, statusText?: string): void {
    if (status < 200) return;
    const body = new (stream().Readable)({
      highWaterMark: STREAM_BUFFER_BYTES,
      read: () => controller.resume(),
      destroy: (error, callback) => {
        if (!this.#hasEnded) controller.abort(error ?? new Error('The response was discarded.'));
        callback(error);
      },
    });
    // An error on a body that nobody reads must not crash the process.
    body.on('error', () => undefined);
    this.#body = body;
    const header = (name: string) => readHeader(headers, name);
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
    if (this.#ending === undefined) {
      this.#body?.push(null);
      return;
    }
    this.#ending.add(this);
    // A socket that was broken is closed at the end of a turn.
    void nextReads()
      .then(nextReads)
      .then(() => {
        if (this.#ending?.delete(this) === true) this.#body?.push(null);
      });
  }

  /** Its connection broke as the response ended: what was received may not be the whole file. */
  onExtraBytes(): void {
    if (this.#ending?.delete(this) !== true) return;
    this.#body?.destroy(new Error('the server sent more bytes than the length of the response'));
  }

  onResponseError(_: unknown, error: unknown): void {
    this.#hasEnded = true;
    this.#forget();
    this.#reject(error);
    this.#body?.destroy(toError(error));
  }

  #stop(reason: unknown): void {
    const error = toError(reason);
    this.#reject(error);
    if (this.#body === undefined) this.#controller?.abort(error);
    else this.#body.destroy(error);
  }
}
