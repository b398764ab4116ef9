/** Submits a task with exactly one POST: the only place that spends money. */
import {
  ApiError,
  type Candidate,
  type CandidatesOptions,
  ConfigurationError,
  InvalidResponseError,
  SubmissionUnknownError,
  WaveSpeedError,
  withPredictionId,
} from '../core/errors/index.js';
import { normalizePrediction, type Prediction } from '../core/prediction.js';
import type { ApiClient, ApiRequest } from '../http/api-client.js';
import { errorName, publish } from '../http/diagnostics.js';
import { findPredictionId } from '../http/parse-response.js';
import { isRetryableSubmit } from '../http/retry.js';
import { MAX_TIMER_MS, raceAbort } from '../utils/abort.js';
import { getErrorMessage } from '../utils/error-message.js';
import { withDeadline, type Deadline } from '../utils/with-deadline.js';

/** A validated request whose media are uploaded. */
export interface Submission {
  model: string;
  body: unknown;
  webhookUrl?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Nothing is sent after it. */
  deadline: Deadline;
  /** Called as the request is handed to the socket. If it throws, nothing is sent. */
  beforeSend?: (() => void) | undefined;
  /** Finds the tasks that this submit may have started. */
  candidates: (submittedAt: Date, options: CandidatesOptions | undefined) => Promise<Candidate[]>;
}

/** After an abort or the deadline, the response of a request in flight is still waited for: it may name a paid task. */
const GRACE_MS = 5000;

type Outcome = { prediction: Prediction } | { error: unknown };

/** An accepted submit. */
export interface Accepted {
  prediction: Prediction;
  /** Set if the call was aborted while the request was in flight: what it rejects with. */
  abortError: SubmissionUnknownError | undefined;
}

/**
 * Sends the POST.
 *
 * @throws {SubmissionUnknownError} if the outcome is unknown. Every other error proves that there is no task.
 */
export async function submitOnce(http: ApiClient, submission: Submission): Promise<Accepted> {
  const { model } = submission;
  const startedAt = performance.now();
  const report = (result: { predictionId?: string; status?: string; error?: string }) =>
    publish('submit', () => ({ model, ...result, durationMs: performance.now() - startedAt }));
  try {
    const accepted = await send(http, submission);
    report({ predictionId: accepted.prediction.id, status: accepted.prediction.status });
    return accepted;
  } catch (error) {
    report({ error: errorName(error) });
    throw error;
  }
}

async function send(http: ApiClient, submission: Submission): Promise<Accepted> {
  const { model, body, webhookUrl, signal, deadline } = submission;
  signal?.throwIfAborted();
  const key = await withDeadline(deadline, signal, (limited) =>
    raceAbort(http.resolveApiKey(limited), limited),
  );
  const path = `/api/v3/${model}`;
  const query = webhookUrl === undefined ? '' : `?webhook=${encodeURIComponent(webhookUrl)}`;
  const request: ApiRequest = { method: 'POST', path, body };
  const submittedAt = new Date();

  let timer: NodeJS.Timeout | undefined;
  let expire: (outcome: Outcome) => void = () => undefined;
  const expired = new Promise<Outcome>((resolve) => {
    expire = resolve;
  });
  let refusal: { error: unknown } | undefined;
  const onStart = () => {
    try {
      signal?.throwIfAborted();
      if (performance.now() >= deadline.at) throw deadline.reason();
      submission.beforeSend?.();
    } catch (error) {
      refusal = { error };
      throw error;
    }
    const onTimeout = () => expire({ error: http.createTimeoutError(request) });
    timer = setTimeout(onTimeout, Math.min(http.requestTimeoutMs, MAX_TIMER_MS));
  };
  const inFlight = http.start({ ...request, path: path + query, freshConnection: true }, key, onStart);
  const responded = inFlight.response.then(
    (response): Outcome => readOutcome(http, request, () => http.parseResponse(response, request, key)),
    (error: unknown): Outcome => ({ error: http.normalizeError(error, request) }),
  );

  let interruption: { reason: unknown } | undefined;
  let outcome: Outcome;
  try {
    outcome = await withDeadline(deadline, signal, (limited) =>
      raceAbort(Promise.race([responded, expired]), limited),
    );
  } catch (reason) {
    interruption = { reason };
    if (!inFlight.wasSent()) {
      inFlight.abort(reason);
      clearTimeout(timer);
      throw reason;
    }
    const grace = setTimeout(() => expire({ error: reason }), GRACE_MS);
    outcome = await Promise.race([responded, expired]);
    clearTimeout(grace);
  }
  clearTimeout(timer);
  if (refusal !== undefined) throw refusal.error;
  if ('prediction' in outcome) {
    const { prediction } = outcome;
    if (interruption === undefined || signal?.aborted !== true) return { prediction, abortError: undefined };
    const message = 'Aborted while the request was in flight, and the task was accepted.';
    const candidates = async () => [{ ...prediction, exactMatch: true }];
    return {
      prediction,
      abortError: createUnknownError(message, prediction.id, interruption.reason, candidates),
    };
  }
  const predictionId = outcome.error instanceof WaveSpeedError ? outcome.error.predictionId : undefined;
  // A response that names a task is no rejection, whatever its status says.
  if (predictionId === undefined && provesNotAccepted(outcome.error))
    throw interruption?.reason ?? outcome.error;
  inFlight.abort(outcome.error);
  const cause = interruption?.reason ?? outcome.error;
  throw createUnknownError(
    `${getErrorMessage(cause).replace(/[.\s]+$/, '')}. The request was sent, but its outcome is unknown: the task may ` +
      'have been created and charged. Check error.candidates() before you submit again.',
    predictionId,
    cause,
    (options) => submission.candidates(submittedAt, options),
  );

  function createUnknownError(
    message: string,
    id: string | undefined,
    reason: unknown,
    candidates: (options?: CandidatesOptions) => Promise<Candidate[]>,
  ): SubmissionUnknownError {
    const error = new SubmissionUnknownError(message, {
      cause: reason,
      model,
      input: body,
      submittedAt,
      candidates,
    });
    return id === undefined ? error : withPredictionId(error, id);
  }
}

function readOutcome(http: ApiClient, request: ApiRequest, parse: () => unknown): Outcome {
  try {
    const data = parse();
    const prediction = normalizePrediction(data);
    if (prediction !== undefined) return { prediction };
    const message = `[POST] ${request.path}: the response has no task id.`;
    const predictionId = findPredictionId({ data });
    return { error: new InvalidResponseError(message, { body: data, predictionId }) };
  } catch (error) {
    return { error: http.normalizeError(error, request) };
  }
}

/** Returns true if the service rejected the request, or it was never sent. 408 is excluded: a gateway may have forwarded it. */
function provesNotAccepted(error: unknown): boolean {
  if (isRetryableSubmit(error) || error instanceof ConfigurationError) return true;
  return error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 408;
}
