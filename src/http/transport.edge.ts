/** Sends requests with the runtime's own fetch: an edge runtime has no sockets. */
import { ConfigurationError } from '../core/errors/input-error.js';
import { raceAbort } from '../utils/abort.js';
import { FetchTransport } from './fetch-transport.js';
import type { TransportOptions } from './transport.js';
import type { HttpTransport, InFlightRequest, StreamRequest, StreamResponse, WireRequest } from './types.js';

export class Transport implements HttpTransport {
  readonly #fetch: FetchTransport;
  #isClosed = false;

  /** @throws {ConfigurationError} for a `dispatcher`. */
  constructor({ fetch, dispatcher }: TransportOptions) {
    if (dispatcher !== undefined) {
      throw new ConfigurationError(
        '`dispatcher`: needs undici, which does not run here; leave it out, or pass `fetch`.',
      );
    }
    this.#fetch = new FetchTransport(fetch ?? globalThis.fetch);
  }

  start(request: WireRequest, onStart: () => void): InFlightRequest {
    return this.#open().start(request, onStart);
  }

  async stream(request: StreamRequest): Promise<StreamResponse> {
    const transport = this.#open();
    request.signal.throwIfAborted();
    return raceAbort(transport.stream(request), request.signal);
  }

  get isOwn(): boolean {
    return false;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #open(): HttpTransport {
    if (!this.#isClosed) return this.#fetch;
    throw new ConfigurationError('This client was closed; make a new one to send more requests.');
  }
}
