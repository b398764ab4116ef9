/**
 * Fetches one output into a part file: goes on where it broke off, begins anew where it must, and takes nothing short for whole.
 */
import { orAbort, sleep } from '../utils/abort.js';
import {
  ConnectionError,
  DownloadError,
  type DownloadErrorReason,
  WaveSpeedError,
} from '../core/errors/index.js';
import { endingFor, sniff } from './file-type.js';
import { alreadyThere, diskError, isThere, PartFile } from './partial-file.js';
import { announceRetry, delayAfter, type OnRetry, readMayBeRepeated, retrying } from '../http/retry.js';
import { carry, httpUrl, passingError, statusLine, type StreamWatch } from '../http/stream-request.js';
import type { StreamAnswer, Transport } from '../http/transport.js';

/** What downloads are made with. The key is not among it: no output needs it. */
export interface DownloadMeans {
  transport: Transport;
  requestTimeoutMs: number;
  maxRetries: number;
  onRetry: OnRetry | undefined;
}

/** One output, and what it is to be called. */
export interface Output {
  url: URL;
  /** The absolute path without its ending. */
  stem: string;
  /** The ending in the URL, where it is one of a video or image. */
  ending: string | undefined;
  /** What the ending can turn out to be. */
  possibleEndings: Iterable<string>;
  /** What errors call it: its URL without the query, and its task. */
  label: string;
  predictionId: string | undefined;
}

/** How far a download is. */
export interface DownloadProgress {
  /** Which output it is about. */
  url: string;
  /** How many bytes of it are written. Less than before when it had to begin anew. */
  loaded: number;
  /** How many there are in all; undefined where the server does not say. */
  total: number | undefined;
}

/** What the caller chose. */
export interface DownloadChoices {
  signal: AbortSignal | undefined;
  /** Must not throw. */
  onProgress: (progress: DownloadProgress) => void;
  overwrite: boolean;
}

/** How much is gathered while a write is under way, in bytes. */
const BATCH_BYTES = 256 * 1024;

/** How many new bytes make an attempt one that got somewhere, after which attempts are counted anew. */
const WORTHWHILE_BYTES = 64 * 1024;

const MAX_REDIRECTS = 5;

/** One output's download, over all its attempts. */
export class OutputDownload {
  readonly #means: DownloadMeans;
  readonly #output: Output;
  readonly #choices: DownloadChoices;
  #part: PartFile | undefined;
  /** The path it is to have, once its ending is known. */
  #target: string | undefined;
  #received = 0;
  /** The most that was ever received. */
  #furthest = 0;
  #total: number | undefined;
  /** What a later answer must still be the answer of, if it is to be joined to this one. */
  #validator: string | undefined;
  /** What was said of the file's edition, whether it proves anything or not. */
  #edition: Edition = {};
  #contentType: string | undefined;

  constructor(means: DownloadMeans, output: Output, choices: DownloadChoices) {
    this.#means = means;
    this.#output = output;
    this.#choices = choices;
  }

  /** What there is once it is published. */
  get file(): { path: string; url: string; bytes: number; contentType: string | undefined } {
    return {
      path: this.#path,
      url: this.#output.url.href,
      bytes: this.#received,
      contentType: this.#contentType,
    };
  }

  get #path(): string {
    return this.#target ?? this.#output.stem;
  }

  /** Fetches it whole into its part file. */
  async fetch(): Promise<void> {
    const { maxRetries, onRetry } = this.#means;
    const { signal } = this.#choices;
    const { predictionId } = this.#output;
    for (;;) {
      const before = this.#furthest;
      const gotSomewhere = () => this.#furthest - before >= WORTHWHILE_BYTES;
      try {
        await retrying(() => this.#attempt(), {
          operation: 'download',
          allows: (error) => readMayBeRepeated(error) && !gotSomewhere(),
          maxRetries,
          signal,
          onRetry,
          predictionId,
        });
        return;
      } catch (error) {
        if (signal?.aborted === true || !(error instanceof WaveSpeedError)) throw error;
        if (!readMayBeRepeated(error) || !gotSomewhere() || maxRetries === 0) throw this.#final(error);
        // It broke off, but it had got on: with a bad line, a long file takes more attempts than a short one.
        const delayMs = delayAfter(1, error);
        const context = { operation: 'download', attempt: 1, delayMs, error } as const;
        announceRetry(predictionId === undefined ? context : { ...context, predictionId }, onRetry);
        await sleep(delayMs, signal);
      }
    }
  }

  /** Makes the part file the target, and gives its path. */
  async publish(): Promise<string> {
    const path = this.#path;
    try {
      await this.#part?.publish(path, this.#choices.overwrite);
    } catch (error) {
      throw this.#diskError(error);
    }
    return path;
  }

  /** Removes what is not published. */
  async discard(): Promise<void> {
    await this.#part?.discard();
  }

  async #attempt(): Promise<void> {
    const { requestTimeoutMs: idleMs } = this.#means;
    const { label } = this.#output;
    await carry({ label, signal: this.#choices.signal, idleMs }, async (watch) => {
      if (this.#validator === undefined) await this.#beginAnew();
      let answer = await this.#request(watch);
      try {
        if (this.#received > 0 && !this.#continues(answer)) {
          // Another file than the one begun, or a server that does not do parts: what there is, is of no use.
          const partial = answer.status === 206 || answer.status === 416;
          if (partial || answer.status === 200) await this.#beginAnew();
          if (partial) {
            answer.discard();
            answer = await this.#request(watch);
          }
        }
        this.#check(answer);
        const part = (this.#part ??= await this.#begin());
        await this.#receive(answer, part, watch);
        this.#checkWhole(answer);
        await this.#settleTarget(part);
      } catch (error) {
        answer.discard();
        throw error;
      }
    });
  }

  async #beginAnew(): Promise<void> {
    if (this.#received > 0) await this.#disk(this.#part?.empty());
    this.#received = 0;
    this.#total = undefined;
    this.#validator = undefined;
  }

  /** Asks for the file, or for the rest of it, wherever that leads. The key is never sent. */
  async #request(watch: StreamWatch): Promise<StreamAnswer> {
    const headers: Record<string, string> = {
      accept: '*/*',
      // The bytes as they are: only those can be counted, and joined.
      'accept-encoding': 'identity',
    };
    if (this.#received > 0 && this.#validator !== undefined) {
      headers.range = `bytes=${this.#received}-`;
      headers['if-range'] = this.#validator;
    }
    let { url } = this.#output;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#means.transport.stream({
        method: 'GET',
        url,
        headers,
        signal: watch.signal,
      });
      watch.touch();
      const location = answer.header('location');
      if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
      answer.discard();
      if (redirects === MAX_REDIRECTS)
        throw this.#error('refused', `redirected more than ${MAX_REDIRECTS} times`);
      const next = httpUrl(location, url);
      if (next === undefined) throw this.#error('refused', 'redirected to something that is no http(s) URL');
      url = next;
    }
  }

  /** Tells whether an answer is the rest of what was begun. */
  #continues(answer: StreamAnswer): boolean {
    if (answer.status !== 206) return false;
    const range = rangeOf(answer);
    return (
      range?.start === this.#received &&
      (range.total === undefined || this.#total === undefined || range.total === this.#total) &&
      // Servers and the caches before them overlook If-Range: a part of another edition would be joined to this one.
      !isAnother(editionOf(answer), this.#edition)
    );
  }

  /** Refuses what is not the file, and notes what is said of it. */
  #check(answer: StreamAnswer): void {
    const { status } = answer;
    const { label } = this.#output;
    const passing = passingError(answer, label);
    if (passing !== undefined) throw passing;
    if (status === 403 || status === 404 || status === 410) {
      throw this.#error(
        'expired',
        `${statusLine(answer)}. The service keeps outputs for 7 days: after that, they are gone`,
        { status },
      );
    }
    const range = status === 206 ? rangeOf(answer) : undefined;
    if (status !== 200 && range?.start !== this.#received) {
      throw this.#error('refused', `${statusLine(answer)}; expected the file`, { status });
    }
    const encoding = encodingOf(answer);
    if (encoding !== '') {
      throw this.#error('refused', `the answer is encoded as ${encoding}, which was not asked for`, {
        status,
      });
    }
    if (this.#received > 0) {
      this.#total ??= range?.total;
      return;
    }
    const contentType = answer.header('content-type');
    if (/^text\/html|[/+](?:json|xml)\s*(?:;|$)/i.test(contentType ?? '')) {
      throw this.#error('not_media', `the answer is ${contentType}; expected a video or an image`, {
        status,
      });
    }
    this.#contentType = contentType;
    this.#total = range === undefined ? lengthOf(answer) : range.total;
    this.#validator = validatorOf(answer);
    this.#edition = editionOf(answer);
    const ending = endingFor(contentType) ?? this.#output.ending;
    this.#target = ending === undefined ? undefined : `${this.#output.stem}.${ending}`;
  }

  async #begin(): Promise<PartFile> {
    await this.#refuseTarget();
    const created = PartFile.create(this.#output.stem);
    await this.#disk(created);
    return created;
  }

  async #refuseTarget(): Promise<void> {
    if (this.#target === undefined || this.#choices.overwrite) return;
    if (await isThere(this.#target)) throw alreadyThere(this.#target, this.#output.predictionId);
  }

  /** Writes the body as it comes: while one piece is being written, those that follow are gathered. */
  async #receive(answer: StreamAnswer, part: PartFile, watch: StreamWatch): Promise<void> {
    let batch: Uint8Array[] = [];
    let size = 0;
    let writing: Promise<void> | undefined;
    let failure: { error: unknown } | undefined;
    const write = () => {
      const pieces = batch;
      const bytes = size;
      batch = [];
      size = 0;
      writing = this.#disk(part.write(pieces, this.#received))
        .then(() => {
          this.#received += bytes;
          this.#furthest = Math.max(this.#furthest, this.#received);
          watch.touch();
          const url = this.#output.url.href;
          this.#choices.onProgress({ url, loaded: this.#received, total: this.#total });
        })
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => {
          writing = undefined;
        });
    };
    const iterator = answer.body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await orAbort(iterator.next(), watch.signal);
        if (done === true) break;
        watch.touch();
        batch.push(value);
        size += value.byteLength;
        if (size >= BATCH_BYTES) await writing;
        if (failure !== undefined) throw failure.error;
        if (writing === undefined) write();
      }
    } finally {
      // What came before it broke off need not come again; and nothing may be written once this has settled.
      await writing;
      if (size > 0 && failure === undefined && !watch.signal.aborted) write();
      await writing;
    }
    if (failure !== undefined) throw failure.error;
  }

  #checkWhole(answer: StreamAnswer): void {
    const [received, total] = [this.#received, this.#total];
    if (total === undefined && answer.openEnded) {
      throw this.#error(
        'incomplete',
        `the server did not say how long the file is, so that it cannot be told whether ${received} bytes are all of it`,
      );
    }
    if (total !== undefined && received !== total) {
      // More than all of it is as wrong as less, and nothing that could be gone on with.
      if (received > total) this.#validator = undefined;
      throw new ConnectionError(`${this.#output.label}: it ended after ${received} of ${total} bytes.`);
    }
    if (received === 0) throw this.#error('not_media', 'the file is empty');
  }

  /** Finds the ending by the content, where neither the server nor the URL told it. */
  async #settleTarget(part: PartFile): Promise<void> {
    if (this.#target !== undefined) return;
    const read = (start: number, end: number) => part.read(start, end);
    let found: Awaited<ReturnType<typeof sniff>>;
    await this.#disk(
      sniff({ size: this.#received, read }).then((kind) => {
        found = kind;
      }),
    );
    const ending = found === undefined ? undefined : (endingFor(found.mime) ?? found.ext);
    this.#target = `${this.#output.stem}.${ending ?? 'bin'}`;
    await this.#refuseTarget();
  }

  /** Waits for the disk; what fails there is said as such. */
  async #disk(work: Promise<unknown> | undefined): Promise<void> {
    try {
      await work;
    } catch (error) {
      throw this.#diskError(error);
    }
  }

  #diskError(error: unknown): unknown {
    if (error instanceof WaveSpeedError) return error;
    const { predictionId } = this.#output;
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      return alreadyThere(this.#path, predictionId, error);
    return diskError(error, this.#path, `after ${this.#received} bytes`, predictionId);
  }

  #error(
    reason: DownloadErrorReason,
    problem: string,
    options: { status?: number; cause?: unknown } = {},
  ): DownloadError {
    const { label, predictionId } = this.#output;
    return new DownloadError(reason, `${label}: ${problem}.`, { ...options, path: this.#path, predictionId });
  }

  /** Says how it ended, when no further attempt is made. */
  #final(error: WaveSpeedError): WaveSpeedError {
    const { predictionId } = this.#output;
    if (readMayBeRepeated(error) && this.#furthest > 0) {
      const of = this.#total === undefined ? '' : ` of ${this.#total}`;
      // What the last attempt failed with says where as well: not twice.
      const why = error.message.replace(`${this.#output.label}: `, '').replace(/\.$/, '');
      return this.#error('incomplete', `it broke off after ${this.#received}${of} bytes: ${why}`, {
        cause: error,
      });
    }
    if (predictionId !== undefined) error.predictionId ??= predictionId;
    return error;
  }
}

/** What an answer's headers say of the file's edition. */
interface Edition {
  etag?: string | undefined;
  modified?: string | undefined;
}

const editionOf = (answer: StreamAnswer): Edition => ({
  etag: answer.header('etag'),
  modified: answer.header('last-modified'),
});

/** Tells whether two answers contradict each other; a 206 need not repeat what the first answer said (RFC 9110, 15.3.7). */
function isAnother(one: Edition, other: Edition): boolean {
  const differ = (left: string | undefined, right: string | undefined) =>
    left !== undefined && right !== undefined && left !== right;
  return differ(one.etag, other.etag) || differ(one.modified, other.modified);
}

/** Names what the bytes are wrapped in; empty when they are as they are. `aws-chunked` is a remnant of how they were uploaded. */
function encodingOf(answer: StreamAnswer): string {
  const names = (answer.header('content-encoding') ?? '').split(',').map((name) => name.trim());
  return names.filter((name) => !/^(?:identity|aws-chunked)?$/i.test(name)).join(', ');
}

function lengthOf(answer: StreamAnswer): number | undefined {
  const text = answer.header('content-length')?.trim() ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function rangeOf(answer: StreamAnswer): { start: number; total: number | undefined } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.header('content-range')?.trim() ?? '');
  if (match === null) return undefined;
  return { start: Number(match[1]), total: match[2] === '*' ? undefined : Number(match[2]) };
}

/** Finds what tells one edition of the file from the next to the byte; undefined where nothing does. */
function validatorOf(answer: StreamAnswer): string | undefined {
  const etag = answer.header('etag');
  if (etag !== undefined) return etag.startsWith('"') ? etag : undefined;
  const modified = answer.header('last-modified');
  // It counts whole seconds: it only tells editions apart when the last change was some time ago (RFC 9110, 8.8.2.2).
  const age = Date.parse(answer.header('date') ?? '') - Date.parse(modified ?? '');
  return age >= 1000 ? modified : undefined;
}
