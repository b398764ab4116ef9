/** The log of received requests. */
import type { Operation } from './route.js';
import type { WireRequest } from './wire.js';

/** Most entries of each operation: a long run does not fill the memory, and its polls do not push out its submits. */
const MOST_PER_OPERATION = 5000;

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

/** Selects requests of the log; an absent field matches all. */
export interface RequestFilter {
  operation?: Operation | undefined;
  method?: string | undefined;
  path?: string | undefined;
}

export class RequestLog {
  readonly entries: LoggedRequest[] = [];
  /** Number of requests of each operation, those that are no longer in `entries` included. */
  readonly #received = new Map<Operation, number>();

  add(entry: LoggedRequest): void {
    const { operation } = entry;
    const received = (this.#received.get(operation) ?? 0) + 1;
    this.#received.set(operation, received);
    this.entries.push(entry);
    if (received <= MOST_PER_OPERATION) return;
    this.entries.splice(
      this.entries.findIndex((other) => other.operation === operation),
      1,
    );
  }

  count({ operation, method, path }: RequestFilter): number {
    if (method === undefined && path === undefined) {
      if (operation !== undefined) return this.#received.get(operation) ?? 0;
      return [...this.#received.values()].reduce((sum, received) => sum + received, 0);
    }
    return this.entries.filter(
      (entry) =>
        (operation === undefined || entry.operation === operation) &&
        (method === undefined || entry.method === method) &&
        (path === undefined || entry.path === path),
    ).length;
  }

  clear(): void {
    this.entries.length = 0;
    this.#received.clear();
  }
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
