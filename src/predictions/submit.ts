/**
 * Submits a task: the only place that spends money. One POST, and no word of its answer is lost, however late.
 */
import { getErrorMessage } from '../utils/error-message.js';
import { MAX_TIMER_MS, onAbort } from '../utils/abort.js';
import {
  ApiError,
  type Candidate,
  ConfigurationError,
  InvalidResponseError,
  SubmissionUnknownError,
} from '../core/errors/index.js';
import { errorName, publish } from '../http/diagnostics.js';
import type { ApiClient, ApiRequest } from '../http/api-client.js';
import { normalizePrediction, type Prediction } from '../core/prediction.js';
import { submitMayBeRepeated } from '../http/retry.js';
import type { RawResponse } from '../http/transport.js';

/** A request that was checked, whose media are in place. */
export interface Submission {
  /** The model's id, which is the path. */
  model: string;
  body: unknown;
  webhook?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Is told that from now on the outcome may be open. */
  onSend?: (() => void) | undefined;
  /** Looks for the task where the answer was lost. */
  candidates: (submittedAt: Date) => Promise<Candidate[]>;
  /** Takes the answer that came after the caller was told that the outcome is unknown. */
  onLateAnswer: (prediction: Prediction) => void;
}

/** How long an answer is still listened for after an abort or a timeout, in milliseconds. */
const LINGER_MS = 5000;

/** How many turns of the event loop an answer that is already here gets to be read after an abort. */
const GRACE_TURNS = 5;

// Kept from before anybody fakes the clock: a test's fake time must not hold back an abort.
const nextTurn = globalThis.setImmediate;

type Outcome = { prediction: Prediction } | { error: unknown };

/**
 * Makes one attempt to submit.
 *
 * @throws {SubmissionUnknownError} when it may or may not have been accepted; anything else it throws proves that it
 * was not.
 */
export async function submitOnce(http: ApiClient, submission: Submission): Promise<Prediction> {
  const { model, body, webhook, signal } = submission;
  signal?.throwIfAborted();
  const key = await http.resolveApiKey(signal);

  const path = `/api/v3/${model}`;
  const request: ApiRequest = { method: 'POST', path, body };
  const query = webhook === undefined ? '' : `?webhook=${encodeURIComponent(webhook)}`;
  const submittedAt = new Date();
  const startedAt = performance.now();

  let interruption: { reason: unknown } | undefined;
  let interrupt: () => void = () => undefined;
  const interrupted = new Promise<void>((resolve) => {
    interrupt = resolve;
  });
  const stopWaiting = (reason: unknown) => {
    interruption ??= { reason };
    interrupt();
  };
  let timer: NodeJS.Timeout | undefined;
  const inFlight = http.start({ ...request, path: path + query, freshConnection: true }, key, () => {
    submission.onSend?.();
    timer = setTimeout(
      () => stopWaiting(http.createTimeoutError(request)),
      Math.min(http.requestTimeoutMs, MAX_TIMER_MS),
    );
  });
  let outcome: Outcome | undefined;
  const settled = inFlight.response
    .then((answer): Outcome => ({ prediction: readTask(answer) }))
    .catch((error: unknown): Outcome => ({ error: http.normalizeError(error, request) }))
    .then((result) => {
      outcome = result;
      return result;
    });

  function readTask(answer: RawResponse): Prediction {
    const data = http.parseResponse(answer, request, key);
    const prediction = normalizePrediction(data);
    if (prediction !== undefined) return prediction;
    throw new InvalidResponseError(`[POST] ${path}: ${answer.status}: the answer has no task id in it.`, {
      status: answer.status,
      body: data,
    });
  }

  function unknown(cause: unknown): SubmissionUnknownError {
    return new SubmissionUnknownError(
      `[POST] ${path}: submitted, but the outcome is open: the task may or may not have been accepted, and paid for ` +
        `(${getErrorMessage(cause)}). It was sent once and not again; look with error.candidates() before you submit once more.`,
      {
        cause,
        model,
        input: body,
        submittedAt,
        predictionId: idIn(cause),
        candidates: async () => {
          const answered = () =>
            outcome !== undefined && 'prediction' in outcome
              ? [{ ...outcome.prediction, exactMatch: true }]
              : undefined;
          return (
            answered() ?? (await submission.candidates(submittedAt).then((found) => answered() ?? found))
          );
        },
      },
    );
  }

  const forget = signal && onAbort(signal, () => stopWaiting(signal.reason));
  try {
    await Promise.race([settled, interrupted]);
  } finally {
    clearTimeout(timer);
    forget?.();
  }

  const report = (result: { predictionId?: string; status?: string; error?: string }) =>
    publish('submit', () => ({ model, ...result, durationMs: performance.now() - startedAt }));

  if (outcome === undefined && !inFlight.wasSent) {
    // Nothing went out, and now nothing will.
    inFlight.abort(interruption?.reason);
    report({ error: errorName(interruption?.reason) });
    throw interruption?.reason;
  }
  for (let turn = 0; outcome === undefined && turn < GRACE_TURNS; turn++) {
    await new Promise<void>((resolve) => {
      nextTurn(resolve);
    });
  }
  const result = outcome as Outcome | undefined;

  if (result === undefined) {
    const error = unknown(interruption?.reason);
    report({ error: error.name });
    inFlight.holdBack(error);
    inFlight.unref();
    const linger = setTimeout(() => inFlight.abort(error), LINGER_MS);
    linger.unref();
    void settled.then((late) => {
      clearTimeout(linger);
      if ('error' in late) {
        const id = idIn(late.error);
        if (id !== undefined) error.predictionId = id;
        return;
      }
      error.predictionId = late.prediction.id;
      submission.onLateAnswer(late.prediction);
    });
    throw error;
  }
  if ('prediction' in result) {
    report({ predictionId: result.prediction.id, status: result.prediction.status });
    return result.prediction;
  }
  const error =
    isRefusal(result.error) || submitMayBeRepeated(result.error) ? result.error : unknown(result.error);
  report({ error: errorName(error) });
  throw error;
}

/** Tells whether the service said no in so many words: 4xx. A 408 may come from a gateway that had sent it on. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof ConfigurationError ||
    (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 408)
  );
}

/** Finds the task's id in an error answer, or in the part of one that came. */
function idIn(error: unknown): string | undefined {
  if (error instanceof InvalidResponseError && typeof error.body === 'string') {
    return /"data"\s*:\s*\{\s*"id"\s*:\s*"([^"\\]+)"/.exec(error.body)?.[1];
  }
  if (!(error instanceof ApiError)) return undefined;
  const { data } = (error.body ?? {}) as { data?: unknown };
  return normalizePrediction(data)?.id;
}
