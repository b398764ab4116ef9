/** Uploads one file: with a ticket and a PUT, or as a multipart form if the service has no tickets. */
import { createClientHeaders } from '../http/client-headers.js';
import {
  ApiError,
  ConnectionError,
  InvalidResponseError,
  RateLimitError,
  UploadError,
} from '../core/errors/index.js';
import { counted, readText } from './upload-body.js';
import { uploadName } from './file-name.js';
import type { FileType } from './file-type.js';
import type { ApiClient } from '../http/api-client.js';
import type { LocalFile } from './local-file.js';
import { isRecord } from '../utils/is-record.js';
import { type OnRetry, isTransient, retry } from '../http/retry.js';
import { createTransientError, formatStatus } from '../http/create-api-error.js';
import { httpUrl, labelOf } from '../http/http-url.js';
import { withIdleTimeout } from '../http/idle-timeout.js';
import type { StreamResponse } from '../http/types.js';
import type { Transport } from '../http/transport.js';
import { readTicket, TICKETS_PATH, type UploadTicket } from './upload-ticket.js';

export interface UploadDependencies {
  http: ApiClient;
  transport: Transport;
  baseUrl: string;
  clientName: string;
  maxRetries: number;
  onRetry: OnRetry | undefined;
}

export interface ValidatedFile extends LocalFile {
  label: string;
  type: FileType;
}

export interface UploadCall {
  signal: AbortSignal;
  maxRetries: number;
  onBytes: (loaded: number) => void;
}

const FORM_PATH = '/api/v3/media/upload/binary';

export class Uploader {
  readonly #deps: UploadDependencies;
  #hasTickets = true;

  constructor(dependencies: UploadDependencies) {
    this.#deps = dependencies;
  }

  async upload(file: ValidatedFile, call: UploadCall): Promise<string> {
    const ticket = this.#hasTickets ? await this.#requestTicket(file, call) : undefined;
    if (ticket === undefined) return this.#retry(call, () => this.#post(file, call));
    const outcome = { mayBeStored: false };
    await this.#retry(call, () => this.#put(file, ticket, call, outcome));
    return ticket.downloadUrl;
  }

  async #requestTicket(file: ValidatedFile, call: UploadCall): Promise<UploadTicket | undefined> {
    const { signal } = call;
    const body = {
      filename: uploadName(file.name, file.type),
      size: file.size,
      content_type: file.type.contentType,
    };
    const request = () => this.#deps.http.request({ method: 'POST', path: TICKETS_PATH, body, signal });
    let data: unknown;
    try {
      data = await this.#retry(call, request);
    } catch (error) {
      if (!isUnknownEndpoint(error)) throw error;
      this.#hasTickets = false;
      return undefined;
    }
    return readTicket(data, this.#deps.baseUrl);
  }

  async #put(
    file: ValidatedFile,
    ticket: UploadTicket,
    call: UploadCall,
    outcome: { mayBeStored: boolean },
  ): Promise<void> {
    const { signal } = call;
    const request = labelOf('PUT', ticket.url);
    const label = `${request}, uploading ${file.label}`;
    const sent = { bytes: 0 };
    try {
      await withIdleTimeout({ label, signal, idleMs: this.#deps.http.requestTimeoutMs }, async (timer) => {
        const body = counted(file.chunks(), sent, timer, call.onBytes);
        try {
          const response = await this.#deps.transport.stream({
            method: 'PUT',
            url: ticket.url,
            // Only the ticket's headers, which are signed; not the API key.
            headers: { ...ticket.headers, 'content-length': String(file.size) },
            body,
            signal: timer.signal,
          });
          const text = await readText(response, timer);
          const { status } = response;
          // With `If-None-Match: *`, storage rejects a repeated PUT if an earlier one was stored.
          if (status === 412 && outcome.mayBeStored) return;
          if (status < 200 || status > 299) throw rejectedBy(response, text, file, request, label);
          this.#checkComplete(file, sent, label);
        } finally {
          // Closes the file if the request ended early; not awaited, because a read may be pending after an abort.
          void body.return().catch(() => undefined);
        }
      });
    } catch (error) {
      const isOpen = isTransient(error) && !(error instanceof RateLimitError);
      if (isOpen && sent.bytes >= file.size) outcome.mayBeStored = true;
      throw error;
    }
  }

  async #post(file: ValidatedFile, { signal, onBytes }: UploadCall): Promise<string> {
    const { http, transport, baseUrl, clientName } = this.#deps;
    const key = await http.resolveApiKey(signal);
    const label = `[POST] ${FORM_PATH}, uploading ${file.label}`;
    const boundary = `----wavespeed-kling-${crypto.randomUUID()}`;
    const head = new TextEncoder().encode(
      `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${escapeFilename(file)}"\r\n` +
        `Content-Type: ${file.type.contentType}\r\n\r\n`,
    );
    const tail = new TextEncoder().encode(`\r\n--${boundary}--\r\n`);
    return withIdleTimeout({ label, signal, idleMs: http.requestTimeoutMs, secret: key }, async (timer) => {
      const sent = { bytes: 0 };
      const chunks = counted(file.chunks(), sent, timer, onBytes);
      const form = async function* () {
        yield head;
        yield* chunks;
        yield tail;
      };
      try {
        const response = await transport.stream({
          method: 'POST',
          url: new URL(baseUrl + FORM_PATH),
          headers: {
            ...createClientHeaders(key, clientName),
            'content-type': `multipart/form-data; boundary=${boundary}`,
            'content-length': String(head.byteLength + file.size + tail.byteLength),
          },
          body: form(),
          signal: timer.signal,
        });
        const { status, statusText, header } = response;
        const text = await readText(response, timer);
        const raw = { status, statusText, header, text };
        const data = http.parseResponse(raw, { method: 'POST', path: FORM_PATH }, key);
        this.#checkComplete(file, sent, label);
        const downloadUrl = isRecord(data) ? httpUrl(data.download_url) : undefined;
        if (downloadUrl !== undefined) return downloadUrl.href;
        const message = `[POST] ${FORM_PATH}: the response has no download_url.`;
        throw new InvalidResponseError(message, { status, body: data });
      } finally {
        void chunks.return().catch(() => undefined);
      }
    });
  }

  /** Rejects an early success: the transport stops sending then, and storage has only part of the file. */
  #checkComplete(file: ValidatedFile, sent: { bytes: number }, label: string): void {
    if (sent.bytes >= file.size) return;
    // A mocked fetch responds without reading the body.
    if (sent.bytes === 0 && !this.#deps.transport.isOwn) return;
    throw new ConnectionError(
      `${label}: the server responded before it had the complete file (${sent.bytes} of ${file.size} bytes).`,
    );
  }

  #retry<T>({ signal, maxRetries }: UploadCall, attempt: () => Promise<T>): Promise<T> {
    return retry(attempt, {
      operation: 'upload',
      // Uploads are free, and a repeated PUT to the same URL changes nothing.
      shouldRetry: (error) => isTransient(error) && !isUnknownEndpoint(error),
      maxRetries,
      signal,
      onRetry: this.#deps.onRetry,
    });
  }
}

function isUnknownEndpoint(error: unknown): boolean {
  return error instanceof ApiError && [404, 405, 501].includes(error.status);
}

function rejectedBy(
  response: StreamResponse,
  text: string,
  file: ValidatedFile,
  request: string,
  label: string,
): Error {
  const transient = createTransientError(response, label);
  if (transient !== undefined) return transient;
  // Only the code: the rest of the body can contain the signature.
  const code = /<Code>([A-Za-z]{1,60})<\/Code>/.exec(text)?.[1];
  const problem = `${request}: ${formatStatus(response)}${code === undefined ? '' : ` (${code})`}`;
  return new UploadError('refused', file.label, problem, { status: response.status });
}

const escapeFilename = ({ name, type }: ValidatedFile): string =>
  uploadName(name, type).replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
