/** Sends requests through a custom undici dispatcher. */
import type { Dispatcher } from 'undici';
import { ConfigurationError } from '../core/errors/input-error.js';
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
import { isConnectFailure, UnsentError } from './unsent-error.js';

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
      // A custom dispatcher may not report when it writes: only a request that was never dispatched is proven unsent.
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
      wasSent: () => isDispatched,
      abort: (reason) => handler.abort(reason),
    };
  }

  async stream(request: StreamRequest): Promise<StreamResponse> {
    const handler = new StreamHandler(request);
    try {
      dispatch(this.#dispatcher, request, handler);
    } catch (error) {
      handler.onResponseError(undefined, error);
    }
    try {
      // A custom dispatcher may check the end of the body itself.
      return { ...(await handler.response), openEnded: false };
    } catch (error) {
      throw isUnsupported(error) ? createUnsupportedDispatcherError(error) : error;
    }
  }

  /** The caller closes its own dispatcher. */
  async close(): Promise<void> {}
}

/** undici 5 and 6 reject our handlers, before they send anything: they expect other methods. */
function isUnsupported(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return (
    code === 'UND_ERR_INVALID_ARG' && typeof message === 'string' && /^invalid on\w+ method/.test(message)
  );
}

function createUnsupportedDispatcherError(cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    '`dispatcher`: comes from undici 6 or older; expected one of undici 7 or 8. Nothing was sent. Upgrade undici, or ' +
      'pass `fetch: globalThis.fetch`, which uses the global dispatcher of any undici.',
    { code: 'unsupported_dispatcher', cause },
  );
}
