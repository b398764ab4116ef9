/** Submits a task with exactly one POST: the only place that spends money. */
import {
  type Candidate,
  type CandidatesOptions,
  InvalidResponseError,
  RequestTimeoutError,
  SubmissionUnknownError,
  WaveSpeedError,
  withPredictionId,
} from '../core/errors/index.js';
import { normalizePrediction, type Prediction } from '../core/prediction.js';
import { readMessageFields, readReason } from '../core/reason.js';
import type { ApiClient, ApiRequest } from '../http/api-client.js';
import { errorName, publish } from '../http/diagnostics.js';
import { findPredictionId } from '../http/parse-response.js';
import { provesNotAccepted } from '../http/proves-not-accepted.js';
import type { RawResponse } from '../http/types.js';
import type { Call } from '../utils/call.js';
import { setDeadlineTimer } from '../utils/deadline-timer.js';
import { getErrorMessage } from '../utils/error-message.js';
import { isRecord } from '../utils/is-record.js';
import { inputOf, isOtherModel } from './compare-inputs.js';

/** A validated request whose media are uploaded. */
interface Submission {
  model: string;
  body: Record<string, unknown>;
  webhookUrl?: string | undefined;
  idempotencyKey?: string | undefined;
  /** Called as the request is handed to the socket. If it throws, nothing is sent. */
  beforeSend: () => void;
  /** Finds the tasks that this submit may have started. */
  candidates: (submittedAt: Date, options: CandidatesOptions | undefined) => Promise<Candidate[]>;
}

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
export async function submitOnce(http: ApiClient, call: Call, submission: Submission): Promise<Accepted> {
  const { model } = submission;
  const startedAt = performance.now();
  const report = (result: { predictionId?: string; status?: string; error?: string }) =>
    publish('submit', call.signal, () => ({
      model,
      ...result,
      durationMs: performance.now() - startedAt,
    }));
  try {
    const accepted = await send(http, call, submission);
    report({ predictionId: accepted.prediction.id, status: accepted.prediction.status });
    return accepted;
  } catch (error) {
    report({ error: errorName(error) });
    throw error;
  }
}

async function send(http: ApiClient, call: Call, submission: Submission): Promise<Accepted> {
  const { model, body } = submission;
  call.throwIfEnded();
  const key = await call.run(http.resolveApiKey(call.signal));
  const submittedAt = new Date();
  const { outcome, interruption } = await exchange(http, call, submission, key);

  const createUnknownError = (
    message: string,
    predictionId: string | undefined,
    candidates: (options?: CandidatesOptions) => Promise<Candidate[]>,
  ): SubmissionUnknownError => {
    const cause = interruption?.reason ?? ('error' in outcome ? outcome.error : undefined);
    const options = { cause, model, input: body, submittedAt, candidates };
    // Without the task, whether calling again with the key is safe is for the journal to say.
    if (predictionId === undefined) return new SubmissionUnknownError(message, options);
    const { idempotencyKey } = submission;
    return withPredictionId(
      new SubmissionUnknownError(message, { ...options, idempotencyKey }),
      predictionId,
    );
  };
  if ('prediction' in outcome) {
    const { prediction } = outcome;
    if (interruption === undefined || !call.wasAborted) return { prediction, abortError: undefined };
    const message = 'Aborted while the request was in flight, and the task was accepted.';
    const candidates = async () => [{ ...prediction, exactMatch: true }];
    return { prediction, abortError: createUnknownError(message, prediction.id, candidates) };
  }
  const predictionId = outcome.error instanceof WaveSpeedError ? outcome.error.predictionId : undefined;
  // A response that names a task is not a rejection, whatever its status.
  if (predictionId === undefined && provesNotAccepted(outcome.error)) {
    throw interruption === undefined ? outcome.error : call.signal.reason;
  }
  const what = getErrorMessage(interruption?.reason ?? outcome.error).replace(/[.\s]+$/, '');
  throw createUnknownError(
    `${what}. The request was sent, but its outcome is unknown: the task may have been created and charged. ` +
      'Check error.candidates() before you submit again.',
    predictionId,
    (options) => submission.candidates(submittedAt, options),
  );
}

/** Sends the request and waits for its outcome; after an interruption, a few seconds longer. Throws if it was not sent. */
async function exchange(
  http: ApiClient,
  call: Call,
  submission: Submission,
  key: string,
): Promise<{ outcome: Outcome; interruption: { reason: unknown } | undefined }> {
  const { model, body, webhookUrl, beforeSend } = submission;
  const path = `/api/v3/${model}`;
  const query = webhookUrl === undefined ? '' : `?webhook=${encodeURIComponent(webhookUrl)}`;
  const request: ApiRequest = { method: 'POST', path, body };
  let timer: NodeJS.Timeout | undefined;
  let expire: (outcome: Outcome) => void = () => undefined;
  const expired = new Promise<Outcome>((resolve) => {
    expire = resolve;
  });
  let refusal: { error: unknown } | undefined;
  const inFlight = http.start({ ...request, path: path + query, freshConnection: true }, key, () => {
    try {
      call.throwIfEnded();
      beforeSend();
    } catch (error) {
      refusal = { error };
      throw error;
    }
    const onTimeout = () => expire({ error: http.createTimeoutError(request) });
    timer = setDeadlineTimer(onTimeout, http.requestTimeoutMs);
  });
  const responded = inFlight.response.then(
    (response) => readOutcome(http, submission, request, response, key),
    (error: unknown): Outcome => ({ error: http.normalizeError(error, request) }),
  );
  const settled = Promise.race([responded, expired]);
  let interruption: { reason: unknown } | undefined;
  let outcome: Outcome;
  try {
    outcome = await call.run(settled);
  } catch (reason) {
    interruption = { reason: call.hasExpired ? createLateError(request) : reason };
    if (!inFlight.wasSent()) {
      inFlight.abort(reason);
      clearTimeout(timer);
      throw reason;
    }
    outcome = await call.grace(settled).catch(() => ({ error: createLateError(request) }));
  }
  clearTimeout(timer);
  if (refusal !== undefined) throw refusal.error;
  if ('error' in outcome) inFlight.abort(outcome.error);
  return { outcome, interruption };
}

const createLateError = ({ path }: ApiRequest) =>
  new RequestTimeoutError(`[POST] ${path}: no response before \`timeoutMs\` ran out.`);

function readOutcome(
  http: ApiClient,
  sent: Submission,
  request: ApiRequest,
  response: RawResponse,
  key: string,
): Outcome {
  try {
    const data = http.parseResponse(response, request, key);
    const prediction = normalizePrediction(data);
    if (prediction !== undefined && isOwnAnswer(prediction, sent.model, sent.body)) return { prediction };
    const what = prediction === undefined ? 'has no task id' : 'is about another request';
    const words = readReason(isRecord(data) ? readMessageFields(data) : data);
    const message = `[POST] ${request.path}: the response ${what}${words === '' ? '' : `: ${words}`}.`;
    const predictionId = prediction === undefined ? findPredictionId({ data }) : undefined;
    return { error: new InvalidResponseError(message, { body: data, predictionId }) };
  } catch (error) {
    return { error: http.normalizeError(error, request) };
  }
}

/**
 * Returns false if a task shows another model or input than was sent, as an answer meant for another request does. What
 * the service may rewrite (media URLs, white space, the type of a number) is not compared.
 */
function isOwnAnswer(task: Prediction, model: string, body: Record<string, unknown>): boolean {
  if (isOtherModel(task.model, model)) return false;
  const input = inputOf(task);
  if (input === undefined) return true;
  return Object.entries(body).every(([field, value]) => isAlike(value, input[field]));
}

function isAlike(sent: unknown, shown: unknown): boolean {
  if (sent == null || shown == null) return true;
  if (Array.isArray(sent)) return !Array.isArray(shown) || shown.length === sent.length;
  if (typeof sent === 'object' || typeof shown === 'object') return true;
  const [words, shownWords] = [plain(sent), plain(shown)];
  // A long text may be shown cut.
  return isUrl(words) || words === shownWords || words.startsWith(shownWords.replace(/(?:…|\.\.\.)$/, ''));
}

const plain = (value: unknown): string => String(value).normalize('NFKC').replace(/\s+/g, ' ').trim();

const isUrl = (text: string): boolean => /^(?:https?|data):/i.test(text);
