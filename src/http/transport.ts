/**
 * Chooses how a request is sent: custom fetch or dispatcher, an emulator that intercepts, the application's global
 * dispatcher, a proxy, or our own connections.
 */
import type { Dispatcher, EnvHttpProxyAgent } from 'undici';
import { ConfigurationError } from '../core/errors/input-error.js';
import { findInterception } from '../core/interception.js';
import { raceAbort } from '../utils/abort.js';
import { DispatcherTransport } from './dispatcher-transport.js';
import { FetchTransport } from './fetch-transport.js';
import { findGlobalDispatcher, usesProxyOfEnvironment } from './global-dispatcher.js';
import { loadUndici } from './load-undici.js';
import type { UndiciHandler } from './undici-handler.js';
import type {
  DispatcherLike,
  HttpTransport,
  InFlightRequest,
  StreamRequest,
  StreamResponse,
  WireRequest,
} from './types.js';
import { UndiciTransport } from './undici-transport.js';

export interface TransportOptions {
  fetch?: typeof globalThis.fetch | undefined;
  dispatcher?: DispatcherLike | undefined;
  connectTimeoutMs: number;
}

export class Transport implements HttpTransport {
  readonly #options: TransportOptions;
  readonly #custom: HttpTransport | undefined;
  readonly #own: UndiciTransport;
  /** Looked up once, as Node does when it starts, and only if needed: Deno asks for a permission. */
  #usesProxy: boolean | undefined;
  #proxy: { transport: HttpTransport; close: () => Promise<void> } | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    const { fetch, dispatcher } = options;
    if (fetch !== undefined) this.#custom = new FetchTransport(fetch);
    else if (dispatcher !== undefined) this.#custom = new DispatcherTransport(dispatcher);
    this.#own = new UndiciTransport(options);
  }

  start(request: WireRequest, onStart: () => void): InFlightRequest {
    return this.#select().start(request, onStart);
  }

  async stream(request: StreamRequest): Promise<StreamResponse> {
    const transport = this.#select();
    request.signal.throwIfAborted();
    return raceAbort(transport.stream(request), request.signal);
  }

  get isOwn(): boolean {
    return this.#select() === this.#own;
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#own.close(), this.#proxy?.close()]).then(() => undefined);
    return this.#closing;
  }

  /** Looks up what is global for each request: it may be set after the client was created. */
  #select(): HttpTransport {
    if (this.#closing !== undefined) {
      throw new ConfigurationError('This client was closed; make a new one to send more requests.');
    }
    if (this.#custom !== undefined) return this.#custom;
    const interception = findInterception();
    if (interception !== undefined) return new FetchTransport(interception.fetch);
    const dispatcher = findGlobalDispatcher();
    if (dispatcher !== undefined) return new DispatcherTransport(dispatcher);
    this.#usesProxy ??= usesProxyOfEnvironment();
    if (!this.#usesProxy) return this.#own;
    this.#proxy ??= createProxyTransport(this.#options.connectTimeoutMs);
    return this.#proxy.transport;
  }
}

function createProxyTransport(connectTimeoutMs: number) {
  let agent: Promise<EnvHttpProxyAgent> | undefined;
  const load = async () => {
    const { EnvHttpProxyAgent } = await loadUndici();
    return new EnvHttpProxyAgent({
      connect: { timeout: connectTimeoutMs },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  };
  const dispatch = (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) => {
    agent ??= load();
    agent
      .then((loaded) => loaded.dispatch(options, handler))
      .catch((error: unknown) => (handler as unknown as UndiciHandler).onResponseError(undefined, error));
    return true;
  };
  return {
    transport: new DispatcherTransport({ dispatch }),
    close: async () => {
      await agent?.then((loaded) => loaded.close()).catch(() => undefined);
    },
  };
}
