/** Base of the undici response handlers. */
import type { Dispatcher } from 'undici';
import { createUnsupportedDispatcherError } from './unsent-error.js';
import type { StreamRequest, WireRequest } from './types.js';

export type Controller = Dispatcher.DispatchController;
export type Headers = Record<string, string | string[] | undefined>;

/**
 * Rejects dispatchers of undici 5 and 6: most of them require `onComplete` before they send anything; their mocks call
 * the other methods without a check.
 */
export abstract class UndiciHandler {
  abstract onResponseError(controller: unknown, error: unknown): void;

  onConnect(abort: (error: Error) => void): void {
    const error = createUnsupportedDispatcherError();
    this.onResponseError(undefined, error);
    abort(error);
  }

  onHeaders(): boolean {
    this.onResponseError(undefined, createUnsupportedDispatcherError());
    return true;
  }

  onData(): boolean {
    return true;
  }

  onError(error: unknown): void {
    this.onResponseError(undefined, error);
  }
}

export function dispatch(
  dispatcher: Pick<Dispatcher, 'dispatch'>,
  request: WireRequest | StreamRequest,
  handler: UndiciHandler,
): void {
  const { method, url, headers, body } = request;
  const options: Dispatcher.DispatchOptions = {
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method,
    headers,
    // undici accepts any iterable, but its types do not.
    body: (body ?? null) as string | null,
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  dispatcher.dispatch(options, handler as unknown as Dispatcher.DispatchHandler);
}

export function readHeader(headers: Headers, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value[0] : value;
}

export function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('The request was aborted.', { cause: reason });
}
