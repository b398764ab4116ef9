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

/** Looks once. */
export async function recover(
  key: string,
  entry: SendingEntry,
  revision: number | undefined,
  context: RecoverContext,
): Promise<Recovery> {
  const { journal, settleMs, requestTimeoutMs, signal, now } = context;
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
  for (const { id, exactMatch, created_at } of candidates) {
    const createdAt = Date.parse(created_at);
    if (createdAt > until || exactMatch === false) continue;
    // A task that does not show its input may be the one.
    if (exactMatch === undefined || Number.isNaN(createdAt)) isBlind = true;
    if (exactMatch === undefined) continue;
    const { fingerprint, model, attempt } = entry;
    const submitted: JournalEntry = { fingerprint, model, attempt, state: 'submitted', predictionId: id };
    const put = await writeEntry(journal, key, submitted, revision);
    if (typeof put === 'number') return { state: 'found', predictionId: id };
    if (put === 'stale') return { state: 'changed' };
    // A key with the same input may have taken this one's task before its own was in the history: by then its own is.
    until = Math.max(until, createdAt + spanMs);
  }
  if (lookedAt < until) return { state: 'pending', until };
  return isBlind ? { state: 'undecidable' } : { state: 'absent' };
}
