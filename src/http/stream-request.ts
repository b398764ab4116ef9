/**
 * Carries one streamed request under the caller's signal and an idle timeout, and turns what it fails with into typed errors.
 */
import { MAX_TIMER_MS, onAbort } from '../utils/abort.js';
import {
  ApiError,
  ConnectionError,
  RateLimitError,
  RequestTimeoutError,
  ServerError,
  WaveSpeedError,
} from '../core/errors/index.js';
import { keepAskedWait, parseRetryAfter } from './api-client.js';
import { codeOf, type StreamAnswer } from './transport.js';

/** Under what a request is carried. */
export interface StreamRules {
  /** Names it in errors: method, URL without its query, and what it is for. */
  label: string;
  /** Ends it at once. */
  signal: AbortSignal | undefined;
  /** How long nothing may move, in milliseconds. How long the whole takes does not matter. */
  idleMs: number;
}

/** What the request is given to work with. */
export interface StreamWatch {
  /** Is aborted by the caller's signal, and when nothing has moved for too long. */
  signal: AbortSignal;
  /** Says that something has moved. */
  touch: () => void;
}

/** Runs one request to its end; nothing of it goes on once this has settled. */
export async function carry<T>(rules: StreamRules, work: (watch: StreamWatch) => Promise<T>): Promise<T> {
  const { label, signal, idleMs } = rules;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const timer = setTimeout(
    () => {
      controller.abort(
        new RequestTimeoutError(`${label}: nothing moved for requestTimeoutMs (${idleMs} ms).`),
      );
    },
    Math.min(idleMs, MAX_TIMER_MS),
  );
  const forget = signal && onAbort(signal, () => controller.abort(signal.reason));
  try {
    return await work({ signal: controller.signal, touch: () => timer.refresh() });
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    const failure = toError(error, label);
    controller.abort(failure);
    throw failure;
  } finally {
    clearTimeout(timer);
    forget?.();
  }
}

function toError(error: unknown, label: string): WaveSpeedError {
  if (error instanceof WaveSpeedError) return error;
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) ({ cause } = cause);
  // undici hands on what a request's body threw as it is, a fetch as its cause.
  if (cause instanceof WaveSpeedError) return cause;
  const code = codeOf(error);
  const detail = cause instanceof Error ? cause.message || cause.name : String(cause);
  const trail = code === undefined || detail.includes(code) ? '' : ` (${code})`;
  return new ConnectionError(`${label}: the connection failed: ${detail}${trail}.`, { code, cause: error });
}

/** Makes the error of an answer that may be another one the next time: 408, 429, 5xx; undefined for any other. */
export function passingError(answer: StreamAnswer, label: string): WaveSpeedError | undefined {
  const { status } = answer;
  if (status !== 408 && status !== 429 && status < 500) return undefined;
  const retryAfterMs = parseRetryAfter(answer.header('retry-after'), Date.now());
  const message = `${label}: ${statusLine(answer)}`;
  if (status === 429) return new RateLimitError(message, { status, retryAfterMs });
  const error = status === 408 ? new ApiError(message, { status }) : new ServerError(message, { status });
  keepAskedWait(error, retryAfterMs);
  return error;
}

/** Words an answer's status: `403 Forbidden`. */
export const statusLine = ({ status, statusText }: Pick<StreamAnswer, 'status' | 'statusText'>): string =>
  `${status} ${statusText}`.trim();

/** Names a request without the query of its URL, which may be its signature. */
export const labelOf = (method: string, url: URL): string => `[${method}] ${url.origin}${url.pathname}`;

/** Reads a URL that came from outside; undefined unless it is http(s) and without credentials. */
export function httpUrl(value: unknown, base?: URL): URL | undefined {
  if (typeof value !== 'string' || !URL.canParse(value, base?.href)) return undefined;
  const url = new URL(value, base);
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return undefined;
  return url;
}
