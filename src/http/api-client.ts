/**
 * Makes one attempt at one API call: URL, headers, timeouts, body → the envelope's data, or a typed error.
 */
import { getErrorMessage } from '../utils/error-message.js';
import { STATUS_CODES } from 'node:http';
import { VERSION } from '../core/version.js';
import { MAX_TIMER_MS, orAbort } from '../utils/abort.js';
import {
  ApiError,
  type ApiErrorOptions,
  AuthenticationError,
  ConfigurationError,
  ConnectionError,
  InsufficientCreditsError,
  InvalidResponseError,
  NotFoundError,
  PermissionError,
  RateLimitError,
  RequestTimeoutError,
  ServerError,
} from '../core/errors/index.js';
import { isRecord } from '../utils/is-record.js';
import { codeOf, type InFlightRequest, neverSent, type Transport, type RawResponse } from './transport.js';

/** One API call. */
export interface ApiRequest {
  method: 'GET' | 'POST';
  /** Begins with `/api/v3/`; parts that come from outside are encoded. */
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** The task it is about, named on the error. */
  predictionId?: string | undefined;
}

export interface ApiClientOptions {
  /** A function gives it anew for each attempt: keys rotate. */
  apiKey: string | (() => string | Promise<string>);
  /** Origin and, behind a proxy, a path; without a slash at its end. */
  baseUrl: string;
  clientName: string;
  requestTimeoutMs: number;
  transport: Transport;
}

/** Speaks the API's envelope over a transport. */
export class ApiClient {
  readonly requestTimeoutMs: number;
  /** How far the service's clock is ahead of this machine's, in milliseconds, by the last answer's `Date`. */
  clockSkewMs = 0;
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.requestTimeoutMs = options.requestTimeoutMs;
  }

  /**
   * Makes one attempt and gives the envelope's `data`, undefined where there is none. An abort or the timeout ends the
   * request itself.
   */
  async request(request: ApiRequest): Promise<unknown> {
    const { signal } = request;
    signal?.throwIfAborted();
    const key = await this.resolveApiKey(signal);
    let timer: NodeJS.Timeout | undefined;
    let inFlight: InFlightRequest | undefined;
    try {
      let expire: (error: Error) => void = () => undefined;
      const expired = new Promise<never>((_, reject) => {
        expire = reject;
      });
      inFlight = this.start(request, key, () => {
        timer = setTimeout(
          () => expire(this.createTimeoutError(request)),
          Math.min(this.requestTimeoutMs, MAX_TIMER_MS),
        );
      });
      const answer = await orAbort(Promise.race([inFlight.response, expired]), signal);
      return this.parseResponse(answer, request, key);
    } catch (error) {
      inFlight?.abort(error);
      throw signal?.aborted === true && error === signal.reason ? error : this.normalizeError(error, request);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gets the key, in time, and refuses one that no header can carry. */
  async resolveApiKey(signal: AbortSignal | undefined): Promise<string> {
    const { apiKey } = this.#options;
    // Most are fixed, and were checked.
    if (typeof apiKey === 'string') return apiKey;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`no key within requestTimeoutMs (${this.requestTimeoutMs} ms)`);
      timer = setTimeout(() => reject(error), Math.min(this.requestTimeoutMs, MAX_TIMER_MS));
    });
    try {
      const given = (async () => apiKey())();
      const key = checkKey(await orAbort(Promise.race([given, late]), signal));
      // An abort may have come just as the key did.
      signal?.throwIfAborted();
      return key;
    } catch (cause) {
      if (signal?.aborted === true) throw signal.reason;
      const error =
        cause instanceof ConfigurationError
          ? cause
          : new ConfigurationError(
              `\`apiKey\`: the function failed (${getErrorMessage(cause)}); expected it to give the key. Nothing was sent.`,
              { cause },
            );
      keyFailures.add(error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Begins a request; its answer is still to be read with `read`. */
  start(
    request: ApiRequest & { freshConnection?: boolean },
    key: string,
    onStart: () => void,
  ): InFlightRequest {
    const { baseUrl, clientName, transport } = this.#options;
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    return transport.start(
      {
        method: request.method,
        url: new URL(baseUrl + request.path),
        headers: {
          accept: 'application/json',
          // undici would hand a compressed answer on as it is.
          'accept-encoding': 'identity',
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          'user-agent': `wavespeed-kling/${VERSION}`,
          'x-client-name': clientName,
          'x-client-os': process.platform === 'win32' ? 'windows' : process.platform,
          'x-client-version': VERSION,
        },
        body,
        freshConnection: request.freshConnection,
      },
      onStart,
    );
  }

  /** Reads an answer: parses the text, then the envelope; an error answer throws its class. */
  parseResponse(answer: RawResponse, request: ApiRequest, key: string): unknown {
    const { status } = answer;
    const date = Date.parse(answer.header('date') ?? '');
    // The header counts whole seconds: half of one is the best guess of the rest.
    if (!Number.isNaN(date)) this.clockSkewMs = date + 500 - Date.now();

    const received = parseJson(answer.text);
    const body = isRecord(received) ? received : undefined;
    const given = Number(body?.code ?? status);
    const code = Number.isNaN(given) ? status : given;
    const ok = status >= 200 && status < 300;
    if (ok && body !== undefined && code >= 200 && code < 300) {
      // A bare task without the envelope, as webhooks have it, is as good.
      return body.data ?? (body.id === undefined ? undefined : body);
    }

    // From here on it is an error. A service or gateway that gives the request back must not put the key into it.
    const clean = (said: string) => (key.length < LEAST_SECRET ? said : said.replaceAll(key, '…'));
    const whole = answer.text ?? answer.partialText;
    const text = whole === undefined ? undefined : clean(whole);
    // Written anew first: in JSON a key may hide behind escapes.
    const json = received === undefined ? undefined : parseJson(clean(JSON.stringify(received)));
    const envelope = isRecord(json) ? json : undefined;

    const traced = answer.header('x-request-id') ?? answer.header('cf-ray');
    const requestId = traced === undefined ? undefined : clean(traced);
    const effective = ok && code >= 400 && code <= 599 ? code : status;
    const reason = answer.statusText || (STATUS_CODES[effective] ?? '');
    const shown = effective === status ? `${status} ${reason}`.trim() : `${effective} (under HTTP ${status})`;
    const said = envelope?.message ?? envelope?.error;
    const message = typeof said === 'string' && said !== '' ? `: ${said}` : '';
    const trail = requestId === undefined ? '' : ` (request id ${requestId})`;
    const line = (detail: string) => clean(`[${request.method}] ${request.path}: ${shown}${detail}${trail}`);
    const { predictionId } = request;

    if (status < 400 && (!ok || envelope === undefined)) {
      const what =
        status >= 300 && status < 400
          ? `: redirected to ${answer.header('location') ?? 'nowhere'}; expected \`baseUrl\` to be the API's own origin`
          : answer.text === undefined
            ? ': the answer was cut short'
            : ': expected the JSON of the API';
      throw new InvalidResponseError(line(what), { status, body: text, cause: answer.cutBy, predictionId });
    }

    const options: ApiErrorOptions = {
      status: effective,
      code: readCode(envelope),
      requestId,
      body: json ?? text,
      predictionId,
      ...(answer.cutBy === undefined ? {} : { cause: answer.cutBy }),
    };
    switch (effective) {
      case 401:
        throw new AuthenticationError(`${line(message)}. Check \`apiKey\` or WAVESPEED_API_KEY.`, options);
      case 402:
        throw new InsufficientCreditsError(line(message), options);
      case 403:
        throw new PermissionError(line(message), options);
      case 404:
        throw new NotFoundError(
          predictionId === undefined
            ? line(message)
            : `${line(message)}. No task ${predictionId}: the service keeps them for 7 days; one that was submitted a ` +
                `moment ago may not be visible yet: resume with wait('${predictionId}').`,
          options,
        );
      case 429: {
        const retryAfterMs = parseRetryAfter(answer.header('retry-after'), Date.now());
        throw new RateLimitError(line(message), { ...options, retryAfterMs });
      }
      default: {
        if (effective < 500) throw new ApiError(line(message), options);
        const retryAfterMs = parseRetryAfter(answer.header('retry-after'), Date.now());
        const error = new ServerError(line(message), options);
        keepAskedWait(error, retryAfterMs);
        throw error;
      }
    }
  }

  /** Says that an attempt took longer than `requestTimeoutMs`. */
  createTimeoutError(request: ApiRequest): RequestTimeoutError {
    return new RequestTimeoutError(
      `[${request.method}] ${request.path}: no whole answer within requestTimeoutMs (${this.requestTimeoutMs} ms).`,
      { predictionId: request.predictionId },
    );
  }

  /** Turns what the transport rejected with into a typed error; typed ones pass. */
  normalizeError(error: unknown, request: ApiRequest): unknown {
    if (
      error instanceof ApiError ||
      error instanceof InvalidResponseError ||
      error instanceof RequestTimeoutError ||
      error instanceof ConfigurationError
    ) {
      return error;
    }
    const code = codeOf(error);
    const detail = messageOf(error);
    const failure = new ConnectionError(
      `[${request.method}] ${request.path}: no answer: ${detail}${code === undefined || detail.includes(code) ? '' : ` (${code})`}.`,
      { code, cause: error, predictionId: request.predictionId },
    );
    if (neverSent(error)) unsent.add(failure);
    return failure;
  }
}

/** What is shorter is no key of the service's but a test's: to take it out would garble ids and words that hold it. */
const LEAST_SECRET = 8;

/** Errors of the caller's key function: what failed once may go well the next time. */
const keyFailures = new WeakSet<object>();

/** Tells whether an error is that no key was to be had. */
export function isKeyFailure(error: unknown): boolean {
  return typeof error === 'object' && error !== null && keyFailures.has(error);
}

/** Connection errors that prove that nothing was sent. */
const unsent = new WeakSet<object>();

/** Tells whether an error proves that nothing was sent. */
export function provesNothingSent(error: unknown): boolean {
  return error instanceof ConnectionError && unsent.has(error);
}

/** What a 5xx or 408 asked to wait; RateLimitError has it in a field of its own. */
const askedToWait = new WeakMap<object, number>();

/** Keeps what an error answer asked to wait, in milliseconds, where the error's class has no field for it. */
export function keepAskedWait(error: ApiError, retryAfterMs: number | undefined): void {
  if (retryAfterMs !== undefined) askedToWait.set(error, retryAfterMs);
}

/** Gives the `Retry-After` of an error answer, in milliseconds. */
export function retryAfterOf(error: unknown): number | undefined {
  if (error instanceof RateLimitError) return error.retryAfterMs;
  return typeof error === 'object' && error !== null ? askedToWait.get(error) : undefined;
}

/** Reads a `Retry-After` header, in seconds or as an HTTP date, into milliseconds; undefined when it is neither. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  // Dates have letters: Date.parse would read "-1" as a year.
  if (!/[a-z]/i.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Refuses what is no key, without showing it. */
export function checkKey(key: unknown): string {
  const trimmed = typeof key === 'string' ? key.trim() : '';
  if (/^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
  throw new ConfigurationError(
    '`apiKey`: no key, or not one that a header can carry; expected the key from https://wavespeed.ai/accesskey ' +
      'in the option `apiKey` or in the environment variable WAVESPEED_API_KEY.',
  );
}

function parseJson(text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readCode(envelope: Record<string, unknown> | undefined): string | number | undefined {
  const code = envelope?.error_code ?? envelope?.code;
  return typeof code === 'string' || typeof code === 'number' ? code : undefined;
}

/** The deepest message there is: undici and fetch wrap the one that says what happened. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return getErrorMessage(error);
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  return inner instanceof Error ? messageOf(inner) : error.message || error.name;
}
