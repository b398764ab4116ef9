/** Options of `upload`, and their checks. */
import {
  aFunction,
  CALL_OPTIONS,
  type CallOptions,
  type OptionTable,
  readOptions,
} from '../core/validate-options.js';

/** Progress of an upload. */
export interface TransferProgress {
  /** Bytes sent. Starts from 0 again when the upload is retried. */
  loaded: number;
  /** Size of the file in bytes. */
  total: number;
}

/** Options of `upload`. */
export interface UploadOptions extends CallOptions {
  /** Called with the number of bytes passed to the network; not awaited. The upload fails if it throws or rejects. */
  onProgress?: ((progress: TransferProgress) => unknown) | undefined;
}

const UPLOAD_OPTIONS = {
  ...CALL_OPTIONS,
  onProgress: { check: aFunction },
} satisfies OptionTable<UploadOptions>;

export const readUploadOptions = (options: UploadOptions): UploadOptions =>
  readOptions<UploadOptions, typeof UPLOAD_OPTIONS>(options, UPLOAD_OPTIONS);
