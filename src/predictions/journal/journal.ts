/** The journal of idempotency keys: its interface, to be implemented for other stores such as SQL, and the check of its entries. */
import { JournalError } from '../../core/errors/input-error.js';
import { idOf, type Prediction } from '../../core/prediction.js';
import { getErrorMessage } from '../../utils/error-message.js';
import { isRecord } from '../../utils/is-record.js';

/**
 * Entry of one key. Plain JSON, without request bodies and inputs. Times are ISO 8601, by the service's clock.
 */
export type JournalEntry = {
  /** SHA-256 of the service, the model and the validated input. */
  fingerprint: string;
  model: string;
  /** The service that the key was used with: the origin of its URL. The fingerprint covers it; this names it in errors. */
  origin?: string;
  /** Number of submits under this key, from 1. */
  attempt: number;
} & (
  | { /** Proven: there is no task. */ state: 'idle'; reason: string }
  | {
      /** A POST may begin until `sendBy`, and not later. */
      state: 'sending';
      /** SHA-256 of the request body. */
      digest: string;
      /** Token of this mark. */
      writer: string;
      markedAt: string;
      sendBy: string;
      /** Set if the service's time was not known: the times are those of the machine. */
      clock?: 'local';
    }
  | {
      state: 'submitted';
      predictionId: string;
      submittedAt?: string;
      /** Estimated cost, in US dollars. */
      cost?: number;
    }
  | {
      state: 'ended';
      predictionId: string;
      /** Without its input. */
      prediction: Prediction;
      submittedAt?: string;
      cost?: number;
    }
);

export type SendingEntry = Extract<JournalEntry, { state: 'sending' }>;

export interface StoredEntry {
  entry: JournalEntry;
  revision: number;
}

/** Stores one entry per idempotency key, with compare-and-set. */
export interface Journal {
  /** Returns the entry of a key and its revision, or undefined if there is none. */
  get(key: string): Promise<{ entry: JournalEntry; revision: number } | undefined>;
  /**
   * Writes an entry if `revision` is the stored one (undefined: the key has no entry). Atomic, and durable when it resolves.
   *
   * @returns The new revision; `'stale'` if `revision` is not the stored one; `'taken'` if another key has this prediction id.
   */
  put(key: string, entry: JournalEntry, revision?: number): Promise<number | 'stale' | 'taken'>;
  /** Optional: returns the key of a task, or undefined. `settle` needs it, and so does proof that a submit was not accepted. */
  find?(predictionId: string): Promise<string | undefined>;
  /** Optional: every entry, in no particular order. */
  entries?(): AsyncIterable<{ key: string; entry: JournalEntry }>;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isTime = (value: unknown) => typeof value === 'string' && !Number.isNaN(Date.parse(value));

/** Returns what is wrong with an entry, without quoting it; undefined for a valid one. */
export function findEntryProblem(entry: unknown): string | undefined {
  if (!isRecord(entry)) return 'entry: not an object';
  if (!isText(entry.fingerprint)) return 'entry.fingerprint: not a text';
  if (!isText(entry.model)) return 'entry.model: not a text';
  if (!Number.isInteger(entry.attempt) || Number(entry.attempt) < 1) {
    return 'entry.attempt: not a number above 0';
  }
  switch (entry.state) {
    case 'idle':
      return typeof entry.reason === 'string' ? undefined : 'entry.reason: not a text';
    case 'sending':
      if (!isText(entry.digest)) return 'entry.digest: not a text';
      if (!isText(entry.writer)) return 'entry.writer: not a text';
      if (!isTime(entry.markedAt)) return 'entry.markedAt: not a time in ISO 8601';
      return isTime(entry.sendBy) ? undefined : 'entry.sendBy: not a time in ISO 8601';
    case 'submitted':
      return isText(entry.predictionId) ? undefined : 'entry.predictionId: not a text';
    case 'ended':
      if (!isText(entry.predictionId)) return 'entry.predictionId: not a text';
      return idOf(entry.prediction) === undefined ? 'entry.prediction: not a prediction' : undefined;
    default:
      return 'entry.state: unknown';
  }
}

export function withoutInput(prediction: Prediction): Prediction {
  const { input: _input, inputs: _inputs, ...rest } = prediction;
  return rest;
}

/** The fields that every state of an entry has. */
export function commonOf({ fingerprint, model, origin, attempt }: JournalEntry) {
  return origin === undefined ? { fingerprint, model, attempt } : { fingerprint, model, origin, attempt };
}

export async function readEntry(journal: Journal, key: string): Promise<StoredEntry | undefined> {
  const found: unknown = await callJournal('get', key, () => journal.get(key));
  if (found === undefined) return undefined;
  const { entry, revision } = isRecord(found) ? found : {};
  const problem =
    findEntryProblem(entry) ?? (Number.isInteger(revision) ? undefined : 'revision: not an integer');
  if (problem === undefined) return { entry: entry as JournalEntry, revision: revision as number };
  throw new JournalError(
    `The journal's \`get\` returned no valid entry for ${JSON.stringify(key)} (${problem}); ` +
      'expected { entry, revision } as it was given to `put`, or undefined.',
  );
}

export async function writeEntry(
  journal: Journal,
  key: string,
  entry: JournalEntry,
  revision: number | undefined,
): Promise<number | 'stale' | 'taken'> {
  const result: unknown = await callJournal('put', key, () => journal.put(key, entry, revision));
  const isRevision = Number.isInteger(result) && result !== revision;
  if (isRevision || result === 'stale' || result === 'taken') return result as number | 'stale' | 'taken';
  throw new JournalError(
    `The journal's \`put\` returned ${JSON.stringify(result) ?? String(result)} for ${JSON.stringify(key)}; ` +
      "expected the new revision (an integer), 'stale' or 'taken'.",
  );
}

async function callJournal<T>(method: 'get' | 'put', key: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (JournalError.isInstance(cause)) throw cause;
    throw new JournalError(
      `The journal's \`${method}\` failed for ${JSON.stringify(key)}: ${getErrorMessage(cause).replace(/[.\s]+$/, '')}.`,
      { cause },
    );
  }
}
