/** Parses a response: redacts the text, reads the envelope, and returns its data or throws a typed error. */
import { InvalidResponseError } from '../core/errors/connection-error.js';
import { parseJson } from '../core/parse-json.js';
import { idOf } from '../core/prediction.js';
import { readMessageFields, readReason } from '../core/reason.js';
import { describeServiceCode, findServiceCode, isRefusal, type ServiceCode } from '../core/service-codes.js';
import { STATUS_TEXTS } from '../core/status-text.js';
import { isRecord } from '../utils/is-record.js';
import { createApiError } from './create-api-error.js';
import { redactError, redactText } from './redact.js';
import { parseRetryAfter } from './retry-after.js';
import type { RawResponse } from './types.js';

export interface RequestInfo {
  method: 'GET' | 'POST';
  path: string;
  predictionId?: string | undefined;
}

export function parseResponse(response: RawResponse, request: RequestInfo, key: string): unknown {
  const { status } = response;
  const whole = response.text ?? response.partialText;
  const text = whole === undefined ? undefined : redactText(whole, key);
  const parsed = response.text === undefined ? undefined : tryParse(text);
  const envelope = isRecord(parsed) ? parsed : undefined;

  const isHttpSuccess = status >= 200 && status < 300;
  const serviceCode = envelope && findServiceCode(envelope);
  if (isHttpSuccess && envelope !== undefined && isSuccess(envelope, serviceCode)) {
    // A bare answer without the envelope, as in webhooks, is accepted.
    return envelope.data ?? envelope;
  }

  const code = Number(envelope?.code);
  const effective = isHttpSuccess && code >= 400 && code <= 599 ? code : status;
  const header = (name: string) => {
    const value = response.header(name);
    return value === undefined ? undefined : redactText(value, key);
  };
  const requestId = header('x-request-id') ?? header('cf-ray');
  const statusText = redactText(response.statusText, key) || (STATUS_TEXTS[effective] ?? '');
  const shown =
    effective === status ? `${status} ${statusText}`.trim() : `${effective} (under HTTP ${status})`;
  const trail = requestId === undefined ? '' : ` (request id ${requestId})`;
  const line = (detail: string) => `[${request.method}] ${request.path}: ${shown}${detail}${trail}`;
  const predictionId =
    request.predictionId ?? (request.method === 'POST' ? findPredictionId(parsed ?? text) : undefined);
  const cause =
    response.bodyError === undefined ? {} : { cause: redactError(response.bodyError, key) as unknown };

  if (status < 400 && (!isHttpSuccess || envelope === undefined)) {
    const problem = describeInvalidResponse(response, text, header('location'));
    throw new InvalidResponseError(line(problem), { status, body: text, predictionId, ...cause });
  }
  const reason =
    envelope === undefined ? readReason(parsed) || readPlainText(text) : readEnvelopeReason(envelope);
  const meaning = describeServiceCode(serviceCode);
  const detail = `${reason === '' ? '' : `: ${reason}`}${meaning === undefined ? '' : ` (${meaning}, code ${serviceCode})`}`;
  throw createApiError(line(detail), reason, {
    status: effective,
    code: serviceCode,
    requestId,
    // Prefer the service's clock: this machine's may be wrong.
    retryAfterMs: parseRetryAfter(
      response.header('retry-after'),
      Date.parse(response.header('date') ?? '') || Date.now(),
    ),
    body: parsed ?? text,
    predictionId,
    ...cause,
  });
}

const RESULT_URL = /\/api\/v3\/predictions\/([^/"\\\s]+)\/result\b/;
const ID_FIELD = /"id"\s*:\s*(?:"([^"\\\s]+)"|(\d+)\s*[,}])/;
const BARE_TASK = /^\s*\{[^{}[\]]*$/;

/**
 * Finds a task's id in any response, parsed or as text, even in an error: anywhere in `data`, at the top of a bare
 * task, or in a result URL. A response that contains an id means that the submit was accepted.
 */
export function findPredictionId(body: unknown): string | undefined {
  return typeof body === 'string' ? findIdInText(body) : findIdInJson(body);
}

function findIdInJson(body: unknown): string | undefined {
  const { data } = isRecord(body) ? body : {};
  const isBareTask =
    isRecord(body) && ['status', 'urls', 'outputs', 'created_at'].some((field) => Object.hasOwn(body, field));
  return findId(data, MAX_ID_DEPTH) ?? (isBareTask ? idOf(body) : undefined) ?? findIdInUrl(body);
}

/** The text may be truncated. */
function findIdInText(text: string): string | undefined {
  const dataAt = text.search(/"data"\s*:/);
  const field = ID_FIELD.exec(dataAt === -1 ? text : text.slice(dataAt));
  const isInTask = dataAt !== -1 || (field !== null && BARE_TASK.test(text.slice(0, field.index)));
  return (isInTask ? (field?.[1] ?? field?.[2]) : undefined) ?? RESULT_URL.exec(text)?.[1];
}

const MAX_ID_DEPTH = 4;

function findId(value: unknown, depth: number): string | undefined {
  const id = idOf(value);
  if (id !== undefined || typeof value !== 'object' || value === null || depth === 0) return id;
  for (const inner of Object.values(value)) {
    const found = findId(inner, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

const findIdInUrl = (body: unknown) =>
  body === undefined ? undefined : RESULT_URL.exec(JSON.stringify(body))?.[1];

function describeInvalidResponse(
  response: RawResponse,
  text: string | undefined,
  location: string | undefined,
): string {
  if (response.status >= 300) {
    return `: redirected ${location === undefined ? 'without a Location' : `to ${location}`}; expected \`baseUrl\` to be the API's own origin`;
  }
  if (response.text !== undefined) {
    const encoding =
      response.header('content-encoding') ?? (text?.startsWith(GZIP_START) === true ? 'gzip' : '');
    const words = readPlainText(text);
    const got = encoding === '' ? words && `, got "${words}"` : `; it is compressed (${encoding})`;
    return `: expected an API response (JSON)${got}`;
  }
  return response.bodyError instanceof InvalidResponseError
    ? `: ${response.bodyError.message}`
    : ': the response was cut short';
}

/** `code` repeats the HTTP status, or is 0; a refusal may have a code of its own, or only an `error`. */
function isSuccess(envelope: Record<string, unknown>, serviceCode: ServiceCode | undefined): boolean {
  const code = Number(envelope.code ?? 200);
  if (code !== 0 && (code < 200 || code > 299)) return false;
  const isEmpty = envelope.data === undefined || envelope.data === null;
  const saysNo = isEmpty && ERROR_FIELDS.some((field) => readReason(envelope[field]) !== '');
  return !(saysNo || isRefusal(serviceCode)) || findPredictionId(envelope) !== undefined;
}

function readEnvelopeReason(envelope: Record<string, unknown>): string {
  const { data } = envelope;
  return readMessageFields(envelope) || (isRecord(data) ? readMessageFields(data) : readReason(data));
}

const ERROR_FIELDS = ['error', 'errors', 'detail'];

/** How the first bytes of gzip are read as text. */
const GZIP_START = '\u001F\uFFFD';
const MAX_TEXT_CHARACTERS = 200;

/** Returns the words of a body that is plain text; a page says nothing. */
function readPlainText(text = ''): string {
  const words = text.trim();
  return /^[<{[]|[^\P{Cc}\s]|\uFFFD/u.test(words) || words.length > MAX_TEXT_CHARACTERS ? '' : words;
}

function tryParse(text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
