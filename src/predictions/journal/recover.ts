/** Looks for the task of an interrupted submit in the history, and takes it for its key. */
import { type Candidate, type CandidatesOptions } from '../../core/errors/prediction-error.js';
import type { Journal, JournalEntry } from './journal.js';
import { writeEntry } from './validate-entry.js';

type SendingEntry = Extract<JournalEntry, { state: 'sending' }>;

interface RecoverContext {
  journal: Journal;
  settleMs: number;
  requestTimeoutMs: number;
  signal: AbortSignal | undefined;
  findCandidates(entry: SendingEntry, options?: CandidatesOptions): Promise<Candidate[]>;
  getClockSkewMs: () => number;
  now: () => number;
}

/** What a look at the history has shown. */
export type Recovery =
  | { state: 'found'; predictionId: string }
  /** Another caller has changed the entry. */
  | { state: 'changed' }
  /** It is proven that nothing was accepted. */
  | { state: 'absent'; cause?: undefined }
  /** It can no longer be found out. */
  | { state: 'undecidable'; cause?: unknown }
  /** Nothing yet; what is not in the history at `until` will never be. */
  | { state: 'pending'; until: number };

/** The history holds the tasks of 7 days; an hour less, for clocks that differ. */
const HISTORY_MS = (7 * 24 - 1) * 60 * 60_000;

/** How exactly the time of a task is known: to the second, as is the service's clock. */
const CLOCK_PRECISION_MS = 2000;

/** Looks once. */
export async function recover(
  key: string,
  entry: SendingEntry,
  revision: number | undefined,
  context: RecoverContext,
): Promise<Recovery> {
  const { settleMs, requestTimeoutMs, signal, now } = context;
  const markedAt = Date.parse(entry.markedAt);
  const spanMs = Date.parse(entry.sendBy) - markedAt + requestTimeoutMs + settleMs;
  // What was accepted was accepted in this time, and is in the history by its end.
  let until = markedAt + spanMs;
  const lookedAt = now();

  let candidates: Candidate[];
  try {
    candidates = await context.findCandidates(entry, { signal });
  } catch (cause) {
    return lookedAt < until && signal?.aborted !== true
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
  // Clocks that are wrong by minutes can explain these, and nothing else is left.
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
