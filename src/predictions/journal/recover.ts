/** Searches the history for the task of an interrupted submit, and assigns it to the key. */
import { type Candidate, type CandidatesOptions } from '../../core/errors/prediction-error.js';
import type { Journal, JournalEntry } from './journal.js';
import { writeEntry } from './validate-entry.js';

type SendingEntry = Extract<JournalEntry, { state: 'sending' }>;

interface RecoverContext {
  journal: Journal;
  settleMs: number;
  requestTimeoutMs: number;
  call: { signal: AbortSignal };
  findCandidates(entry: SendingEntry, options?: CandidatesOptions): Promise<Candidate[]>;
  getClockSkewMs: () => number;
  now: () => number;
}

export type Recovery =
  | { state: 'found'; predictionId: string }
  | { state: 'changed' }
  /** Proven: nothing was accepted. */
  | { state: 'absent'; cause?: undefined }
  /** The outcome can no longer be determined. */
  | { state: 'undecidable'; cause?: unknown }
  /** Not found yet. A task that is not in the history at `until` does not exist. */
  | { state: 'pending'; until: number };

/** The history covers 7 days; one hour less allows for clock skew. */
const HISTORY_MS = (7 * 24 - 1) * 60 * 60_000;

/** Creation times are precise to the second, like the service's clock. */
const CLOCK_PRECISION_MS = 2000;

export async function recover(
  key: string,
  entry: SendingEntry,
  revision: number | undefined,
  context: RecoverContext,
): Promise<Recovery> {
  const { settleMs, requestTimeoutMs, now } = context;
  const { signal } = context.call;
  const markedAt = Date.parse(entry.markedAt);
  const spanMs = Date.parse(entry.sendBy) - markedAt + requestTimeoutMs + settleMs;
  // Anything accepted was accepted within this span, and is in the history by its end.
  let until = markedAt + spanMs;
  const lookedAt = now();

  let candidates: Candidate[];
  try {
    candidates = await context.findCandidates(entry, { signal });
  } catch (cause) {
    return lookedAt < until && !signal.aborted
      ? { state: 'pending', until }
      : { state: 'undecidable', cause };
  }
  let isBlind = lookedAt - markedAt > HISTORY_MS;
  const others: Candidate[] = [];
  for (const candidate of candidates) {
    // By this machine's clock.
    const createdAt = Date.parse(candidate.created_at) - context.getClockSkewMs();
    const isInTime = createdAt >= markedAt - CLOCK_PRECISION_MS && createdAt <= until + CLOCK_PRECISION_MS;
    if (!isInTime) others.push(candidate);
    else if (candidate.exactMatch === true) {
      const claim = await take(candidate);
      if (claim !== 'taken') return claim;
      // A key with the same input may have taken this one's task before its own was in the history: by then its own is.
      until = Math.max(until, createdAt + spanMs + CLOCK_PRECISION_MS);
    } else if (candidate.exactMatch === undefined) isBlind = true;
  }
  if (lookedAt < until) return { state: 'pending', until };
  // Only clocks that are wrong by minutes can explain these.
  for (const candidate of others) {
    const claim = candidate.exactMatch === true ? await take(candidate) : 'taken';
    if (claim !== 'taken') return claim;
    if (candidate.exactMatch === undefined) isBlind = true;
  }
  return isBlind ? { state: 'undecidable' } : { state: 'absent' };

  async function take({ id }: Candidate): Promise<Recovery | 'taken'> {
    const { fingerprint, model, attempt } = entry;
    const submitted: JournalEntry = { fingerprint, model, attempt, state: 'submitted', predictionId: id };
    const put = await writeEntry(context.journal, key, submitted, revision);
    if (put === 'taken') return put;
    return put === 'stale' ? { state: 'changed' } : { state: 'found', predictionId: id };
  }
}
