/**
 * What is to happen to one request: the answer, and how the network is to treat it.
 */
import type { Fault } from './faults.js';
import { type Answer, htmlPage, jsonAnswer, refusal, textAnswer } from './wire.js';

/** An answer and the fault that strikes its way back; faults of the gateway are in the answer already. */
export interface ResponsePlan {
  answer: Answer;
  fault?: Fault | undefined;
}

/** How a status is called, for those that faults are made of. */
const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  409: 'Conflict',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

function titleOf(status: number): string {
  return TITLES[status] ?? 'Error';
}

function statusAnswer(status: number, body: unknown, headers: Record<string, string>): Answer {
  if (body === undefined) {
    const answer = status < 400 ? undefined : refusal(status, titleOf(status), { headers });
    return answer ?? jsonAnswer(status, { code: status, message: 'success', data: null }, headers);
  }
  if (typeof body !== 'string') return jsonAnswer(status, body, headers);
  return textAnswer(status, body, body.trimStart().startsWith('<') ? 'text/html' : 'text/plain', headers);
}

function patched(answer: Answer, patch: (data: unknown) => unknown): Answer {
  const text = Buffer.concat([...answer.body.chunks()]).toString('utf8');
  let envelope: unknown;
  try {
    envelope = JSON.parse(text);
  } catch {
    // A file or an empty answer has no data to patch.
    return answer;
  }
  const fields = envelope as Record<string, unknown>;
  const changed = jsonAnswer(answer.status, { ...fields, data: patch(fields['data']) });
  return { ...changed, headers: { ...changed.headers, ...answer.headers } };
}

function withFields(data: unknown, fields: Record<string, unknown>): unknown {
  return { ...(data as Record<string, unknown> | null), ...fields };
}

/**
 * Puts a fault into the answer, as far as it is one of the gateway.
 *
 * @param answer What the emulator answered; undefined when it was not asked, because the call is not accepted.
 */
export function applyFault(answer: Answer | undefined, fault: Fault): ResponsePlan {
  // What is cut short or late must be something: without a call, a gateway's page.
  const answered = answer ?? textAnswer(502, htmlPage(502, titleOf(502)), 'text/html');
  switch (fault.kind) {
    case 'status':
      return { answer: statusAnswer(fault.status, fault.body, fault.headers ?? {}) };
    case 'not-json':
      return { answer: textAnswer(200, htmlPage(200, 'Just a moment'), 'text/html') };
    case 'empty':
      return { answer: textAnswer(200, '', 'application/json') };
    case 'envelope': {
      const code = fault.errorCode === undefined ? {} : { error_code: fault.errorCode };
      const envelope = { code: fault.code, message: fault.message, ...code, data: null };
      return { answer: jsonAnswer(fault.status ?? 200, envelope) };
    }
    case 'redirect':
      return { answer: textAnswer(fault.status ?? 307, '', 'text/html', { location: fault.location }) };
    case 'data': {
      const { patch } = fault;
      const change =
        typeof patch === 'function'
          ? patch
          : (data: unknown) => (patch === null ? null : withFields(data, patch));
      return { answer: patched(answered, change) };
    }
    case 'reset':
    case 'hang':
    case 'delay':
    case 'drip':
    case 'garbage':
    case 'truncate':
      return { answer: answered, fault };
  }
}

/** Says how many bytes of a body are sent before the fault strikes. */
export function bytesBefore(answer: Answer, bytes: number | undefined): number {
  return Math.min(answer.body.length, bytes ?? Math.floor(answer.body.length / 2));
}

/** Says how large the pieces of a dripping body are, in bytes. */
export function pieceSize(answer: Answer, bytes: number | undefined): number {
  return Math.max(1, bytes ?? Math.ceil(answer.body.length / 16));
}
