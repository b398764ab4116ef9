/** Errors of uploads and downloads. */
import { WaveSpeedError, type WaveSpeedErrorOptions } from './base.js';

/** Why a file could not be uploaded. */
export type UploadErrorReason =
  /** It changed while it was read. */
  | 'changed'
  /** It could no longer be read. */
  | 'unreadable'
  /** Storage rejected it. */
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
  /** The HTTP status, where storage rejected the file. */
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
}

/** Why a file could not be downloaded. */
export type DownloadErrorReason =
  /** A file of that name already exists, and `overwrite` is not set. */
  | 'exists'
  /** 403, 404 or 410: the service keeps outputs for 7 days. */
  | 'expired'
  /** The server did not send the file, or the URL is not allowed. */
  | 'refused'
  /** The response is not a video or an image, but a web page, say. */
  | 'not_media'
  /** The file is larger than `maxBytes`. */
  | 'too_large'
  /** The transfer failed repeatedly, or its length could not be verified. */
  | 'incomplete'
  /** The disk is full. */
  | 'disk_full'
  /** The file could not be written for another reason: see `cause`. */
  | 'write_failed';

/** Thrown when a file could not be downloaded. */
export class DownloadError extends WaveSpeedError {
  protected static override readonly className: string = 'DownloadError';
  override readonly name = 'DownloadError' as const;

  readonly reason: DownloadErrorReason;
  /** Path of the target file, without its extension where that was not known yet. */
  readonly path: string;
  /** The HTTP status, where there was a response. */
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
}
