/** Requests an output over its redirects, and rejects responses that are not a media file. */
import type { DownloadError, DownloadErrorReason } from '../core/errors/index.js';
import { createTransientError, formatStatus } from '../http/create-api-error.js';
import { httpUrl } from '../http/http-url.js';
import type { IdleTimer } from '../http/idle-timeout.js';
import type { StreamResponse } from '../http/types.js';
import type { Transport } from '../http/transport.js';
import { VERSION } from '../core/version.js';
import { forbiddenReason } from './media-url.js';
import { ageOf, encodingOf, locationOf, transferCodingOf } from './response-headers.js';

export type CreateError = (
  reason: DownloadErrorReason,
  problem: string,
  options?: { status?: number; cause?: unknown },
) => DownloadError;

export interface OutputRequest {
  transport: Transport;
  url: URL;
  baseUrl: string;
  /** Requests the rest of the file from this byte, if its version still matches the validator. */
  rest: { start: number; validator: string } | undefined;
  createError: CreateError;
}

const MAX_REDIRECTS = 5;
/** How long the service keeps outputs. */
const KEPT_MS = 7 * 24 * 60 * 60_000;
/** Storage may show an output this long after its task was completed. */
const APPEARS_WITHIN_MS = 60_000;

export async function requestOutput(request: OutputRequest, timer: IdleTimer): Promise<StreamResponse> {
  const { transport, baseUrl, rest, createError } = request;
  const headers: Record<string, string> = {
    accept: '*/*',
    // Encoded bytes can be neither counted nor resumed.
    'accept-encoding': 'identity',
    // Some CDNs answer 403 to requests without one.
    'user-agent': `wavespeed-kling/${VERSION}`,
    ...(rest && { range: `bytes=${rest.start}-`, 'if-range': rest.validator }),
  };
  let { url } = request;
  for (let redirects = 0; ; redirects++) {
    const response = await transport.stream({ method: 'GET', url, headers, signal: timer.signal });
    timer.refresh();
    const location = locationOf(response);
    if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return response;
    response.discard();
    if (redirects === MAX_REDIRECTS) {
      throw createError('refused', `redirected more than ${MAX_REDIRECTS} times`);
    }
    const next = httpUrl(location, url);
    if (next === undefined) {
      throw createError('refused', 'redirected to something that is not an http(s) URL');
    }
    const reason = forbiddenReason(next, new URL(baseUrl));
    if (reason !== undefined) throw createError('refused', `redirected to ${next.origin}: ${reason}`);
    url = next;
  }
}

/** Returns true if an output that is not there may appear: right after completion, storage can lag behind. */
export function mayAppear(response: StreamResponse, completedAt: number | undefined): boolean {
  return response.status === 404 && ageOf(response, completedAt) < APPEARS_WITHIN_MS;
}

export interface ExpectedResponse {
  isRest: boolean;
  label: string;
  completedAt: number | undefined;
  createError: CreateError;
}

export function checkResponse(response: StreamResponse, expected: ExpectedResponse): void {
  const { isRest, label, createError } = expected;
  const { status } = response;
  const transient = createTransientError(response, label);
  if (transient !== undefined) throw transient;
  if (status === 403 || status === 404 || status === 410) throw missingError(response, expected);
  if (status !== 200 && !isRest) {
    throw createError('refused', `${formatStatus(response)}; expected the file`, { status });
  }
  const coding = transferCodingOf(response);
  if (coding !== '') {
    const problem = `the transfer coding is ${coding}, so that the end of the file cannot be told`;
    throw createError('incomplete', problem, { status });
  }
  const encoding = encodingOf(response);
  if (encoding !== '') {
    const problem = `the response is encoded as ${encoding}, which was not requested`;
    throw createError('refused', problem, { status });
  }
  const contentType = response.header('content-type') ?? '';
  const isMedia = contentType.includes('/') && !/^text\/html|[/+](?:json|xml)\s*(?:;|$)/i.test(contentType);
  if (!isRest && contentType !== '' && !isMedia) {
    const problem = `the content type is ${JSON.stringify(contentType)}; expected a video or an image`;
    throw createError('not_media', problem, { status });
  }
}

function missingError(
  response: StreamResponse,
  { completedAt, createError }: ExpectedResponse,
): DownloadError {
  const { status } = response;
  const age = ageOf(response, completedAt);
  // 410 Gone: the server itself says so.
  if (status === 410 || Number.isNaN(age) || age >= KEPT_MS) {
    const problem = `${formatStatus(response)}. The service keeps outputs for 7 days, then deletes them`;
    return createError('expired', problem, { status });
  }
  const minutes = Math.max(0, Math.round(age / 60_000));
  const problem =
    `${formatStatus(response)}, although the task was completed about ${minutes} min ago, and the service keeps ` +
    'outputs for 7 days';
  return createError('refused', problem, { status });
}
