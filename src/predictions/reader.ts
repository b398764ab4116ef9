/** Reads of tasks: the history, one task, and the search for lost submits. */
import { type Candidate, type CandidatesOptions, RequestTimeoutError } from '../core/errors/index.js';
import type { Prediction } from '../core/prediction.js';
import type { CallOptions } from '../core/validate-options.js';
import type { ApiClient } from '../http/api-client.js';
import { isRetryableRead, type OnRetry, retry, type RetryContext } from '../http/retry.js';
import { withDeadline } from '../utils/with-deadline.js';
import { findCandidates, type LostRequest } from './find-candidates.js';
import { fetchPage, fetchPrediction, getResultPath, listAll, type ListQuery } from './list.js';

export interface ReaderDependencies {
  settings: { baseUrl: string; maxRetries: number; onRetry: OnRetry | undefined };
  http: ApiClient;
  /** Works also after the client was closed. */
  withOpenHttp: <T>(work: (http: ApiClient) => Promise<T>) => Promise<T>;
}

const CANDIDATES_TIMEOUT_MS = 60_000;

export class TaskReader {
  readonly #settings: ReaderDependencies['settings'];
  readonly #http: ApiClient;
  readonly #withOpenHttp: ReaderDependencies['withOpenHttp'];

  constructor({ settings, http, withOpenHttp }: ReaderDependencies) {
    this.#settings = settings;
    this.#http = http;
    this.#withOpenHttp = withOpenHttp;
  }

  list(
    query: ListQuery,
    options: CallOptions,
    http = this.#http,
    isThorough = false,
  ): AsyncGenerator<Prediction> {
    const { page = 1, page_size = 100 } = query;
    const getPage = (number: number) => {
      const attempt = () => fetchPage(http, { ...query, page: number, page_size }, options.signal);
      return this.retry('list', attempt, options);
    };
    return listAll(getPage, page, page_size, isThorough);
  }

  get(id: string, options: CallOptions, http = this.#http): Promise<Prediction> {
    const path = getResultPath(id, undefined, this.#settings.baseUrl);
    return this.retry('get', () => fetchPrediction(http, id, path, options.signal), options, id);
  }

  retry<T>(
    operation: RetryContext['operation'],
    attempt: () => Promise<T>,
    options: CallOptions,
    predictionId?: string,
  ): Promise<T> {
    return retry(attempt, {
      operation,
      shouldRetry: isRetryableRead,
      maxRetries: options.maxRetries ?? this.#settings.maxRetries,
      signal: options.signal,
      onRetry: this.#settings.onRetry,
      predictionId,
    });
  }

  /** Finds tasks by model, time and input; see `findCandidates`. */
  findCandidates(
    lost: LostRequest,
    options: CandidatesOptions,
    isKnown: (id: string) => boolean,
  ): Promise<Candidate[]> {
    const { signal, timeoutMs = CANDIDATES_TIMEOUT_MS } = options;
    const deadline = {
      at: performance.now() + timeoutMs,
      reason: () =>
        new RequestTimeoutError(`The search for candidates took longer than timeoutMs (${timeoutMs} ms).`),
    };
    const search = (http: ApiClient, limited: AbortSignal | undefined) =>
      findCandidates(
        {
          getClockSkewMs: () => http.clockSkewMs,
          list: (query) => this.list(query, { signal: limited }, http, true),
          get: (id) => this.get(id, { signal: limited, maxRetries: 0 }, http),
          isKnown,
        },
        lost,
      );
    return this.#withOpenHttp((http) => withDeadline(deadline, signal, (limited) => search(http, limited)));
  }
}
