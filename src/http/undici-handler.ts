/** Dispatches a request to undici, and reads what its response handlers get. */
import type { Dispatcher } from 'undici';
import type { StreamRequest, WireRequest } from './types.js';

export type Controller = Dispatcher.DispatchController;
export type Headers = Record<string, string | string[] | undefined>;

/** The methods of undici's dispatch handlers that are used here. */
export interface UndiciHandler {
  onRequestStart(controller: Controller): void;
  onResponseStart(controller: Controller, status: number, headers: Headers, statusText?: string): void;
  onResponseData(controller: Controller, chunk: Uint8Array): void;
  onResponseEnd(): void;
  onResponseError(controller: unknown, error: unknown): void;
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
