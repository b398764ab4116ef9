/** What the steps of an idempotency key share: its journal, its clocks and time limits, and what its call may do. */
import type { CandidatesOptions, SubmissionUnknownError } from '../../core/errors/prediction-error.js';
import type { Call } from '../../utils/call.js';
import type { FoundTasks, SearchRange } from '../candidates.js';
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
  call: Pick<Call, 'signal' | 'sleep'>;
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

/** When the history shows the task of a mark, if there is one; by the clock of this machine. */
export function certainTimeOf(entry: SendingEntry, context: KeyContext): number {
  const { clock, requestTimeoutMs, settleMs } = context;
  const skewMs = entry.clock === undefined ? clock.service().now - clock.local() : 0;
  return Date.parse(entry.sendBy) + requestTimeoutMs + settleMs - skewMs;
}
