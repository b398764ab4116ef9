/** What both handlers of undici's dispatchers share. */
import type { Dispatcher } from 'undici';
import { createUnsupportedDispatcherError } from './unsent-error.js';
import type { StreamRequest, WireRequest } from './types.js';

export type Controller = Dispatcher.DispatchController;
export type Headers = Record<string, string | string[] | undefined>;

/**
 * Rejects the dispatchers of undici 5 and 6, which call other methods: most of them require `onComplete` before they send
 * anything, and their mocks call the rest without a check.
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

/** Dispatches a request; the handler has methods that undici's types do not know. */
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
    // undici reads any iterable; its types do not say so.
    body: (body ?? null) as string | null,
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  dispatcher.dispatch(options, handler as unknown as Dispatcher.DispatchHandler);
}

/** Reads a header; the first one where there are several. */
export function readHeader(headers: Headers, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value[0] : value;
}

export function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('The request was aborted.', { cause: reason });
}
