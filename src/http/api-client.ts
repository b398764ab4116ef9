/** Makes API calls, in one attempt or with retries: URL, headers, timeout, and a typed error for what fails. */
import { ConnectionError, RequestTimeoutError, WaveSpeedError } from '../core/errors/index.js';
import { createClientHeaders } from './client-headers.js';
import { addAbortListener } from '../utils/abort.js';
import type { Call } from '../utils/call.js';
import { setDeadlineTimer } from '../utils/deadline-timer.js';
import { getErrorMessage } from '../utils/error-message.js';
import { type ApiKeySource, resolveApiKey } from './api-key.js';
import { getErrorCode } from './error-code.js';
import { UnsentError } from './unsent-error.js';
import { parseResponse } from './parse-response.js';
import { redactError } from './redact.js';
import { type OnRetry, retry, type RetryContext } from './retry.js';
import type { HttpTransport, InFlightRequest, RawResponse } from './types.js';

export interface ApiRequest {
  method: 'GET' | 'POST';
  path: string;
  body?: unknown;
  signal?: AbortSignal | undefined;
  predictionId?: string | undefined;
}

const MAX_CLOCK_DRIFT_MS = 1000;
const MAX_ROUND_TRIP_MS = 2000;

export interface ApiClientOptions {
  apiKey: ApiKeySource;
  baseUrl: string;
  clientName: string;
  requestTimeoutMs: number;
  maxResponseBytes: number;
  transport: HttpTransport;
  onRetry?: OnRetry | undefined;
}

export class ApiClient {
  readonly baseUrl: string;
  readonly requestTimeoutMs: number;
  /** Milliseconds that the service's clock is ahead of this machine's, from the last `Date` header. */
  clockSkewMs = 0;
  /** How far this machine's clock was ahead of its steady one when the service's time was last seen. */
  #clockOffsetMs: number | undefined;
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.baseUrl = options.baseUrl;
    this.requestTimeoutMs = options.requestTimeoutMs;
  }

  /** Makes a request that may be repeated, also after an answer that `parse` throws for. */
  read<T>(
    call: Pick<Call, 'signal' | 'maxRetries'>,
    operation: RetryContext['operation'],
    request: ApiRequest,
    parse: (data: unknown) => T,
  ): Promise<T> {
    const { signal, maxRetries } = call;
    return retry(async () => parse(await this.request({ ...request, signal })), {
      operation,
      signal,
      maxRetries,
      onRetry: this.#options.onRetry,
      predictionId: request.predictionId,
    });
  }

  /** Makes one attempt. */
  request(request: ApiRequest): Promise<unknown> {
    return this.#attempt(request, (response, key) => this.parseResponse(response, request, key));
  }

  /** Like `request`, for what is read again and again: undefined if the answer is the last text again, which is not parsed. */
  requestChange(
    request: ApiRequest,
    lastText: string | undefined,
  ): Promise<{ text: string | undefined; data: unknown } | undefined> {
    return this.#attempt(request, (response, key) => {
      const { status, text } = response;
      if (status === 200 && text !== undefined && text === lastText) return undefined;
      return { text, data: this.parseResponse(response, request, key) };
    });
  }

  async #attempt<T>(request: ApiRequest, read: (response: RawResponse, key: string) => T): Promise<T> {
    const { signal } = request;
    signal?.throwIfAborted();
    const { apiKey } = this.#options;
    const key = typeof apiKey === 'string' ? apiKey : await this.resolveApiKey(signal);
    let timer: NodeJS.Timeout | undefined;
    let inFlight: InFlightRequest | undefined;
    let removeListener: (() => void) | undefined;
    try {
      let stop: (reason: unknown) => void = () => undefined;
      const stopped = new Promise<never>((_, reject) => {
        stop = reject;
      });
      inFlight = this.start(request, key, () => {
        timer = setDeadlineTimer(() => stop(this.createTimeoutError(request)), this.requestTimeoutMs);
      });
      removeListener = signal && addAbortListener(signal, () => stop(signal.reason));
      const response = await Promise.race([inFlight.response, stopped]);
      return read(response, key);
    } catch (error) {
      inFlight?.abort(error);
      throw signal?.aborted === true && error === signal.reason ? error : this.normalizeError(error, request);
    } finally {
      clearTimeout(timer);
      removeListener?.();
    }
  }

  resolveApiKey(signal: AbortSignal | undefined): Promise<string> {
    return resolveApiKey(this.#options.apiKey, this.requestTimeoutMs, signal);
  }

  /**
   * Starts a request. `onStart` runs right before it is written; if it throws, nothing is sent and `response` rejects
   * with its error.
   */
  start(
    request: ApiRequest & { freshConnection?: boolean },
    key: string,
    onStart: () => void,
  ): InFlightRequest {
    const { clientName, maxResponseBytes, transport } = this.#options;
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const sent = { at: performance.now(), localAt: Date.now() };
    const inFlight = transport.start(
      {
        method: request.method,
        url: new URL(this.baseUrl + request.path),
        headers: {
          ...createClientHeaders(key, clientName),
          // Compressed responses can be read as well, at a cost.
          'accept-encoding': 'identity',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body,
        freshConnection: request.freshConnection,
        maxResponseBytes,
      },
      () => {
        Object.assign(sent, { at: performance.now(), localAt: Date.now() });
        onStart();
      },
    );
    return {
      response: inFlight.response.then(
        (response) => {
          this.#learnTime(response, sent);
          return response;
        },
        (error: unknown) => {
          throw error instanceof UnsentError
            ? new UnsentError(redactError(error.cause, key))
            : redactError(error, key);
        },
      ),
      wasSent: () => inFlight.wasSent(),
      abort: (reason) => inFlight.abort(reason),
    };
  }

  parseResponse(response: RawResponse, request: ApiRequest, key: string): unknown {
    return parseResponse(response, request, key);
  }

  /** Learns the service's time, unless the response took so long that its `Date` is of the past: a frozen process reads it late. */
  #learnTime(response: RawResponse, sent: { at: number; localAt: number }): void {
    const date = Date.parse(response.header('date') ?? '');
    if (Number.isNaN(date)) return;
    const [now, localNow] = [performance.now(), Date.now()];
    const isPrompt = Math.max(now - sent.at, Math.abs(localNow - sent.localAt)) < MAX_ROUND_TRIP_MS;
    if (!isPrompt && this.serviceTime().isKnown) return;
    // The header has a resolution of one second: assume the middle of it.
    this.clockSkewMs = date + 500 - localNow;
    if (isPrompt) this.#clockOffsetMs = localNow - now;
  }

  /** The service's time. It is not known before its first `Date` header, nor after this machine's clock was set. */
  serviceTime(): { now: number; isKnown: boolean } {
    const now = Date.now();
    const driftMs = now - performance.now() - (this.#clockOffsetMs ?? Infinity);
    return { now: now + this.clockSkewMs, isKnown: Math.abs(driftMs) < MAX_CLOCK_DRIFT_MS };
  }

  createTimeoutError(request: ApiRequest): RequestTimeoutError {
    return new RequestTimeoutError(
      `[${request.method}] ${request.path}: no complete response within requestTimeoutMs (${this.requestTimeoutMs} ms).`,
      { predictionId: request.predictionId },
    );
  }

  normalizeError(error: unknown, request: ApiRequest): unknown {
    const requestSent = !(error instanceof UnsentError);
    const cause = requestSent ? error : error.cause;
    if (cause instanceof WaveSpeedError) return cause;
    const code = getErrorCode(cause);
    const detail = innermostMessage(cause);
    const trail = code === undefined || detail.includes(code) ? '' : ` (${code})`;
    return new ConnectionError(`[${request.method}] ${request.path}: no response: ${detail}${trail}.`, {
      code,
      cause,
      requestSent,
      predictionId: request.predictionId,
    });
  }
}

function innermostMessage(error: unknown): string {
  if (!(error instanceof Error)) return getErrorMessage(error);
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  return inner instanceof Error ? innermostMessage(inner) : error.message || error.name;
}
