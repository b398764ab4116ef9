/** Sends requests through a custom fetch. Once it was called, nothing proves that a request was not sent. */
import { WaveSpeedError } from '../core/errors/base.js';
import { concatBytes } from '../utils/bytes.js';
import { toFetchBody, toUnrepeatableBody } from './fetch-body.js';
import { createTooLargeError, decodeText, MAX_ERROR_BYTES } from './response-body.js';
import type {
  HttpTransport,
  InFlightRequest,
  RawResponse,
  StreamRequest,
  StreamResponse,
  WireRequest,
} from './types.js';

type Fetch = typeof globalThis.fetch;

/** Next.js 13 and 14 cache GETs: the first poll would be repeated forever. Old workerd rejects the option. */
const noStore = (): object =>
  'Request' in globalThis && 'cache' in Request.prototype ? { cache: 'no-store' } : {};

export class FetchTransport implements HttpTransport {
  readonly #isGlobal: boolean;
  readonly #getFetch: () => Fetch;

  constructor(fetch: Fetch) {
    // The global fetch is looked up for each request, so that a later patch of it applies.
    this.#isGlobal = fetch === globalThis.fetch;
    this.#getFetch = this.#isGlobal ? () => globalThis.fetch : () => fetch;
  }

  start(request: WireRequest, onStart: () => void): InFlightRequest {
    const { method, url, headers, body, maxResponseBytes } = request;
    const fetch = this.#getFetch();
    const controller = new AbortController();
    let wasSent = false;
    const send = async (): Promise<RawResponse> => {
      onStart();
      wasSent = true;
      // Following a redirect would send the key to another host.
      const init = {
        method,
        headers,
        redirect: 'manual' as const,
        signal: controller.signal,
        ...noStore(),
        ...(body === undefined ? {} : this.#isGlobal ? toUnrepeatableBody(headers, body) : { body }),
      };
      let response: Response;
      try {
        response = await fetch(url.href, init);
      } catch (error) {
        // A fetch built on another client may reject with this library's errors, which do not describe this request.
        throw error instanceof WaveSpeedError ? new Error(error.message, { cause: error }) : error;
      }
      const head = {
        status: response.status,
        statusText: response.statusText,
        // A custom fetch may return an incomplete Response.
        header: (name: string) => (response.headers as Headers | undefined)?.get(name) ?? undefined,
      };
      return { ...head, ...(await readBody(response, maxResponseBytes, controller)) };
    };
    return {
      response: send(),
      wasSent: () => wasSent,
      abort: (reason) => controller.abort(reason),
    };
  }

  async stream(request: StreamRequest): Promise<StreamResponse> {
    const { method, url, headers, body, signal } = request;
    const response = await this.#getFetch()(url.href, {
      method,
      headers,
      redirect: 'manual',
      signal,
      ...noStore(),
      ...(body === undefined ? {} : await toFetchBody(body)),
    });
    return {
      status: response.status,
      statusText: response.statusText,
      header: (name) => response.headers.get(name) ?? undefined,
      body: response.body ?? (async function* () {})(),
      discard: () => void response.body?.cancel().catch(() => undefined),
      // Not known: a custom fetch may check the end of the body itself.
      openEnded: false,
    };
  }

  async close(): Promise<void> {}
}

type Body = Pick<RawResponse, 'text' | 'bodyError' | 'partialText'>;

async function readBody(
  response: Response,
  maxResponseBytes: number,
  controller: AbortController,
): Promise<Body> {
  const isError = response.status >= 400;
  const limit = isError ? Math.min(MAX_ERROR_BYTES, maxResponseBytes) : maxResponseBytes;
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const chunksOf = response.body as AsyncIterable<Uint8Array> | null | undefined;
    // A mocked Response may only have `text()`.
    if (typeof chunksOf?.[Symbol.asyncIterator] !== 'function') return { text: await response.text() };
    for await (const chunk of chunksOf) {
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size > limit) break;
    }
  } catch (bodyError) {
    return { text: undefined, bodyError, partialText: decodeText(concatBytes(chunks)) };
  }
  const text = decodeText(concatBytes(chunks).subarray(0, limit));
  if (size <= limit) return { text };
  const bodyError = createTooLargeError(maxResponseBytes);
  controller.abort(bodyError);
  return isError ? { text } : { text: undefined, bodyError, partialText: text };
}
