/** The log of received requests. */
import type { Operation } from './route.js';
import type { WireRequest } from './wire.js';

/** One request that the emulator received. */
export interface LoggedRequest {
  /** The API call that it makes. */
  readonly operation: Operation;
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Names are lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed JSON body; its text if it is not JSON; undefined for uploaded bytes or no body. */
  body: unknown;
  /** Length of the body in bytes, as far as it was read. */
  bodyBytes: number;
  /** Arrival time by the emulator's clock, in milliseconds since 1970. */
  readonly at: number;
  /** Number of the TCP connection, from 1; 0 without sockets. */
  readonly connection: number;
  /** Whether the connection carried a request before. */
  readonly reused: boolean;
  /** Kind of the fault that was applied. */
  fault?: string;
  /** Status of the response; absent when there was none. */
  status?: number;
}

export function logEntry(request: WireRequest, operation: Operation, at: number): LoggedRequest {
  return {
    operation,
    method: request.method,
    path: request.url.pathname,
    query: Object.fromEntries(request.url.searchParams),
    headers: request.headers,
    body: undefined,
    bodyBytes: 0,
    at,
    connection: request.socket?.connection ?? 0,
    reused: request.socket?.reused ?? false,
  };
}
