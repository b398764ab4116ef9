/** Network and gateway faults that a test can set. */
import type { LoggedRequest } from './request-log.js';
import type { Operation } from './route.js';

/** The calls that a fault applies to: one, `upload` for every step of an upload, `any` for all. */
export type FaultTarget = Operation | 'any';

/** When a fault applies. */
export interface FaultTurn {
  /** The calls it applies to. A `connection` reset applies to any call: its request is not known yet. */
  on: FaultTarget;
  /** Number of times it applies; `Infinity` for always. @default 1 */
  times?: number | undefined;
  /** Number of matching calls that pass first. @default 0 */
  after?: number | undefined;
  /** Narrows it further, for example to one path or header. */
  matching?: ((request: LoggedRequest) => boolean) | undefined;
}

export interface AcceptedFlag {
  /** Whether the call takes effect before it fails; for a submit: the task is created and charged. */
  accepted?: boolean | undefined;
}

/** Responds with a status. Not accepted by default. */
export interface StatusFault extends AcceptedFlag {
  kind: 'status';
  status: number;
  /** An object is sent as JSON, text as it is (HTML if it starts with `<`). @default an error envelope */
  body?: unknown;
  headers?: Record<string, string> | undefined;
}

/** Closes the connection. Accepted by default only if the response has begun: `headers` and `body`. */
export interface ResetFault extends AcceptedFlag {
  kind: 'reset';
  /** After the connect; after the request was read; within the response's headers; within its body. */
  when: 'connection' | 'request' | 'headers' | 'body';
  /** TCP reset, or an orderly close. @default 'rst' */
  how?: 'rst' | 'fin' | undefined;
  /** With `request`: only on a connection that carried a request before, as soon as the next one arrives. */
  onlyReused?: boolean | undefined;
  /** With `body`: number of bytes that are sent first. @default half of them */
  bytes?: number | undefined;
}

/** Stops sending and keeps the connection open. Accepted by default only with `body`. */
export interface HangFault extends AcceptedFlag {
  kind: 'hang';
  when: 'headers' | 'body';
  /** With `body`: number of bytes that are sent first. @default half of them */
  bytes?: number | undefined;
}

/** Responds correctly, but late. Accepted immediately by default. */
export interface DelayFault extends AcceptedFlag {
  kind: 'delay';
  /** Delay in milliseconds. */
  ms: number;
}

/** Responds correctly, one chunk at a time. Accepted by default. */
export interface DripFault extends AcceptedFlag {
  kind: 'drip';
  /** Delay before each chunk, in milliseconds. */
  ms: number;
  /** Size of a chunk in bytes. @default a sixteenth of the body */
  bytes?: number | undefined;
}

/** Responds with bytes that are not HTTP. Not accepted by default. */
export interface GarbageFault extends AcceptedFlag {
  kind: 'garbage';
}

/** Sends fewer bytes than its Content-Length and closes the connection. Accepted by default. */
export interface TruncateFault extends AcceptedFlag {
  kind: 'truncate';
  /** Number of bytes that are sent. @default half of them */
  bytes?: number | undefined;
}

/** Responds 200 with an HTML page. Not accepted by default. */
export interface NotJsonFault extends AcceptedFlag {
  kind: 'not-json';
}

/** Responds 200 without a body. Not accepted by default. */
export interface EmptyFault extends AcceptedFlag {
  kind: 'empty';
}

/** Responds with an error envelope under a successful HTTP status. Not accepted by default. */
export interface EnvelopeFault extends AcceptedFlag {
  kind: 'envelope';
  code: number;
  message: string;
  /** Sent as `error_code`. */
  errorCode?: string | undefined;
  /** HTTP status. @default 200 */
  status?: number | undefined;
}

/** Redirects the caller. Not accepted by default. */
export interface RedirectFault extends AcceptedFlag {
  kind: 'redirect';
  location: string;
  /** @default 307, which keeps the method and the body */
  status?: number | undefined;
}

/** Responds correctly, with other data. Accepted by default. */
export interface DataFault extends AcceptedFlag {
  kind: 'data';
  /** Fields to set (`undefined` removes one), `null` for no data, or a function of the data. */
  patch: Record<string, unknown> | null | ((data: unknown) => unknown);
}

/** Responds correctly, compressed, whether the caller accepts that or not. Accepted by default. */
export interface CompressFault extends AcceptedFlag {
  kind: 'compress';
  encoding: 'gzip' | 'deflate' | 'br';
}

/**
 * Responds correctly, and then sends a second response that was not asked for, about a task that does not exist, on the idle
 * connection. Without sockets only the correct response. Accepted by default.
 */
export interface ExtraFault extends AcceptedFlag {
  kind: 'extra';
  /** Time between the two responses, in milliseconds. @default 0 */
  ms?: number | undefined;
}

/** The way in which a call fails. */
export type FaultKind =
  | StatusFault
  | ResetFault
  | HangFault
  | DelayFault
  | DripFault
  | GarbageFault
  | TruncateFault
  | NotJsonFault
  | EmptyFault
  | EnvelopeFault
  | RedirectFault
  | DataFault
  | CompressFault
  | ExtraFault;

/** A fault: the calls it applies to, how often, and the way in which they fail. */
export type Fault = FaultTurn & FaultKind;
