/** What the steps of an idempotency key share: its journal, its clocks and time limits, what its call may do, and the error of an unknown outcome. */
import { RequestTimeoutError } from '../../core/errors/connection-error.js';
import { type CandidatesOptions, SubmissionUnknownError } from '../../core/errors/prediction-error.js';
import type { Call } from '../../utils/call.js';
import { type FoundTasks, type SearchRange, toCandidate } from '../candidates.js';
import type { Journal, SendingEntry } from './journal.js';

/** Times in milliseconds. */
export interface KeyContext {
  journal: Journal;
  /** How long after its mark a POST may begin. */
  leaseMs: number;
  /** How long the history may lag behind an accepted submit. */
  settleMs: number;
  requestTimeoutMs: number;
  clock: {
    /** The time of this machine. */
    local: () => number;
    /** The time of the service, as far as it is known. */
    service: () => { now: number; isKnown: boolean };
    /** Grows evenly: not set, as the other two may be. */
    elapsed: () => number;
  };
}

/** What a call that submits with a key brings. */
export interface KeyedCall extends KeyContext {
  call: Pick<Call, 'signal' | 'sleep' | 'isReason'>;
  /** @default 'throw' */
  whenAbsent: 'throw' | 'resubmit' | undefined;
  /** The request body, as far as it is known before a submit. */
  input: unknown;
  /** Tokens of marks of this client without a POST: they were never sent, or their POST was not accepted. */
  unsent: Set<string>;
  /** Lists tasks oldest first. Without a gap, a task that is not listed counts as not accepted. */
  findCandidates(entry: SendingEntry, options: CandidatesOptions, range: SearchRange): Promise<FoundTasks>;
  /** Called before each pause between two searches of the history. */
  onWait(wait: { attempt: number; delayMs: number; error: SubmissionUnknownError }): void;
}

export const nameOf = (key: string): string => `idempotencyKey ${JSON.stringify(key)}`;

/** When the history shows what was sent by this time, if it was accepted. By the clock of the mark. */
export function lastTimeOf(
  sendBy: string,
  { requestTimeoutMs, settleMs }: Pick<KeyContext, 'requestTimeoutMs' | 'settleMs'>,
): number {
  return Date.parse(sendBy) + requestTimeoutMs + settleMs;
}

/** When the history shows the task of a mark, if there is one; by the clock of this machine. */
export function certainTimeOf(entry: SendingEntry, context: KeyContext): number {
  const { clock } = context;
  const skewMs = entry.clock === undefined ? clock.service().now - clock.local() : 0;
  return lastTimeOf(entry.sendBy, context) - skewMs;
}

/**
 * The error of a key whose submit may or may not have been accepted: what happened, and what to do.
 *
 * @param own The error of this call's own submit.
 * @param verdict Undefined while it is not decided.
 * @param remainingMs Time until the history can tell.
 */
export function createUnknownError(
  key: string,
  entry: SendingEntry,
  context: KeyedCall,
  own: SubmissionUnknownError | undefined,
  {
    reason,
    verdict,
    remainingMs,
  }: { reason: unknown; verdict?: 'absent' | 'undecidable'; remainingMs?: number },
): SubmissionUnknownError {
  const { call, clock } = context;
  // The call's own reason says that nothing was submitted.
  const isOwnTimeout = call.isReason(reason) && reason instanceof RequestTimeoutError;
  const cause = isOwnTimeout
    ? new RequestTimeoutError('timeoutMs ran out before the history showed the task.', { cause: own })
    : reason;
  const certainMs =
    remainingMs === undefined ? certainTimeOf(entry, context) : Math.ceil(clock.local() + remainingMs);
  const certainAt = new Date(certainMs);
  return new SubmissionUnknownError(
    `${nameOf(key)}: the submit to ${entry.model} of ${entry.markedAt} may or may not have been accepted and charged; ` +
      `it is not repeated. ${adviceOf(key, certainAt, verdict)}`,
    {
      cause,
      model: entry.model,
      input: own?.input ?? context.input,
      submittedAt: new Date(entry.markedAt),
      certainAt,
      idempotencyKey: key,
      isFinal: verdict !== undefined,
      candidates: async (options = {}) =>
        own === undefined
          ? (await context.findCandidates(entry, options, 'around')).tasks.map(toCandidate)
          : own.candidates(options),
    },
  );
}

function adviceOf(key: string, certainAt: Date, verdict: 'absent' | 'undecidable' | undefined): string {
  const name = JSON.stringify(key);
  if (verdict === undefined) {
    return `It is not decided yet: call again with this key after ${certainAt.toISOString()}.`;
  }
  const free = `kling.resolve(${name}, null)`;
  if (verdict === 'absent') {
    return `The history shows no such task: free the key with ${free}, or submit again with whenAbsent: 'resubmit'.`;
  }
  return (
    'The history cannot tell. Look with error.candidates(): if exactly one task has exactMatch === true, resolve the key ' +
    `with kling.resolve(${name}, predictionId); if you know that there is none, with ${free}.`
  );
}
