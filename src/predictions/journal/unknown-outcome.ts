/** The error of a key whose submit may or may not have been accepted: what happened, and what to do. */
import { RequestTimeoutError } from '../../core/errors/connection-error.js';
import { SubmissionUnknownError } from '../../core/errors/prediction-error.js';
import { toCandidate } from '../candidates.js';
import type { SendingEntry } from './journal.js';
import { certainTimeOf, type KeyedCall, nameOf } from './key-context.js';

/**
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
  const isOwnTimeout =
    call.signal.aborted && reason === call.signal.reason && reason instanceof RequestTimeoutError;
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
    'The history cannot tell. Look with error.candidates(): if exactly one task has exactMatch === true, settle the key ' +
    `with kling.resolve(${name}, predictionId); if you know that there is none, with ${free}.`
  );
}
