/**
 * Runs one streamed request with the caller's signal and an idle timeout, and converts its failures to typed errors.
 */
import { addAbortListener } from '../utils/abort.js';
import { setDeadlineTimer } from '../utils/deadline-timer.js';
import { ConnectionError, RequestTimeoutError, WaveSpeedError } from '../core/errors/index.js';
import { getErrorCode } from './error-code.js';
import { redactError } from './redact.js';

export interface IdleTimeoutOptions {
  label: string;
  signal: AbortSignal | undefined;
  idleMs: number;
  secret?: string | undefined;
}

export interface IdleTimer {
  signal: AbortSignal;
  refresh: () => void;
}

export async function withIdleTimeout<T>(
  options: IdleTimeoutOptions,
  work: (timer: IdleTimer) => Promise<T>,
): Promise<T> {
  const { label, signal, idleMs, secret = '' } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  let movedAt = performance.now();
  let isDone = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  // Not every runtime has timer.refresh(): the timer checks the remaining time when it fires.
  const check = () => {
    const leftMs = movedAt + idleMs - performance.now();
    if (isDone) return;
    if (leftMs > 0) {
      timer = setDeadlineTimer(check, leftMs);
      return;
    }
    const message = `${label}: no data transferred for requestTimeoutMs (${idleMs} ms).`;
    controller.abort(new RequestTimeoutError(message));
  };
  check();
  const refresh = () => {
    movedAt = performance.now();
  };
  const forget = signal && addAbortListener(signal, () => controller.abort(signal.reason));
  try {
    return await work({ signal: controller.signal, refresh });
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    const failure = toTypedError(redactError(error, secret), label);
    controller.abort(failure);
    throw failure;
  } finally {
    isDone = true;
    clearTimeout(timer);
    forget?.();
  }
}

function toTypedError(error: unknown, label: string): WaveSpeedError {
  if (error instanceof WaveSpeedError) return error;
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) ({ cause } = cause);
  // undici rejects with the error of a request body as it is, fetch wraps it.
  if (cause instanceof WaveSpeedError) return cause;
  const code = getErrorCode(error);
  const detail = cause instanceof Error ? cause.message || cause.name : String(cause);
  const trail = code === undefined || detail.includes(code) ? '' : ` (${code})`;
  return new ConnectionError(`${label}: the connection failed: ${detail}${trail}.`, { code, cause: error });
}
