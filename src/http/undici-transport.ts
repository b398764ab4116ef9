/** Sends requests over its own connections, and decides which of them a submit may use. */
import type { Socket } from 'node:net';
import type { Agent, Client } from 'undici';
import { createConnector } from './connector.js';
import { UnsentError } from './unsent-error.js';
import { loadUndici } from './load-undici.js';
import { RequestQueue } from './request-queue.js';
import { ResponseHandler } from './response-handler.js';
import { StreamHandler } from './stream-handler.js';
import type { HttpTransport, InFlightRequest, StreamRequest, StreamResponse, WireRequest } from './types.js';
import { dispatch } from './undici-handler.js';
import { nextReads } from '../utils/deadline-timer.js';

/** Maximum idle time of a connection that may be used for a submit, in milliseconds. */
const FRESH_MS = 1000;
/** A server that ends a connection sooner after an answer may end the next one as a submit arrives. */
const EARLY_END_MS = 1500;

interface Connection {
  client: Client;
  answeredAt: number;
  socket: Socket | undefined;
}

interface Connections {
  open: (origin: string) => Connection;
  streams: Agent;
}

export class UndiciTransport implements HttpTransport {
  readonly #connectTimeoutMs: number;
  #connections: Promise<Connections> | undefined;
  readonly #reads = new RequestQueue();
  readonly #submits = new RequestQueue();
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  readonly #inFlight = new Set<Promise<unknown>>();
  readonly #ending = new Set<StreamHandler>();
  /** The server ended a connection soon after an answer: submits no longer reuse any. */
  #endsEarly = false;

  constructor(options: { connectTimeoutMs: number }) {
    this.#connectTimeoutMs = options.connectTimeoutMs;
  }

  start(request: WireRequest, onStart: () => void): InFlightRequest {
    let leave: () => void = () => undefined;
    let connection: Connection | undefined;
    const handler = new ResponseHandler({
      maxResponseBytes: request.maxResponseBytes,
      sendOnce: request.method === 'POST',
      onStart,
      onDone: (isReusable) => {
        if (connection !== undefined) this.#release(connection, isReusable);
        leave();
      },
    });
    const begin = async () => {
      const { open } = await this.#load();
      // Notices connections that the server ended, or sent bytes on that nobody asked for: undici closes those.
      if (request.freshConnection === true && this.#idle.length > 0) await nextReads();
      if (handler.isDone) return;
      const queue = request.freshConnection === true ? this.#submits : this.#reads;
      leave = queue.enter(() => {
        connection = this.#take(request, open);
        dispatch(connection.client, request, handler);
      });
    };
    begin().catch((error: unknown) => handler.onResponseError(undefined, error));
    const response = handler.response.catch((error: unknown) => {
      if (handler.wasSent && !handler.isAborted && connection?.answeredAt !== 0) this.#endsEarly = true;
      throw handler.wasSent || handler.isAborted ? error : new UnsentError(error);
    });
    this.#track(response);
    return {
      response,
      wasSent: () => handler.wasSent,
      abort: (reason) => handler.abort(reason),
    };
  }

  async stream(request: StreamRequest): Promise<StreamResponse> {
    const { streams } = await this.#load();
    request.signal.throwIfAborted();
    const handler = new StreamHandler(request, this.#ending);
    dispatch(streams, request, handler);
    return handler.response;
  }

  async close(): Promise<void> {
    const connections = await this.#connections?.catch(() => undefined);
    await Promise.allSettled(this.#inFlight);
    await Promise.all([connections?.streams.close(), ...[...this.#open].map(({ client }) => client.close())]);
  }

  async #load(): Promise<Connections> {
    this.#connections ??= this.#createConnections();
    try {
      return await this.#connections;
    } catch (error) {
      this.#connections = undefined;
      throw error;
    }
  }

  async #createConnections(): Promise<Connections> {
    const undici = await loadUndici();
    const { Agent, Client } = undici;
    const connect = await createConnector(undici, this.#connectTimeoutMs);
    // undici's own timeouts are coarse, and include the time in the queue.
    const options = { headersTimeout: 0, bodyTimeout: 0, allowH2: false };
    return {
      open: (origin) => {
        const connection: Connection = {
          client: new Client(origin, {
            ...options,
            connect: (target, callback) => {
              connection.socket = connect(target, callback);
            },
          }),
          answeredAt: 0,
          socket: undefined,
        };
        connection.client.on('disconnect', () => {
          if (!this.#idle.includes(connection)) return;
          if (performance.now() - connection.answeredAt < EARLY_END_MS) this.#endsEarly = true;
          this.#discard(connection);
        });
        this.#open.add(connection);
        return connection;
      },
      // No connection limit: a long transfer must not block others, and idle timeouts must not run while queued.
      streams: new Agent({ ...options, connect }).on('disconnect', (origin, _, error) => {
        // undici breaks a connection that has bytes after the end of a response, and does not say whose it was.
        const { code, message } = error as Error & { code?: string };
        if (code !== 'UND_ERR_SOCKET' || message === 'other side closed') return;
        for (const handler of this.#ending) if (handler.origin === origin.origin) handler.onExtraBytes();
      }),
    };
  }

  #take(request: WireRequest, open: Connections['open']): Connection {
    const last = this.#idle.at(-1);
    const isFresh = last !== undefined && !this.#endsEarly && performance.now() - last.answeredAt < FRESH_MS;
    if (last === undefined || (request.freshConnection === true && !isFresh)) return open(request.url.origin);
    this.#idle.pop();
    return last;
  }

  #release(connection: Connection, isReusable: boolean): void {
    if (!isReusable) {
      this.#discard(connection);
      return;
    }
    connection.answeredAt = performance.now();
    this.#idle.push(connection);
  }

  #discard(connection: Connection): void {
    const index = this.#idle.indexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
    this.#open.delete(connection);
    void connection.client.destroy();
    connection.socket?.destroy();
  }

  #track(response: Promise<unknown>): void {
    this.#inFlight.add(response);
    const forget = () => this.#inFlight.delete(response);
    response.then(forget, forget);
  }
}
