/** Submits tasks in their turn, and tells the tasks of concurrent submits apart. */
import {
  type Candidate,
  type CandidatesOptions,
  RateLimitError,
  SubmissionUnknownError,
} from '../core/errors/index.js';
import type { ApiClient } from '../http/api-client.js';
import { type Limits, RateLimiter, type Slot } from '../http/rate-limiter.js';
import { isRetryableSubmit, type OnRetry, retry } from '../http/retry.js';
import type { PreparedInput } from '../models/prepare-input.js';
import { type Deadline, withDeadline } from '../utils/with-deadline.js';
import type { LostRequest } from './find-candidates.js';
import type { Guard } from './journal/submit-with-key.js';
import type { SubmitOptions } from './options.js';
import type { TaskReader } from './reader.js';
import { type Accepted, type Submission, submitOnce } from './submit.js';
import { type PendingSubmit, SubmitRegistry } from './submit-registry.js';

export interface PacedSubmitterSettings {
  maxRetries: number;
  limits: Limits;
  onRetry: OnRetry | undefined;
}

/** An accepted submit with its place among the running tasks. */
export interface PacedSubmit extends Accepted {
  slot: Slot;
}

/** One attempt to submit. */
interface Attempt {
  firstSlot: Slot | undefined;
  isRetry: boolean;
  stopped: AbortSignal | undefined;
  guard: Guard;
}

/** How long `candidates()` waits for other submits of the same input, in milliseconds. */
const TWINS_TIMEOUT_MS = 2000;

export class PacedSubmitter {
  readonly #settings: PacedSubmitterSettings;
  readonly #http: ApiClient;
  readonly #reader: TaskReader;
  readonly #limiter: RateLimiter;
  readonly #registry = new SubmitRegistry();

  constructor(settings: PacedSubmitterSettings, http: ApiClient, reader: TaskReader) {
    this.#settings = settings;
    this.#http = http;
    this.#reader = reader;
    this.#limiter = new RateLimiter(settings.limits);
  }

  /** Gives a task that already runs a place among the running ones. */
  track(id: string): Slot {
    this.#registry.remember(id);
    return this.#limiter.track();
  }

  /** Submits in its turn, and again where it is proven that nothing was accepted. */
  async submit(
    prepared: PreparedInput,
    body: unknown,
    options: SubmitOptions,
    deadline: Deadline,
    stopped: AbortSignal | undefined,
    guard: Guard = (post) => post(() => undefined),
  ): Promise<PacedSubmit> {
    let firstSlot: Slot | undefined;
    if (stopped !== undefined) {
      // The time limit does not count the wait for the first turn.
      const queuedAt = performance.now();
      firstSlot = await this.#limiter.acquire(stopped, Infinity);
      deadline.at += performance.now() - queuedAt;
    }
    const { maxRetries: clientRetries, onRetry } = this.#settings;
    const maxRetries = options.maxRetries ?? clientRetries;
    let failures = 0;
    let attempts = 0;
    const attempt = () => {
      const isRetry = attempts++ > 0;
      return this.#attempt(prepared, body, options, deadline, {
        firstSlot: isRetry ? undefined : firstSlot,
        isRetry,
        stopped,
        guard,
      });
    };
    return retry(attempt, {
      operation: 'submit',
      shouldRetry: (error) =>
        isRetryableSubmit(error) &&
        // A request of a batch waits for its turn as long as it has time.
        ((stopped !== undefined && error instanceof RateLimitError) || failures++ < maxRetries),
      maxRetries: Infinity,
      signal: stopped ?? options.signal,
      deadlineAt: deadline.at,
      onRetry,
    });
  }

  /** Makes one attempt in its turn. */
  async #attempt(
    { model }: PreparedInput,
    body: unknown,
    { signal, webhookUrl }: SubmitOptions,
    deadline: Deadline,
    { firstSlot, isRetry, stopped, guard }: Attempt,
  ): Promise<PacedSubmit> {
    const acquire = (limited: AbortSignal | undefined) =>
      this.#limiter.acquire(limited, deadline.at, isRetry);
    const slot = firstSlot ?? (await withDeadline(deadline, stopped ?? signal, acquire));
    const pending = this.#registry.begin(model.id, body);
    try {
      const submission: Submission = {
        model: model.id,
        body,
        webhookUrl,
        signal,
        deadline,
        candidates: (submittedAt, found) =>
          this.#candidates({ model, input: body, from: submittedAt, until: new Date() }, pending, found),
      };
      const accepted = await guard((checkMark) => {
        const beforeSend = () => {
          stopped?.throwIfAborted();
          checkMark();
          slot.markSent();
        };
        return submitOnce(this.#http, { ...submission, beforeSend });
      });
      this.#registry.end(pending, { predictionId: accepted.prediction.id, isLost: false });
      slot.markSubmitted();
      return { ...accepted, slot };
    } catch (error) {
      const isLost = error instanceof SubmissionUnknownError;
      this.#registry.end(pending, { predictionId: isLost ? error.predictionId : undefined, isLost });
      slot.markSubmitted(error);
      slot.release();
      throw error;
    }
  }

  async #candidates(
    lost: LostRequest,
    pending: PendingSubmit,
    options: CandidatesOptions = {},
  ): Promise<Candidate[]> {
    const patienceMs = Math.min(TWINS_TIMEOUT_MS, options.timeoutMs ?? Infinity);
    const patience = { at: performance.now() + patienceMs, reason: () => undefined };
    await withDeadline(patience, options.signal, (limited) =>
      this.#registry.twinsSettled(pending, limited),
    ).catch(() => undefined);
    options.signal?.throwIfAborted();
    const isKnown = (id: string) => this.#registry.isOfAnother(pending, id);
    return this.#registry.assign(pending, await this.#reader.findCandidates(lost, options, isKnown));
  }
}
