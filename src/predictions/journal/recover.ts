/** Searches the history for the task of an interrupted submit, and assigns it to the key. */
import type { Candidate } from '../../core/errors/prediction-error.js';
import type { ComparedTask, FoundTasks } from '../candidates.js';
import { commonOf, type Journal, type JournalEntry, type SendingEntry, writeEntry } from './journal.js';
import { type KeyedCall, lastTimeOf } from './key-context.js';

interface OpenMark {
  key: string;
  entry: SendingEntry;
  revision: number | undefined;
  /** When it was written, or first seen by this call; by `clock.elapsed()`. */
  seenAt: number;
  /** Written by this call. */
  isOwn: boolean;
}

export type Recovery =
  | { state: 'found'; predictionId: string }
  | { state: 'changed' }
  /** Proven: nothing was accepted. */
  | { state: 'absent'; cause?: undefined }
  /** The history cannot tell. */
  | { state: 'undecidable'; cause?: unknown }
  /** Not found yet. A task that is not in the history after this time does not exist. */
  | { state: 'pending'; remainingMs: number };

/** The history covers 7 days; one hour less allows for clock skew. */
const HISTORY_MS = (7 * 24 - 1) * 60 * 60_000;

/** Creation times are precise to the second, like the service's clock. */
const CLOCK_PRECISION_MS = 2000;

export async function recover(mark: OpenMark, context: KeyedCall): Promise<Recovery> {
  const { entry } = mark;
  const { signal } = context.call;
  const lookedAt = context.clock.elapsed();
  let found: FoundTasks;
  try {
    found = await context.findCandidates(byPresentClock(mark, context.clock), { signal }, 'around');
  } catch (cause) {
    const { remainingMs } = readTimes(mark, context, lookedAt);
    // A call that ended during a search has learned nothing: the next one with this key searches again.
    return remainingMs > 0 || signal.aborted
      ? { state: 'pending', remainingMs: Math.max(0, remainingMs) }
      : { state: 'undecidable', cause };
  }
  const times = readTimes(mark, context, lookedAt);
  let { remainingMs } = times;
  const taken = new Set<string>();
  const matches = found.tasks.filter(({ exactMatch }) => exactMatch === true);
  for (const candidate of matches.filter(times.isInTime)) {
    const claim = await take(mark, candidate, context);
    if (claim !== 'taken') return claim;
    taken.add(candidate.id);
    // A key with the same input may have taken this one's task before its own was in the history: by then its own is.
    const createdAt = Date.parse(candidate.created_at) || 0;
    remainingMs = Math.max(remainingMs, createdAt + times.spanMs + CLOCK_PRECISION_MS - times.now);
  }
  if (remainingMs > 0) return { state: 'pending', remainingMs };
  // Only clocks that are wrong by minutes can explain these.
  for (const candidate of matches) {
    const claim = taken.has(candidate.id) ? 'taken' : await take(mark, candidate, context);
    if (claim !== 'taken') return claim;
    taken.add(candidate.id);
  }
  if (times.isBeyondHistory) return { state: 'undecidable' };
  let tasks = found.tasks.filter(times.isInTime);
  if (!times.isCertain) {
    try {
      found = await context.findCandidates(entry, { signal }, 'all');
      tasks = found.tasks;
    } catch (cause) {
      return signal.aborted ? { state: 'pending', remainingMs: 0 } : { state: 'undecidable', cause };
    }
  }
  if (found.gap !== undefined) return { state: 'undecidable', cause: found.gap };
  const others = tasks.filter(({ id }) => !taken.has(id));
  return (await areOfOtherKeys(others, mark, context.journal))
    ? { state: 'absent' }
    : { state: 'undecidable' };
}

async function take(
  { key, entry, revision }: OpenMark,
  { id }: Candidate,
  { journal }: KeyedCall,
): Promise<Recovery | 'taken'> {
  const submitted: JournalEntry = {
    ...commonOf(entry),
    state: 'submitted',
    predictionId: id,
    submittedAt: entry.markedAt,
  };
  const put = await writeEntry(journal, key, submitted, revision);
  if (put === 'taken') return put;
  return put === 'stale' ? { state: 'changed' } : { state: 'found', predictionId: id };
}

/**
 * A task that belongs to no other key may belong to this one, even if it shows another input: the service may show an input
 * differently from how it was sent, such as with the URL of its own copy.
 */
async function areOfOtherKeys(
  tasks: readonly ComparedTask[],
  { key, entry }: OpenMark,
  journal: Journal,
): Promise<boolean> {
  let openDigests: Set<string> | undefined;
  for (const { id, digest } of tasks) {
    if ((await journal.find?.(id)) !== undefined) continue;
    if (digest === undefined || digest === entry.digest) return false;
    openDigests ??= await readOpenDigests(journal, key);
    if (!openDigests.has(digest)) return false;
  }
  return true;
}

/** Digests of the other keys whose task is not known yet. */
async function readOpenDigests(journal: Journal, ownKey: string): Promise<Set<string>> {
  const digests = new Set<string>();
  for await (const { key, entry } of journal.entries?.() ?? []) {
    if (key !== ownKey && entry.state === 'sending') digests.add(entry.digest);
  }
  return digests;
}

/** How far the machine's clock was moved since this call wrote the mark, in milliseconds. */
function clockChangeMs({ entry, seenAt }: OpenMark, clock: KeyedCall['clock']): number {
  return clock.local() - (clock.elapsed() - seenAt) - Date.parse(entry.markedAt);
}

/** A mark of this call with the time of the machine: the clock may have been set since, or the machine may have slept. */
function byPresentClock(mark: OpenMark, clock: KeyedCall['clock']): SendingEntry {
  const { entry, isOwn } = mark;
  if (!isOwn || entry.clock === undefined) return entry;
  const changeMs = clockChangeMs(mark, clock);
  const shift = (time: string, ms: number) => new Date(Date.parse(time) + ms).toISOString();
  return {
    ...entry,
    markedAt: shift(entry.markedAt, Math.min(0, changeMs)),
    sendBy: shift(entry.sendBy, Math.max(0, changeMs)),
  };
}

function readTimes(mark: OpenMark, context: KeyedCall, lookedAt: number) {
  const { entry, seenAt, isOwn } = mark;
  const { clock } = context;
  const markedAt = Date.parse(entry.markedAt);
  /** Anything accepted was accepted within this time, and is in the history by its end. */
  const spanMs = lastTimeOf(entry.sendBy, context) - markedAt;
  const service = clock.service();
  const sinceLookMs = clock.elapsed() - lookedAt;
  const now = service.now - sinceLookMs;
  const hasServiceTime = entry.clock === undefined;
  // Without the same clock on both sides, the mark is watched for the whole time.
  const isObserved = isOwn || !hasServiceTime || !service.isKnown;
  const skewMs = service.now - clock.local();
  const isMeasured = isOwn && service.isKnown && Math.abs(clockChangeMs(mark, clock)) < CLOCK_PRECISION_MS;
  const startedAt = hasServiceTime ? markedAt : isMeasured ? now - (lookedAt - seenAt) : markedAt + skewMs;
  return {
    spanMs,
    /** The service's, when the search began. */
    now,
    remainingMs: isObserved ? seenAt + spanMs - lookedAt : startedAt + spanMs - now,
    /** Whether it is certain when the task was created, if there is one. */
    isCertain: hasServiceTime || isMeasured,
    isBeyondHistory: now - startedAt > HISTORY_MS,
    isInTime: ({ created_at }: Candidate): boolean => {
      const sinceStartMs = Date.parse(created_at) - startedAt;
      // A task without a time may be of any.
      return !(sinceStartMs < -CLOCK_PRECISION_MS || sinceStartMs > spanMs + CLOCK_PRECISION_MS);
    },
  };
}
