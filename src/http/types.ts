/** What a transport takes and returns: requests, responses, and the interface that each transport implements. */

/** What an undici dispatcher must have. Also met by a ProxyAgent or MockAgent of another copy of undici. */
export interface DispatcherLike {
  dispatch(options: never, handler: never): boolean;
}

/** One request, ready to be sent. */
export interface WireRequest {
  method: 'GET' | 'POST';
  url: URL;
  headers: Record<string, string>;
  body?: string | undefined;
  /** Rejects a kept-alive connection that has been idle for a second: a stale one could swallow the request. */
  freshConnection?: boolean | undefined;
  /** Largest response body read, in bytes. */
  maxResponseBytes: number;
}

/** A response, as far as it came. */
export interface RawResponse {
  status: number;
  statusText: string;
  header(name: string): string | undefined;
  /** The body as text. Undefined when it is not complete. */
  text: string | undefined;
  /** Why the body is not complete. */
  bodyError?: unknown;
  /** What came of a body that is not complete. */
  partialText?: string;
}

/** One request under way. */
export interface InFlightRequest {
  /** Resolves once the status is known and the body has ended or failed. Rejects when there was no response. */
  readonly response: Promise<RawResponse>;
  /** False while it is proven that no byte was sent. A custom fetch or dispatcher proves nothing once it was called. */
  readonly wasSent: boolean;
  /** Stops the request. One that was not sent never will be. */
  abort(reason: unknown): void;
}

/** A request whose body is streamed. */
export interface StreamRequest {
  method: 'GET' | 'POST' | 'PUT';
  url: URL;
  /** With a `content-length` wherever there is a body. */
  headers: Record<string, string>;
  body?: AsyncIterable<Uint8Array> | undefined;
  signal: AbortSignal;
}

/** A response whose body is streamed. */
export interface StreamResponse extends Pick<RawResponse, 'status' | 'statusText' | 'header'> {
  /** To be read to its end, or discarded. */
  body: AsyncIterable<Uint8Array>;
  /** Closes the connection if the body was not read to its end. */
  discard(): void;
  /** True where the body ends with the connection: one that was cut short looks complete. */
  openEnded: boolean;
}

/** Sends requests. */
export interface HttpTransport {
  /** Sends one request. `onStart` runs right before it is written; if it throws, nothing is sent. */
  start(request: WireRequest, onStart: () => void): InFlightRequest;
  /** Sends a request with exactly its own headers, and resolves with the response's head. */
  stream(request: StreamRequest): Promise<StreamResponse>;
  /** Closes the kept-alive connections after the requests under way. */
  close(): Promise<void>;
}
