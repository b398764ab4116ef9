/**
 * Uploads one file: by a ticket and its PUT, or, where the service does not know tickets, as a multipart form.
 */
import { randomBytes } from 'node:crypto';
import { VERSION } from '../core/version.js';
import { orAbort } from '../utils/abort.js';
import { ApiError, ConnectionError, InvalidResponseError, UploadError } from '../core/errors/index.js';
import type { FileKind } from './file-type.js';
import { endOf } from './file-name.js';
import type { ApiClient } from '../http/api-client.js';
import { CHUNK_BYTES, type LocalFile } from './local-file.js';
import { isRecord } from '../utils/is-record.js';
import { type OnRetry, readMayBeRepeated, retrying } from '../http/retry.js';
import {
  carry,
  httpUrl,
  labelOf,
  passingError,
  statusLine,
  type StreamWatch,
} from '../http/stream-request.js';
import type { StreamAnswer, Transport } from '../http/transport.js';

/** What uploads are made with. */
export interface UploadMeans {
  http: ApiClient;
  transport: Transport;
  /** Origin and, behind a proxy, a path; without a slash at its end. */
  baseUrl: string;
  clientName: string;
  maxRetries: number;
  onRetry: OnRetry | undefined;
}

/** A file that was found fit to be uploaded. */
export interface FitFile extends LocalFile {
  /** How errors name it. */
  label: string;
  kind: FileKind;
}

/** Where a ticket says that the bytes go. */
interface Ticket {
  downloadUrl: string;
  url: URL;
  headers: Record<string, string>;
}

const TICKETS_PATH = '/api/v3/media/uploads';
const FORM_PATH = '/api/v3/media/upload/binary';

/** What a header may be: a token, and text without control characters (RFC 9110, 5.6.2 and 5.5). */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** How much of an answer is read: the service's own are shorter. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Uploads files, and remembers whether the service knows tickets. */
export class Uploader {
  readonly #means: UploadMeans;
  #ticketsUnknown = false;

  constructor(means: UploadMeans) {
    this.#means = means;
  }

  /** Uploads a file and gives its URL. `onBytes` is told how many bytes are on their way; from 0 again when it is repeated. */
  async upload(file: FitFile, signal: AbortSignal, onBytes: (loaded: number) => void): Promise<string> {
    const ticket = this.#ticketsUnknown ? undefined : await this.#ticket(file, signal);
    if (ticket === undefined) {
      return this.#retry(signal, () => this.#post(file, signal, onBytes));
    }
    await this.#retry(signal, () => this.#put(file, ticket, signal, onBytes));
    return ticket.downloadUrl;
  }

  /** Asks for a ticket; undefined where the service does not know them. */
  async #ticket(file: FitFile, signal: AbortSignal): Promise<Ticket | undefined> {
    const body = { filename: filenameOf(file), size: file.size, content_type: file.kind.contentType };
    const ask = () => this.#means.http.request({ method: 'POST', path: TICKETS_PATH, body, signal });
    let data: unknown;
    try {
      data = await this.#retry(signal, ask);
    } catch (error) {
      if (!isUnknownEndpoint(error)) throw error;
      this.#ticketsUnknown = true;
      return undefined;
    }
    return readTicket(data);
  }

  async #put(
    file: FitFile,
    ticket: Ticket,
    signal: AbortSignal,
    onBytes: (loaded: number) => void,
  ): Promise<void> {
    const label = `${labelOf('PUT', ticket.url)}, uploading ${file.label}`;
    await carry({ label, signal, idleMs: this.#means.http.requestTimeoutMs }, async (watch) => {
      const handed = { bytes: 0 };
      const chunks = file.chunks(this.#means.transport.letsGoOf(CHUNK_BYTES));
      const body = counted(chunks, handed, watch, onBytes);
      try {
        const answer = await this.#means.transport.stream({
          method: 'PUT',
          url: ticket.url,
          // Nothing but what the ticket names: its signature may be over all of them. Above all not the key.
          headers: { ...ticket.headers, 'content-length': String(file.size) },
          body,
          signal: watch.signal,
        });
        const said = await readText(answer, watch);
        if (answer.status >= 200 && answer.status < 300) {
          this.#checkWhole(file, handed, label);
          return;
        }
        const passing = passingError(answer, label);
        if (passing !== undefined) throw passing;
        // Only the code: what storage explains beside it can hold the signature.
        const code = /<Code>([A-Za-z]{1,60})<\/Code>/.exec(said)?.[1];
        throw new UploadError(
          'refused',
          file.label,
          `${labelOf('PUT', ticket.url)}: ${statusLine(answer)}${code === undefined ? '' : ` (${code})`}`,
          { status: answer.status },
        );
      } finally {
        // Closes the file, where sending stopped halfway; after a pending read, which an abort does not wait for.
        void body.return().catch(() => undefined);
      }
    });
  }

  async #post(file: FitFile, signal: AbortSignal, onBytes: (loaded: number) => void): Promise<string> {
    const { http, transport, baseUrl, clientName } = this.#means;
    const key = await http.resolveApiKey(signal);
    const url = new URL(baseUrl + FORM_PATH);
    const label = `[POST] ${FORM_PATH}, uploading ${file.label}`;
    const boundary = `----wavespeed-kling-${randomBytes(12).toString('hex')}`;
    const head = Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${quoted(filenameOf(file))}"\r\n` +
        `Content-Type: ${file.kind.contentType}\r\n\r\n`,
    );
    const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
    return carry({ label, signal, idleMs: http.requestTimeoutMs }, async (watch) => {
      const handed = { bytes: 0 };
      const chunks = counted(file.chunks(transport.letsGoOf(CHUNK_BYTES)), handed, watch, onBytes);
      const form = async function* () {
        yield head;
        yield* chunks;
        yield tail;
      };
      try {
        const answer = await transport.stream({
          method: 'POST',
          url,
          headers: {
            accept: 'application/json',
            authorization: `Bearer ${key}`,
            'content-type': `multipart/form-data; boundary=${boundary}`,
            'content-length': String(head.byteLength + file.size + tail.byteLength),
            'user-agent': `wavespeed-kling/${VERSION}`,
            'x-client-name': clientName,
            'x-client-os': process.platform === 'win32' ? 'windows' : process.platform,
            'x-client-version': VERSION,
          },
          body: form(),
          signal: watch.signal,
        });
        const text = await readText(answer, watch);
        const { status, statusText, header } = answer;
        const data = http.parseResponse(
          { status, statusText, header, text },
          { method: 'POST', path: FORM_PATH },
          key,
        );
        this.#checkWhole(file, handed, label);
        const downloadUrl = isRecord(data) ? httpUrl(data.download_url) : undefined;
        if (downloadUrl !== undefined) return downloadUrl.href;
        throw new InvalidResponseError(`[POST] ${FORM_PATH}: the answer has no download_url in it.`, {
          status,
          body: data,
        });
      } finally {
        void chunks.return().catch(() => undefined);
      }
    });
  }

  /** Refuses a success that came too early: the transport stops sending then, and storage has a piece of the file. */
  #checkWhole(file: FitFile, handed: Handed, label: string): void {
    if (handed.bytes >= file.size) return;
    // A caller's stand-in for the network answers without reading anything.
    if (handed.bytes === 0 && !this.#means.transport.isOwn) return;
    throw new ConnectionError(
      `${label}: answered before it had the whole file (${handed.bytes} of ${file.size} bytes).`,
    );
  }

  #retry<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    const { maxRetries, onRetry } = this.#means;
    return retrying(attempt, {
      operation: 'upload',
      // A second upload of the same bytes costs nothing, and a second PUT to the same URL changes nothing.
      allows: (error) => readMayBeRepeated(error) && !isUnknownEndpoint(error),
      maxRetries,
      signal,
      onRetry,
    });
  }
}

/** Tells whether the service does not know an endpoint. */
function isUnknownEndpoint(error: unknown): boolean {
  return error instanceof ApiError && [404, 405, 501].includes(error.status);
}

function readTicket(data: unknown): Ticket {
  const fail = (problem: string): never => {
    // The body holds a signed URL: it is not shown.
    throw new InvalidResponseError(`[POST] ${TICKETS_PATH}: ${problem}.`);
  };
  const { download_url, upload } = isRecord(data) ? data : {};
  const downloadUrl = httpUrl(download_url) ?? fail('the answer has no download_url in it');
  if (!isRecord(upload)) return fail('the answer does not say where the file goes');
  const { method, headers } = upload;
  if (typeof method !== 'string' || method.toUpperCase() !== 'PUT') {
    return fail(`the file is to be sent by ${JSON.stringify(method) ?? 'no method'}; expected PUT`);
  }
  const url = httpUrl(upload.url) ?? fail('the answer has no URL to send the file to');
  const signed: Record<string, string> = {};
  for (const [name, value] of Object.entries(isRecord(headers) ? headers : {})) {
    // The length is ours to say, and the same.
    if (value === null || name.toLowerCase() === 'content-length') continue;
    // A list of one, as Go writes headers, is as good.
    const single: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
    const text = typeof single === 'number' ? String(single) : single;
    if (typeof text !== 'string' || !HEADER_VALUE.test(text) || !HEADER_NAME.test(name)) {
      // Names what is wrong, not the value: it may be part of the signature.
      return fail(
        `the header ${JSON.stringify(name)} to send with the file is none that a request can carry`,
      );
    }
    signed[name] = text;
  }
  return { downloadUrl: downloadUrl.href, url, headers: signed };
}

/** How much of a file was handed to the transport: more than was sent, as long as the last piece is on its way. */
interface Handed {
  bytes: number;
}

/** Passes bytes on as they are asked for, which is when those before them have been taken. */
async function* counted(
  chunks: AsyncGenerator<Uint8Array, void, void>,
  handed: Handed,
  watch: StreamWatch,
  onBytes: (loaded: number) => void,
): AsyncGenerator<Uint8Array, void, void> {
  let loaded = 0;
  for await (const chunk of chunks) {
    watch.touch();
    handed.bytes += chunk.byteLength;
    yield chunk;
    loaded += chunk.byteLength;
    watch.touch();
    onBytes(loaded);
  }
}

/** Reads an answer's text: to its end, so that the connection can be used again, but no more than could be of use. */
async function readText(answer: StreamAnswer, watch: StreamWatch): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  const iterator = answer.body[Symbol.asyncIterator]();
  while (size <= MAX_ANSWER_BYTES) {
    const { done, value } = await orAbort(iterator.next(), watch.signal);
    if (done === true) return new TextDecoder().decode(Buffer.concat(pieces));
    watch.touch();
    size += value.byteLength;
    pieces.push(value);
  }
  // A web page, say. Its status tells all that there is to know.
  answer.discard();
  return new TextDecoder().decode(Buffer.concat(pieces).subarray(0, MAX_ANSWER_BYTES));
}

/** File systems, and storage that has them beneath it, take 255 bytes; some of that is for a prefix. */
const MAX_NAME_BYTES = 200;

/** Names a file to the service: with an ending that fits its content, since the service and its storage go by it. */
function filenameOf({ name, kind }: FitFile): string {
  const given = endOf(name ?? kind.group, MAX_NAME_BYTES);
  const ending = /\.([^.]+)$/.exec(given)?.[1]?.toLowerCase();
  return ending !== undefined && kind.endings.includes(ending) ? given : `${given}.${kind.endings[0]}`;
}

/** Escapes a filename in a form, as browsers do. */
const quoted = (filename: string): string =>
  filename.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
