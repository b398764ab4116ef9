/** Errors of uploads and downloads. */
import { isPassingStatus, type RetryAdvice, WaveSpeedError, type WaveSpeedErrorOptions } from './base.js';

/** Reason of an `UploadError`. */
export type UploadErrorReason =
  /** The file changed while it was read. */
  | 'changed'
  /** The file could no longer be read. */
  | 'unreadable'
  /** Storage rejected the file. */
  | 'refused';

/**
 * Thrown when a valid file could not be uploaded: it changed, could no longer be read, or storage rejected it. Nothing
 * was submitted. (An invalid file is an `InvalidInputError`.)
 */
export class UploadError extends WaveSpeedError {
  protected static override readonly className: string = 'UploadError';
  override readonly name = 'UploadError' as const;

  readonly reason: UploadErrorReason;
  /** The file's name in quotes, or the kind of Blob. */
  readonly file: string;
  /** The HTTP status, if storage rejected the file. */
  readonly status: number | undefined;

  constructor(
    reason: UploadErrorReason,
    file: string,
    problem: string,
    options: WaveSpeedErrorOptions & { status?: number | undefined } = {},
  ) {
    super(`Uploading ${file}: ${problem}.`, options);
    this.reason = reason;
    this.file = file;
    this.status = options.status;
  }

  override get retry(): RetryAdvice {
    return this.reason === 'changed' || (this.reason === 'refused' && isPassingStatus(this.status))
      ? 'later'
      : 'never';
  }
}

/** Reason of a `DownloadError`. */
export type DownloadErrorReason =
  /** A file of that name already exists, and `ifExists` is `'error'`. */
  | 'exists'
  /** 410, or 403 or 404 for a task that is older than 7 days or of unknown age: the service keeps outputs for 7 days. */
  | 'expired'
  /** The server did not send the file, or the URL is not allowed. */
  | 'refused'
  /** The response is not a video or an image, for example a web page. */
  | 'not_media'
  /** The file is larger than `maxBytes`. */
  | 'too_large'
  /** The transfer failed repeatedly, or its length could not be verified. */
  | 'incomplete'
  /** The disk is full. */
  | 'disk_full'
  /** The file could not be written for another reason: see `cause`. */
  | 'write_failed';

const PASSING_DOWNLOADS: readonly DownloadErrorReason[] = ['incomplete', 'disk_full'];

/** Thrown when a file could not be downloaded. */
export class DownloadError extends WaveSpeedError {
  protected static override readonly className: string = 'DownloadError';
  override readonly name = 'DownloadError' as const;

  readonly reason: DownloadErrorReason;
  /** Path of the target file, without its extension if that was not known yet. */
  readonly path: string;
  /** The HTTP status, if there was a response. */
  readonly status: number | undefined;

  constructor(
    reason: DownloadErrorReason,
    message: string,
    options: WaveSpeedErrorOptions & { path: string; status?: number | undefined },
  ) {
    super(message, options);
    this.reason = reason;
    this.path = options.path;
    this.status = options.status;
  }

  override get retry(): RetryAdvice {
    return PASSING_DOWNLOADS.includes(this.reason) ||
      (this.reason === 'refused' && isPassingStatus(this.status ?? 400))
      ? 'later'
      : 'never';
  }
}
