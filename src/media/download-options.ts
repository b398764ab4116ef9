/** Options of `download`: their checks and defaults. */
import {
  aFunction,
  CALL_OPTIONS,
  type CallOptions,
  integer,
  ms,
  type OptionTable,
  readOptions,
  rejectOption,
} from '../core/validate-options.js';

/** Progress of one file. */
export interface DownloadProgress {
  /** The output's URL. */
  url: string;
  /** Bytes written. Decreases when the download has to restart. */
  loaded: number;
  /** Size of the file; undefined when the server does not send it. */
  total: number | undefined;
}

/** What happens if the file already exists. */
export type IfExists = 'error' | 'keep' | 'overwrite';

/** Options of `download`. */
export interface DownloadOptions extends CallOptions {
  /** Called with the number of bytes written; not awaited. The download fails if it throws or rejects. */
  onProgress?: ((progress: DownloadProgress) => unknown) | undefined;
  /**
   * What happens if the file already exists. `error`: rejects before any request. `keep`: returns it without a request,
   * also if another download created it in the meantime. `overwrite`: replaces it atomically.
   * @default 'error'
   */
  ifExists?: IfExists | undefined;
  /** Maximum size of a file in bytes. @default 2_147_483_648 (2 GiB) */
  maxBytes?: number | undefined;
  /** Time limit for the call in milliseconds, for all files and retries together. @default 3_600_000 (1 hour) */
  timeoutMs?: number | undefined;
}

const DOWNLOAD_OPTIONS = {
  ...CALL_OPTIONS,
  onProgress: { check: aFunction },
  ifExists: { check: checkIfExists, default: 'error' },
  maxBytes: { check: integer(1), default: 2 * 1024 ** 3 },
  timeoutMs: { check: ms, default: 60 * 60_000 },
} satisfies OptionTable<DownloadOptions>;

export const readDownloadOptions = (options: DownloadOptions) =>
  readOptions<DownloadOptions, typeof DOWNLOAD_OPTIONS>(options, DOWNLOAD_OPTIONS);

function checkIfExists(value: unknown): void {
  const known: readonly unknown[] = ['error', 'keep', 'overwrite'] satisfies IfExists[];
  if (!known.includes(value)) rejectOption('ifExists', value, "'error', 'keep' or 'overwrite'");
}
