/** The transport interface with its requests and responses. */

/** The required part of an undici dispatcher. A ProxyAgent or MockAgent of another copy of undici also matches. */
export interface DispatcherLike {
  dispatch(options: never, handler: never): boolean;
}

export interface WireRequest {
  method: 'GET' | 'POST';
  url: URL;
  headers: Record<string, string>;
  body?: string | undefined;
  /** Requires a new or recently used connection: a stale one could lose the request. */
  freshConnection?: boolean | undefined;
  maxResponseBytes: number;
}

export interface RawResponse {
  status: number;
  statusText: string;
  header(name: string): string | undefined;
  text: string | undefined;
  bodyError?: unknown;
  partialText?: string;
}

export interface InFlightRequest {
  /** Resolves once the body has ended or failed. Rejects if there was no response. */
  readonly response: Promise<RawResponse>;
  /**
   * False while it is proven that no byte was sent. A custom fetch or dispatcher proves nothing once it was called.
   *
   * Not a getter: V8 keeps what a getter of an object literal refers to until a full garbage collection.
   */
  wasSent(): boolean;
  /** Stops the request. If it was not sent yet, it never will be. */
  abort(reason: unknown): void;
}

export interface StreamRequest {
  method: 'GET' | 'POST' | 'PUT';
  url: URL;
  /** Must include `content-length` if there is a body. */
  headers: Record<string, string>;
  body?: AsyncIterable<Uint8Array> | undefined;
  signal: AbortSignal;
}

export interface StreamResponse extends Pick<RawResponse, 'status' | 'statusText' | 'header'> {
  /** Must be read to its end or discarded. */
  body: AsyncIterable<Uint8Array>;
  discard(): void;
  /** True if the body ends with the connection: a truncated body then looks complete. */
  openEnded: boolean;
}

export interface HttpTransport {
  /** Sends one request. `onStart` runs right before it is written; if it throws, nothing is sent. */
  start(request: WireRequest, onStart: () => void): InFlightRequest;
  stream(request: StreamRequest): Promise<StreamResponse>;
  close(): Promise<void>;
}
