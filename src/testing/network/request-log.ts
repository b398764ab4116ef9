/**
 * The log of what was asked, and which call of the API a request is.
 */
import type { WireRequest } from './wire.js';

/** The calls of the API. */
export const OPERATIONS = [
  'submit',
  'result',
  'list',
  'delete',
  'balance',
  'price',
  'secret',
  'upload',
  'ticket',
  'put',
  'output',
  'file',
  'unknown',
] as const;

/** The calls of the API. `ticket` and `put` are the newer upload, `upload` the multipart one; `file` fetches an upload back. */
export type Operation = (typeof OPERATIONS)[number];

/** One request as the emulator received it. */
export interface LoggedRequest {
  /** Which call it is. */
  readonly operation: Operation;
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed JSON; the text where it was no JSON; undefined for an upload's bytes or no body. */
  body: unknown;
  /** The body's length in bytes, as far as it was read. */
  bodyBytes: number;
  /** When it came, by the emulator's clock, in milliseconds since 1970. */
  readonly at: number;
  /** Which TCP connection it came on, from 1; 0 without sockets. */
  readonly connection: number;
  /** Whether that connection had carried a request before. */
  readonly reused: boolean;
  /** The kind of fault that struck it, if one did. */
  fault?: string;
  /** The status it was answered with; absent when it was not answered. */
  status?: number;
}

/** Where a request goes: the call, its parameters, and what the API's address is to this caller. */
export interface Route {
  operation: Operation;
  /** The part of the path that names something: a model, a task's id, a ticket. */
  name: string;
  /** The second such part. */
  detail: string;
  /** What stands before `/api/v3`, so that any base URL is given back as the caller has it. */
  apiBase: string;
}

const API = '/api/v3/';

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function apiOperation(
  method: string,
  path: string,
  isModel: (id: string) => boolean,
): Pick<Route, 'operation' | 'name'> {
  const [first = '', second = '', third = '', ...more] = path.split('/');
  if (method === 'GET') {
    if (path === 'balance') return { operation: 'balance', name: '' };
    if (path === 'webhook/secret') return { operation: 'secret', name: '' };
    if (first === 'predictions' && second !== '' && third === 'result' && more.length === 0) {
      return { operation: 'result', name: decode(second) };
    }
  }
  if (method === 'POST') {
    if (path === 'predictions') return { operation: 'list', name: '' };
    if (path === 'predictions/delete') return { operation: 'delete', name: '' };
    if (path === 'model/price') return { operation: 'price', name: '' };
    if (path === 'media/uploads') return { operation: 'ticket', name: '' };
    if (path === 'media/upload/binary') return { operation: 'upload', name: '' };
    const id = path.split('/').map(decode).join('/');
    if (isModel(id)) return { operation: 'submit', name: id };
  }
  return { operation: 'unknown', name: '' };
}

/** Returns the call that a request makes. */
export function findRoute(method: string, url: URL, isModel: (id: string) => boolean): Route {
  const path = url.pathname;
  const start = path.indexOf(API);
  if (start >= 0) {
    const apiBase = url.origin + path.slice(0, start);
    return { ...apiOperation(method, path.slice(start + API.length), isModel), detail: '', apiBase };
  }
  const [first = '', name = '', detail = ''] = path.slice(1).split('/').map(decode);
  const known = { outputs: 'output', uploads: 'file', storage: 'put' } as const;
  const operation = Object.hasOwn(known, first) ? known[first as keyof typeof known] : 'unknown';
  return { operation, name, detail, apiBase: url.origin };
}

/** Enters a request into the log's form; its body comes later. */
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
