/** Sends requests through a dispatcher that is not ours: it may hide when it writes, so little is proven. */
import type { Dispatcher } from 'undici';
import { createUnsupportedDispatcherError, isConnectFailure, UnsentError } from './unsent-error.js';
import { ResponseHandler } from './response-handler.js';
import { StreamHandler } from './stream-handler.js';
import type {
  DispatcherLike,
  HttpTransport,
  InFlightRequest,
  StreamRequest,
  StreamResponse,
  WireRequest,
} from './types.js';
import { dispatch } from './undici-handler.js';

export class DispatcherTransport implements HttpTransport {
  readonly #dispatcher: Dispatcher;

  constructor(dispatcher: DispatcherLike) {
    this.#dispatcher = dispatcher as unknown as Dispatcher;
  }

  start(request: WireRequest, onStart: () => void): InFlightRequest {
    let isDispatched = false;
    const handler = new ResponseHandler({
      maxResponseBytes: request.maxResponseBytes,
      sendOnce: request.method === 'POST',
      onStart: () => undefined,
    });
    try {
      // Whether it tells when it writes is up to it: what is not handed over is all that is proven not to be sent.
      onStart();
      isDispatched = true;
      dispatch(this.#dispatcher, request, handler);
    } catch (error) {
      if (isDispatched) handler.onResponseError(undefined, error);
      else handler.abort(error);
    }
    const response = handler.response.catch((error: unknown) => {
      if (isUnsupported(error)) throw createUnsupportedDispatcherError(error);
      const isProven = isDispatched && !handler.wasSent && !handler.isAborted && isConnectFailure(error);
      throw isProven ? new UnsentError(error) : error;
    });
    return {
      response,
      get wasSent() {
        return isDispatched;
      },
      abort: (reason) => handler.abort(reason),
    };
  }

  async stream(request: StreamRequest): Promise<StreamResponse> {
    const handler = new StreamHandler(request);
    try {
      dispatch(this.#dispatcher, request, handler);
      // Only a transport of our own is known not to check a body's end in another way.
      return { ...(await handler.response), openEnded: false };
    } catch (error) {
      throw isUnsupported(error) ? createUnsupportedDispatcherError(error) : error;
    }
  }

  /** A dispatcher of the caller is the caller's to close. */
  async close(): Promise<void> {}
}

/** undici 5 and 6 reject our handlers: they expect one with other methods. */
function isUnsupported(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return (
    code === 'UND_ERR_INVALID_ARG' && typeof message === 'string' && /^invalid on\w+ method/.test(message)
  );
}
