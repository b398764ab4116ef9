/**
 * Takes media up and down: checks every local file before the first byte leaves, and uploads the same one only once.
 */
import { onAbort, orAbort } from '../utils/abort.js';
import { type InputIssue, InvalidInputError, type WaveSpeedError } from '../core/errors/index.js';
import { judge, type MediaGroup } from './file-type.js';
import { isBlob, type LocalMedia } from '../models/prepare-input.js';
import { nameOf, openLocalFile, Unreadable } from './local-file.js';
import type { CallOptions } from '../core/validate-options.js';
import { readTransferOptions, tellProgress } from './transfer-options.js';
import { type FitFile, Uploader, type UploadMeans } from './uploader.js';

/** How far a transfer is. */
export interface TransferProgress {
  /** How many bytes are through. Starts from 0 again when a transfer is repeated. */
  loaded: number;
  /** How many there are in all. */
  total: number;
}

/** What can be uploaded: a path, a `file:` URL, a Blob or a File. */
export type UploadSource = string | URL | Blob | File;

/** How a file is uploaded. */
export interface UploadOptions extends CallOptions {
  /** Is told how many bytes were handed to the network; not waited for. What it throws or rejects with ends the upload. */
  onProgress?: ((progress: TransferProgress) => unknown) | undefined;
}

/** How many files of one input are uploaded at a time. */
const AT_A_TIME = 4;

/** How long an uploaded file's URL is used again, in milliseconds: the service keeps it for 7 days, a task needs some time. */
const REUSED_MS = 6 * 24 * 60 * 60_000;

/** How many files on disk a client remembers the URLs of. Blobs are remembered as long as they are there. */
const REMEMBERED_FILES = 1000;

/** An upload under way or done, and who waits for it. */
interface Upload {
  url: Promise<string>;
  done: boolean;
  startedAt: number;
  loaded: number;
  listeners: Set<(loaded: number) => void>;
  waiting: number;
  abort: AbortController;
}

/** Uploads a client's media. */
export class UploadManager {
  readonly #uploader: Uploader;
  readonly #blobs = new WeakMap<Blob, Upload>();
  /** In the order of their start. */
  readonly #files = new Map<string, Upload>();

  constructor(means: UploadMeans) {
    this.#uploader = new Uploader(means);
  }

  /**
   * Uploads the local media of one input and gives their URLs in the same order.
   *
   * @throws {InvalidInputError} with every file that is not fit; nothing was sent.
   */
  async uploadAll(
    subject: string,
    local: readonly LocalMedia[],
    signal: AbortSignal | undefined,
  ): Promise<string[]> {
    if (local.length === 0) return [];
    const found = await orAbort(
      Promise.all(local.map(({ source, place }) => inspect(source, [place === 'video' ? 'video' : 'image']))),
      signal,
    );
    const fit: FitFile[] = [];
    const issues: InputIssue[] = [];
    for (const [index, result] of found.entries()) {
      const place = local[index]?.place ?? 0;
      if ('file' in result) fit.push(result.file);
      else {
        const path = place === 'video' ? ['video'] : ['images', place];
        const field = place === 'video' ? 'video' : `images[${place}]`;
        issues.push({ path, message: `${field}: ${result.problem}` });
      }
    }
    if (issues.length > 0) throw new InvalidInputError(subject, issues);
    return this.#uploadEach(fit, signal);
  }

  /** Uploads one file and gives its URL. */
  async upload(source: UploadSource, options: UploadOptions): Promise<string> {
    const { signal, onProgress } = readTransferOptions(options, ['signal', 'onProgress']);
    const refused = (message: string) =>
      new InvalidInputError('upload', [{ path: ['file'], message: `file: ${message}` }]);
    const result = await orAbort(inspect(readSource(source, refused), ['image', 'video']), signal);
    if ('problem' in result) throw refused(result.problem);
    return this.#share(result.file, signal, onProgress);
  }

  /** Uploads a few at a time; the first failure ends the others. */
  async #uploadEach(files: readonly FitFile[], signal: AbortSignal | undefined): Promise<string[]> {
    const stop = new AbortController();
    const forget = signal && onAbort(signal, () => stop.abort(signal.reason));
    const urls: string[] = [];
    const left = files.entries();
    let failure: { error: unknown } | undefined;
    const work = async () => {
      for (const [index, file] of left) {
        if (stop.signal.aborted) return;
        try {
          urls[index] = await this.#share(file, stop.signal, undefined);
        } catch (error) {
          failure ??= { error };
          stop.abort(error);
        }
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_A_TIME }, work));
    } finally {
      forget?.();
    }
    signal?.throwIfAborted();
    if (failure !== undefined) throw failure.error;
    return urls;
  }

  /** Joins the upload of the same file, or starts one. It goes on as long as one of those who wait for it is there. */
  async #share(
    file: FitFile,
    signal: AbortSignal | undefined,
    onProgress: UploadOptions['onProgress'],
  ): Promise<string> {
    signal?.throwIfAborted();
    const upload = this.#find(file.identity) ?? this.#start(file);
    const { size: total } = file;
    let mistake: WaveSpeedError | undefined;
    let fail: (error: WaveSpeedError) => void = () => undefined;
    const broken = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const listener = (loaded: number) => {
      tellProgress(onProgress, { loaded, total }, (error) => {
        mistake ??= error;
        upload.listeners.delete(listener);
        fail(error);
      });
    };
    upload.waiting += 1;
    upload.listeners.add(listener);
    try {
      if (upload.done) listener(total);
      const url = await orAbort(Promise.race([broken, upload.url]), signal);
      // A call that was told of the last bytes may have rejected as the upload ended.
      if (mistake !== undefined) throw mistake;
      return url;
    } finally {
      broken.catch(() => undefined);
      upload.listeners.delete(listener);
      upload.waiting -= 1;
      if (upload.waiting === 0 && !upload.done) {
        // Forgotten at once: whoever comes now must not join what is about to end.
        this.#forget(file.identity, upload);
        upload.abort.abort(new Error('Nobody waits for this upload any more.'));
      }
    }
  }

  #start(file: FitFile): Upload {
    const abort = new AbortController();
    const upload: Upload = {
      url: Promise.resolve(''),
      done: false,
      startedAt: Date.now(),
      loaded: 0,
      listeners: new Set(),
      waiting: 0,
      abort,
    };
    const tell = (loaded: number) => {
      upload.loaded = loaded;
      for (const listener of upload.listeners) listener(loaded);
    };
    upload.url = this.#uploader.upload(file, abort.signal, tell).then(
      (url) => {
        upload.done = true;
        // Where the last bytes were taken without asking for more.
        if (upload.loaded < file.size) tell(file.size);
        return url;
      },
      (error: unknown) => {
        this.#forget(file.identity, upload);
        throw error;
      },
    );
    // Those who waited may all be gone.
    upload.url.catch(() => undefined);
    this.#remember(file.identity, upload);
    return upload;
  }

  #find(identity: Blob | string): Upload | undefined {
    const upload = typeof identity === 'string' ? this.#files.get(identity) : this.#blobs.get(identity);
    return upload !== undefined && Date.now() - upload.startedAt < REUSED_MS ? upload : undefined;
  }

  #remember(identity: Blob | string, upload: Upload): void {
    if (typeof identity !== 'string') {
      this.#blobs.set(identity, upload);
      return;
    }
    this.#files.delete(identity);
    this.#files.set(identity, upload);
    if (this.#files.size <= REMEMBERED_FILES) return;
    for (const oldest of this.#files.keys()) {
      this.#files.delete(oldest);
      return;
    }
  }

  #forget(identity: Blob | string, upload: Upload): void {
    if (typeof identity === 'string') {
      if (this.#files.get(identity) === upload) this.#files.delete(identity);
    } else if (this.#blobs.get(identity) === upload) {
      this.#blobs.delete(identity);
    }
  }
}

/** Looks at a file without sending anything of it. A problem is a sentence that begins with the file's name. */
async function inspect(
  source: URL | string | Blob,
  groups: readonly MediaGroup[],
): Promise<{ file: FitFile } | { problem: string }> {
  const label = nameOf(source);
  try {
    const file = await openLocalFile(source);
    try {
      const verdict = await judge(file, groups);
      if ('problem' in verdict) return { problem: `${label} ${verdict.problem}` };
      return { file: { ...file, label, kind: verdict.kind } };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Unreadable) return { problem: `${label} ${error.message}` };
    throw error;
  }
}

function readSource(source: unknown, refused: (message: string) => Error): string | URL | Blob {
  const text = typeof source === 'string' ? source : source instanceof URL ? source.href : undefined;
  if (text === undefined) {
    if (isBlob(source)) return source;
    const shown = source === null ? 'null' : typeof source;
    throw refused(`got ${shown}; expected a path, a file: URL, a Blob or a File`);
  }
  if (text === '') throw refused('got an empty path; expected the path of a file');
  if (text.includes('\0')) throw refused('the path has a NUL in it; expected the path of a file');
  // A letter alone before the colon is a drive of Windows.
  const scheme = /^([a-z][a-z\d+.-]+):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === 'http' || scheme === 'https') {
    throw refused(
      'got an http(s) URL; expected a file of this machine. A URL can be given to `run` as it is',
    );
  }
  if (scheme === 'file' && URL.canParse(text)) return new URL(text);
  if (source instanceof URL || scheme === 'data' || scheme === 'blob') {
    throw refused(`got a ${scheme ?? ''}: URL; expected a path, a file: URL, a Blob or a File`);
  }
  return text;
}
