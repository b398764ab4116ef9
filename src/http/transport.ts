/**
 * Carries one request over the wire, through undici or a caller's fetch, and knows whether it was ever begun.
 */
import type { Socket } from 'node:net';
import { getDefaultHighWaterMark, type Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import type { Agent, Dispatcher } from 'undici';
import { orAbort } from '../utils/abort.js';
import { ConfigurationError } from '../core/errors/index.js';
import { loadUndici } from './load-undici.js';

/** What is asked of undici's dispatchers: also met by a ProxyAgent or MockAgent of another copy of undici. */
export interface DispatcherLike {
  dispatch(options: never, handler: never): boolean;
}

/** One request, ready to be sent. */
export interface WireRequest {
  method: 'GET' | 'POST';
  url: URL;
  headers: Record<string, string>;
  body?: string | undefined;
  /** Uses a connection of its own, so that a stale kept-alive socket cannot swallow it. */
  freshConnection?: boolean | undefined;
}

/** An answer, as far as it came. */
export interface RawResponse {
  status: number;
  statusText: string;
  header(name: string): string | undefined;
  /** The body as text; undefined when it broke off. */
  text: string | undefined;
  /** Why the body broke off, and what had come of it. */
  cutBy?: unknown;
  partialText?: string;
}

/** One request under way. */
export interface InFlightRequest {
  /** Resolves with the answer, once its status line is there even if its body breaks off; else rejects. */
  readonly response: Promise<RawResponse>;
  /** Is false as long as it is proven that no byte of the request was sent; a caller's fetch or dispatcher proves nothing. */
  readonly wasSent: boolean;
  /** Does not let it begin any more, where that can still be helped; an answer is listened for all the same. */
  holdBack(reason: unknown): void;
  /** Gives it up: stops it where it stands, and if it has not begun, it never will. */
  abort(reason: unknown): void;
  /** Lets the process end before the answer, where the transport can. */
  unref(): void;
}

/** A request whose body, if it has one, is read as it is sent. */
export interface StreamRequest {
  method: 'GET' | 'POST' | 'PUT';
  url: URL;
  /** With a `content-length` wherever there is a body. */
  headers: Record<string, string>;
  body?: AsyncIterable<Uint8Array> | undefined;
  signal: AbortSignal;
}

/** An answer whose body is read as it comes. */
export interface StreamAnswer extends Pick<RawResponse, 'status' | 'statusText' | 'header'> {
  /** To be read to its end, or discarded. */
  body: AsyncIterable<Uint8Array>;
  /** Ends the connection, if the body was not read to its end. */
  discard(): void;
  /** Whether its end is the connection's end: then a body cut short looks whole. */
  openEnded: boolean;
}

export interface TransportOptions {
  fetch?: typeof globalThis.fetch | undefined;
  dispatcher?: DispatcherLike | undefined;
  connectTimeoutMs: number;
}

/** How many sockets one client opens at most for each kind of request: more are slower, not faster. */
const MAX_SOCKETS = 64;

/** Codes of failures to connect. With undici they only confirm what the handler saw; with a caller's fetch they are all there is. */
const UNREACHED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);
const UNREACHED_VIA_DISPATCHER = new Set([
  ...UNREACHED,
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const TLS_CODE = /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/** Finds the code of an error or of what lies behind it; a failure at each of several addresses counts as its first. */
export function codeOf(error: unknown): string | undefined {
  for (
    let current = error, depth = 0;
    depth < 5 && typeof current === 'object' && current !== null;
    depth++
  ) {
    const { code, cause, errors } = current as { code?: unknown; cause?: unknown; errors?: unknown };
    if (typeof code === 'string' && code !== '') return code;
    current = cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  }
  return undefined;
}

/** Tells whether an error, and every error it gathers, has one of these codes. */
function everyCode(error: unknown, known: (code: string) => boolean): boolean {
  const { cause, errors } = (error ?? {}) as { cause?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return errors.every((each) => everyCode(each, known));
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code === 'string') return known(code);
  return cause !== undefined && everyCode(cause, known);
}

/** Marks the errors that prove that nothing was sent. */
const proven = new WeakSet<object>();

/** Tells whether an error of an exchange proves that no byte of the request was sent. */
export function neverSent(error: unknown): boolean {
  return typeof error === 'object' && error !== null && proven.has(error);
}

function prove(error: unknown): unknown {
  if (typeof error === 'object' && error !== null) proven.add(error);
  return error;
}

/** Opens connections, keeps them, and ends them; undici is loaded with the first request, not at import. */
export class Transport {
  readonly #options: TransportOptions;
  #agents: Promise<{ reads: Agent; submits: Agent; streams: Agent }> | undefined;
  /** Sockets of submits under way, and how many of those submits somebody awaits. */
  readonly #submitSockets = new Set<Socket>();
  #awaitedSubmits = 0;
  #closing: Promise<void> | undefined;

  /** The caller's fetch, if that is what requests go through. */
  readonly #fetch: (() => typeof globalThis.fetch) | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    const { fetch } = options;
    if (fetch === undefined) return;
    // Whoever gives the global one means the global one: looked up at each call, so that a later patch is seen.
    this.#fetch = fetch === globalThis.fetch ? () => globalThis.fetch : () => fetch;
  }

  /** Begins a request. `onStart` is called when it goes out, which may be after a wait for a free socket. */
  start(request: WireRequest, onStart: () => void): InFlightRequest {
    this.#throwIfClosed();
    return this.#fetch === undefined
      ? this.#startWithUndici(request, onStart)
      : this.#startWithFetch(this.#fetch(), request, onStart);
  }

  /**
   * Tells whether a piece of a streamed body has left memory when the next one is asked for. Our own sockets wait for
   * that, if a piece is more than they gather; a caller's fetch or dispatcher may keep pieces.
   */
  letsGoOf(pieceBytes: number): boolean {
    return this.isOwn && getDefaultHighWaterMark(false) <= pieceBytes;
  }

  /** Whether requests go through our own sockets, and not through a caller's fetch or dispatcher. */
  get isOwn(): boolean {
    const { fetch, dispatcher } = this.#options;
    return fetch === undefined && dispatcher === undefined;
  }

  /** Makes a request with nothing but the headers it has; gives the answer as soon as its head is there. */
  async stream(request: StreamRequest): Promise<StreamAnswer> {
    this.#throwIfClosed();
    request.signal.throwIfAborted();
    const answer =
      this.#fetch === undefined
        ? this.#streamWithUndici(request)
        : this.#streamWithFetch(this.#fetch(), request);
    return orAbort(answer, request.signal);
  }

  /** Ends the kept-alive sockets, once what is under way has ended. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Whoever waits for the end of all waits for the late answers to submits as well.
    for (const socket of this.#submitSockets) socket.ref();
    // A caller's dispatcher is the caller's to close.
    const agents = await this.#agents;
    await Promise.all([agents?.reads.close(), agents?.submits.close(), agents?.streams.close()]);
  }

  #throwIfClosed(): void {
    if (this.#closing === undefined) return;
    throw new ConfigurationError('This client was closed; make a new one to send more requests.');
  }

  #ownAgents(): Promise<{ reads: Agent; submits: Agent; streams: Agent }> {
    this.#agents ??= loadUndici().then(({ Agent, buildConnector }) => {
      const timeout = this.#options.connectTimeoutMs;
      // A socket for one POST lives no longer than its timeout: nothing is to be kept alive.
      const connect = buildConnector({ timeout, keepAlive: false });
      // Timeouts of headers and body are ours to keep, to the millisecond and with the time in the queue left out.
      const common = { connections: MAX_SOCKETS, headersTimeout: 0, bodyTimeout: 0 };
      return {
        reads: new Agent({ ...common, connect: { timeout } }),
        // No pipelining at all means no keep-alive: each submit has a fresh connection.
        submits: new Agent({
          ...common,
          pipelining: 0,
          connect: (options, callback) =>
            connect(options, (...result) => {
              const socket: Socket | null | undefined = result[1];
              if (socket) this.#trackSubmitSocket(socket);
              callback(...result);
            }),
        }),
        // As many sockets as are asked for: a long transfer must not hold up polls, nor wait while its idle time runs.
        streams: new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout } }),
      };
    });
    return this.#agents;
  }

  async #streamWithUndici(request: StreamRequest): Promise<StreamAnswer> {
    const foreign = this.#options.dispatcher as Dispatcher | undefined;
    const [undici, dispatcher] = await Promise.all([
      loadUndici(),
      foreign ?? this.#ownAgents().then(({ streams }) => streams),
    ]);
    const { method, url, headers, signal } = request;
    this.#throwIfClosed();
    signal.throwIfAborted();
    const {
      statusCode,
      statusText,
      headers: answered,
      body,
    } = await undici.request(dispatcher, {
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers,
      // undici reads any iterable; its types do not say so.
      body: (request.body ?? null) as Readable | null,
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    // Whoever reads it gets the error; an abort after that must not end the process.
    body.on('error', () => undefined);
    const header = (name: string) => {
      const value = answered[name.toLowerCase()];
      return Array.isArray(value) ? value[0] : value;
    };
    const openEnded =
      foreign === undefined &&
      header('content-length') === undefined &&
      header('transfer-encoding') === undefined;
    return { status: statusCode, statusText, header, body, discard: () => body.destroy(), openEnded };
  }

  async #streamWithFetch(fetch: typeof globalThis.fetch, request: StreamRequest): Promise<StreamAnswer> {
    const { method, url, headers, body, signal } = request;
    const response = await fetch(url.href, {
      method,
      headers,
      redirect: 'manual',
      signal,
      ...(body === undefined ? {} : { body: ReadableStream.from(body), duplex: 'half' }),
    });
    return {
      status: response.status,
      statusText: response.statusText,
      header: (name) => response.headers.get(name) ?? undefined,
      body: response.body ?? (async function* () {})(),
      discard: () => void response.body?.cancel().catch(() => undefined),
      // What lies under a fetch cannot be seen: whether it checks a body's end is up to it.
      openEnded: false,
    };
  }

  #trackSubmitSocket(socket: Socket): void {
    this.#submitSockets.add(socket);
    socket.once('close', () => this.#submitSockets.delete(socket));
  }

  #startWithUndici(request: WireRequest, onStart: () => void): InFlightRequest {
    const foreign = this.#options.dispatcher as Dispatcher | undefined;
    const awaited = request.freshConnection === true && foreign === undefined;
    if (awaited && ++this.#awaitedSubmits === 1) for (const socket of this.#submitSockets) socket.ref();
    let isAwaited = awaited;
    const unref = () => {
      if (!isAwaited) return;
      isAwaited = false;
      if (--this.#awaitedSubmits === 0 && this.#closing === undefined)
        for (const socket of this.#submitSockets) socket.unref();
    };

    const collector = new Collector(onStart, foreign !== undefined);
    const { method, url, headers, body } = request;
    const options = {
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers,
      body: body ?? null,
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    const dispatch = async () => {
      try {
        const agents = foreign === undefined ? await this.#ownAgents() : undefined;
        if (collector.wasCut) return;
        // Whether and when another's dispatcher tells of the beginning is up to it: its time runs from here.
        if (foreign !== undefined) collector.begin();
        const dispatcher = foreign ?? (request.freshConnection === true ? agents?.submits : agents?.reads);
        dispatcher?.dispatch(options, collector);
      } catch (error) {
        collector.onResponseError(undefined, error);
      }
    };
    void dispatch();
    const answer = collector.answer.finally(unref);
    return {
      response: answer,
      get wasSent() {
        return collector.wasSent || foreign !== undefined;
      },
      holdBack: (reason) => collector.holdBack(reason),
      abort: (reason) => collector.cut(reason),
      unref,
    };
  }

  #startWithFetch(
    fetch: typeof globalThis.fetch,
    request: WireRequest,
    onStart: () => void,
  ): InFlightRequest {
    const controller = new AbortController();
    const send = async (): Promise<RawResponse> => {
      const { method, url, headers, body } = request;
      let response: Response;
      try {
        onStart();
        response = await fetch(url.href, {
          method,
          headers,
          // A redirect would take the key elsewhere.
          redirect: 'manual',
          signal: controller.signal,
          ...(body === undefined ? {} : { body }),
        });
      } catch (error) {
        throw everyCode(error, (code) => UNREACHED.has(code)) ? prove(error) : error;
      }
      const answer = {
        status: response.status,
        statusText: response.statusText,
        // A caller's fetch may give less than a Response.
        header: (name: string) => (response.headers as Headers | undefined)?.get(name) ?? undefined,
      };
      try {
        return { ...answer, text: await response.text() };
      } catch (error) {
        return { ...answer, text: undefined, cutBy: error };
      }
    };
    return {
      response: send(),
      wasSent: true,
      holdBack: () => undefined,
      abort: (reason) => controller.abort(reason),
      unref: () => undefined,
    };
  }
}

const decoder = new TextDecoder();

/** Gathers one answer from undici, and sees whether the request was begun: what it did not see begun was not sent. */
class Collector implements Dispatcher.DispatchHandler {
  readonly answer: Promise<RawResponse>;
  wasSent = false;
  wasCut = false;
  #resolve: (answer: RawResponse) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  readonly #onStart: () => void;
  /** A dispatcher that is not ours may hide the beginning: there, only a failure to connect is a proof. */
  readonly #foreign: boolean;
  #controller: Dispatcher.DispatchController | undefined;
  #cutReason: Error | undefined;
  #hasBegun = false;
  #head: Pick<RawResponse, 'status' | 'statusText' | 'header'> | undefined;
  readonly #chunks: Uint8Array[] = [];

  constructor(onStart: () => void, foreign: boolean) {
    this.#onStart = onStart;
    this.#foreign = foreign;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Tells, once, that the request is under way. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#onStart();
  }

  holdBack(reason: unknown): void {
    this.#cutReason ??=
      reason instanceof Error ? reason : new Error('The request was given up.', { cause: reason });
  }

  cut(reason: unknown): void {
    this.wasCut = true;
    this.holdBack(reason);
    if (this.#cutReason !== undefined) this.#controller?.abort(this.#cutReason);
    this.onResponseError(undefined, this.#cutReason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#cutReason !== undefined) {
      controller.abort(this.#cutReason);
      return;
    }
    this.wasSent = true;
    this.begin();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    statusText?: string,
  ): void {
    // An interim answer (1xx) is not the answer.
    if (status < 200) return;
    this.wasSent = true;
    this.#head = {
      status,
      statusText: statusText ?? '',
      header: (name) => {
        const value = headers[name.toLowerCase()];
        return Array.isArray(value) ? value[0] : value;
      },
    };
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#head === undefined) return;
    this.#resolve({ ...this.#head, text: this.#text() });
  }

  #text(): string {
    return decoder.decode(Buffer.concat(this.#chunks));
  }

  onResponseError(_controller: unknown, error: unknown): void {
    if (this.#head !== undefined) {
      this.#resolve({ ...this.#head, text: undefined, cutBy: error, partialText: this.#text() });
      return;
    }
    const sure = (code: string) => UNREACHED_VIA_DISPATCHER.has(code) || TLS_CODE.test(code);
    const unsent = !this.wasSent && (!this.#foreign || everyCode(error, sure));
    this.#reject(unsent ? prove(error) : error);
  }
}
