/** Plans the response to a request: what is sent, and the network fault that interrupts it. */
import { randomUUID } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { STATUS_TEXTS } from '../../core/status-text.js';
import type { Fault } from './faults.js';
import { bytesBody, errorResponse, htmlPage, jsonResponse, textResponse, type WireResponse } from './wire.js';

/** A response and its network fault. Gateway faults are already part of the response. */
export interface ResponsePlan {
  response: WireResponse;
  fault?: Fault | undefined;
}

function titleOf(status: number): string {
  return STATUS_TEXTS[status] ?? 'Error';
}

function statusResponse(status: number, body: unknown, headers: Record<string, string>): WireResponse {
  if (body === undefined) {
    const response = status < 400 ? undefined : errorResponse(status, titleOf(status), { headers });
    return response ?? jsonResponse(status, { code: status, message: 'success', data: null }, headers);
  }
  if (typeof body !== 'string') return jsonResponse(status, body, headers);
  return textResponse(status, body, body.trimStart().startsWith('<') ? 'text/html' : 'text/plain', headers);
}

function patched(response: WireResponse, patch: (data: unknown) => unknown): WireResponse {
  const text = Buffer.concat([...response.body.chunks()]).toString('utf8');
  let envelope: unknown;
  try {
    envelope = JSON.parse(text);
  } catch {
    // A file or an empty body has no data to patch.
    return response;
  }
  const fields = envelope as Record<string, unknown>;
  const changed = jsonResponse(response.status, { ...fields, data: patch(fields['data']) });
  return { ...changed, headers: { ...changed.headers, ...response.headers } };
}

const COMPRESS = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync };

function compressed(response: WireResponse, encoding: keyof typeof COMPRESS): WireResponse {
  const bytes = COMPRESS[encoding](Buffer.concat([...response.body.chunks()]));
  return {
    ...response,
    headers: { ...response.headers, 'content-encoding': encoding },
    body: bytesBody(bytes),
  };
}

/** The same response about a task that does not exist. */
export function ghostOf(response: WireResponse): WireResponse {
  return patched(response, (data) => withFields(data, { id: `ghost-${randomUUID()}` }));
}

function withFields(data: unknown, fields: Record<string, unknown>): unknown {
  return { ...(data as Record<string, unknown> | null), ...fields };
}

/** Applies a fault. `response` is undefined if the call does not take effect. */
export function applyFault(response: WireResponse | undefined, fault: Fault): ResponsePlan {
  // A fault that cuts or delays a response needs one: a gateway's error page if the call had no effect.
  const original = response ?? textResponse(502, htmlPage(502, titleOf(502)), 'text/html');
  switch (fault.kind) {
    case 'status':
      return { response: statusResponse(fault.status, fault.body, fault.headers ?? {}) };
    case 'not-json':
      return { response: textResponse(200, htmlPage(200, 'Just a moment'), 'text/html') };
    case 'empty':
      return { response: textResponse(200, '', 'application/json') };
    case 'envelope': {
      const code = fault.errorCode === undefined ? {} : { error_code: fault.errorCode };
      const envelope = { code: fault.code, message: fault.message, ...code, data: null };
      return { response: jsonResponse(fault.status ?? 200, envelope) };
    }
    case 'redirect':
      return { response: textResponse(fault.status ?? 307, '', 'text/html', { location: fault.location }) };
    case 'data': {
      const { patch } = fault;
      const change =
        typeof patch === 'function'
          ? patch
          : (data: unknown) => (patch === null ? null : withFields(data, patch));
      return { response: patched(original, change) };
    }
    case 'compress':
      return { response: compressed(original, fault.encoding) };
    case 'reset':
    case 'extra':
    case 'hang':
    case 'delay':
    case 'drip':
    case 'garbage':
    case 'truncate':
      return { response: original, fault };
  }
}

export function bytesBefore(response: WireResponse, bytes: number | undefined): number {
  return Math.min(response.body.length, bytes ?? Math.floor(response.body.length / 2));
}

export function chunkSize(response: WireResponse, bytes: number | undefined): number {
  return Math.max(1, bytes ?? Math.ceil(response.body.length / 16));
}
