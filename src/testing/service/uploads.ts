/** Media uploads by multipart form or by ticket and PUT, and the uploaded files. */
import { createHash, randomBytes } from 'node:crypto';
import { KEPT_MS, newId } from './account.js';
import type { EmulatorClock } from './clock.js';
import { bytesFile, serveFile } from './files.js';
import { mediaType, OTHER_LIMIT, tooLarge } from './media-types.js';
import { rejectKey, storageError } from './storage-error.js';
import type { Settings } from '../options.js';
import type { LoggedRequest } from '../network/request-log.js';
import type { Route } from '../network/route.js';
import {
  type WireResponse,
  bytesBody,
  errorResponse,
  readAll,
  successResponse,
  type WireRequest,
} from '../network/wire.js';

/** An uploaded file. */
export interface EmulatedUpload {
  readonly id: string;
  readonly filename: string;
  readonly contentType: string;
  /** In bytes. */
  readonly size: number;
  /** Its download URL, for `images` or `video`. */
  readonly url: string;
  /** The kind of upload. */
  readonly via: 'ticket' | 'binary';
  /** Content; empty with `keepUploads: false`. */
  readonly bytes: Uint8Array;
  /** Time of the upload, in milliseconds since 1970. */
  readonly at: number;
}

type Ticket = {
  id: string;
  filename: string;
  contentType: string;
  size: number;
  headers: Record<string, string>;
  signature: string;
  url: string;
};

/** Most files that are kept, and most of their bytes: a long run does not fill the memory. */
const MOST_FILES = 5000;
const MOST_BYTES = 256 * 1024 * 1024;

/** Room for the largest file and the form around it, in bytes. */
const BODY_LIMIT = OTHER_LIMIT + 1024 * 1024;

/** Headers that HTTP clients add themselves. Any other header of a PUT must be in its ticket. */
const CLIENT_HEADERS =
  /^(host|connection|content-length|transfer-encoding|accept|accept-encoding|accept-language|user-agent|sec-fetch-mode|cache-control|pragma|priority|te|expect|date|traceparent|tracestate|baggage|cf-worker)$/;

export class Uploads {
  readonly files: EmulatedUpload[] = [];
  readonly #tickets = new Map<string, Ticket>();
  readonly #clock: EmulatorClock;
  readonly #settings: Settings;
  readonly #base: () => string;

  constructor(clock: EmulatorClock, settings: Settings, base: () => string) {
    this.#clock = clock;
    this.#settings = settings;
    this.#base = base;
  }

  /** `POST /media/uploads`. */
  ticket(body: unknown): WireResponse {
    if (!this.#settings.ticketUploads) return errorResponse(404, 'page not found');
    const { filename, size, content_type } = (body ?? {}) as Record<string, unknown>;
    if (typeof filename !== 'string' || filename === '')
      return errorResponse(400, "property 'filename' is required");
    if (!Number.isSafeInteger(size) || (size as number) <= 0) {
      return errorResponse(400, "property 'size' must be a positive integer");
    }
    const contentType = mediaType(filename, typeof content_type === 'string' ? content_type : undefined);
    if (contentType === undefined) return errorResponse(400, `unsupported file type: ${filename}`);
    const large = tooLarge(contentType, size as number);
    if (large !== undefined) return errorResponse(400, large);

    const id = newId();
    const signature = randomBytes(16).toString('hex');
    const ticket: Ticket = {
      id,
      filename,
      contentType,
      size: size as number,
      headers: {
        'Content-Type': contentType,
        'x-upload-token': randomBytes(8).toString('hex'),
        ...(this.#settings.conditionalUploads ? { 'If-None-Match': '*' } : {}),
      },
      signature,
      url: this.#url(id, filename),
    };
    this.#tickets.set(id, ticket);
    for (const oldest of this.#tickets.keys()) {
      if (this.#tickets.size <= MOST_FILES) break;
      this.#tickets.delete(oldest);
    }
    return successResponse({
      type: mediaKind(contentType),
      download_url: ticket.url,
      filename,
      size,
      upload: {
        method: 'PUT',
        url: `${this.#base()}/storage/${id}?X-Signature=${signature}`,
        headers: ticket.headers,
      },
    });
  }

  async put(request: WireRequest, route: Route, entry: LoggedRequest): Promise<WireResponse> {
    const ticket = this.#tickets.get(route.name);
    const wrong = this.#rejectPut(request, ticket);
    const { bytes, size } = await this.#read(request.body, entry, wrong === undefined);
    if (wrong !== undefined || ticket === undefined) {
      return wrong ?? storageError(404, 'NoSuchKey', 'no ticket');
    }
    if (this.#settings.conditionalUploads && this.files.some((file) => file.id === ticket.id)) {
      return storageError(412, 'PreconditionFailed', 'The file is already stored.');
    }
    if (size !== ticket.size) {
      return storageError(400, 'IncompleteBody', `got ${size} bytes, the ticket is for ${ticket.size}`);
    }
    this.#keep({ ...ticket, via: 'ticket', size, bytes });
    const etag = `"${createHash('md5').update(ticket.id).digest('hex')}"`;
    return { status: 200, headers: { etag }, body: bytesBody(new Uint8Array()) };
  }

  /** `POST /media/upload/binary`. */
  async binary(request: WireRequest, entry: LoggedRequest): Promise<WireResponse> {
    const body = await readAll(counted(request.body, entry), BODY_LIMIT);
    if (body === undefined) return errorResponse(413, 'the body is too large');
    const headers = { 'content-type': request.headers['content-type'] ?? '' };
    const form = await new Response(body, { headers }).formData().catch(() => undefined);
    if (form === undefined) return errorResponse(400, 'expected multipart/form-data');
    const file = form.get('file');
    if (!(file instanceof File)) return errorResponse(400, "field 'file' is required");
    const { name: filename, size } = file;
    const contentType = mediaType(filename, file.type);
    if (contentType === undefined) return errorResponse(400, `unsupported file type: ${filename}`);
    const large = tooLarge(contentType, size);
    if (large !== undefined) return errorResponse(400, large);
    const id = newId();
    const url = this.#url(id, filename);
    const bytes = this.#settings.keepUploads ? new Uint8Array(await file.arrayBuffer()) : new Uint8Array();
    this.#keep({ id, filename, contentType, size, url, via: 'binary', bytes });
    return successResponse({ type: mediaKind(contentType), download_url: url, filename, size });
  }

  serve(request: WireRequest, route: Route): WireResponse {
    const file = this.files.find((candidate) => candidate.id === route.name);
    if (file === undefined) return storageError(404, 'NoSuchKey', 'The specified key does not exist.');
    if (this.#clock.now() - file.at > KEPT_MS) return storageError(410, 'Gone', 'The file has expired.');
    if (file.bytes.byteLength < file.size) return storageError(410, 'Gone', 'The bytes were not kept.');
    const about = { contentType: file.contentType, etag: `"${file.id}"`, modifiedMs: file.at };
    return serveFile(request.method, request.headers, bytesFile(file.bytes, about), true);
  }

  #rejectPut(request: WireRequest, ticket: Ticket | undefined): WireResponse | undefined {
    if (request.method !== 'PUT') return storageError(405, 'MethodNotAllowed', 'PUT only.');
    if (request.headers['authorization'] !== undefined) return rejectKey();
    if (ticket === undefined || request.url.searchParams.get('X-Signature') !== ticket.signature) {
      return storageError(403, 'SignatureDoesNotMatch', 'The request signature does not match.');
    }
    const signed = new Map(
      Object.entries(ticket.headers).map(([name, value]) => [name.toLowerCase(), value] as const),
    );
    for (const [name, value] of signed) {
      if (request.headers[name] !== value) {
        return storageError(403, 'SignatureDoesNotMatch', `header ${name} is not as signed`);
      }
    }
    const extra = Object.keys(request.headers).find(
      (name) => !signed.has(name) && !CLIENT_HEADERS.test(name),
    );
    if (extra !== undefined)
      return storageError(403, 'SignatureDoesNotMatch', `header ${extra} is not signed`);
    // As S3 does. Without a socket the header does not exist.
    if (request.socket !== undefined && request.headers['content-length'] === undefined) {
      return storageError(411, 'MissingContentLength', 'You must provide the Content-Length HTTP header.');
    }
    return undefined;
  }

  async #read(
    body: AsyncIterable<Uint8Array>,
    entry: LoggedRequest,
    keep: boolean,
  ): Promise<{ bytes: Uint8Array; size: number }> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of counted(body, entry)) {
      size += chunk.byteLength;
      if (keep && this.#settings.keepUploads && size <= OTHER_LIMIT) chunks.push(chunk);
    }
    return { bytes: Buffer.concat(chunks), size };
  }

  #keep(file: Omit<EmulatedUpload, 'at'>): void {
    const { id, filename, contentType, size, url, via, bytes } = file;
    const previous = this.files.findIndex((other) => other.id === id);
    // A repeated PUT of the same ticket replaces the file.
    if (previous >= 0) this.files.splice(previous, 1);
    this.files.push({ id, filename, contentType, size, url, via, bytes, at: this.#clock.now() });
    if (this.files.length > MOST_FILES) this.files.shift();
    let keptBytes = 0;
    for (let index = this.files.length - 1; index >= 0; index -= 1) {
      const kept = this.files[index] as EmulatedUpload;
      keptBytes += kept.bytes.byteLength;
      if (keptBytes > MOST_BYTES) this.files[index] = { ...kept, bytes: new Uint8Array() };
    }
  }

  #url(id: string, filename: string): string {
    return `${this.#base()}/uploads/${id}/${encodeURIComponent(filename)}`;
  }
}

function mediaKind(contentType: string): string {
  return contentType.startsWith('application/') ? 'file' : (contentType.split('/')[0] ?? 'file');
}

async function* counted(body: AsyncIterable<Uint8Array>, entry: LoggedRequest): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    entry.bodyBytes += chunk.byteLength;
    yield chunk;
  }
}
