/** Reads and writes journal entries, and validates what a journal returns. */
import { JournalError } from '../../core/errors/input-error.js';
import { idOf } from '../../core/prediction.js';
import { getErrorMessage } from '../../utils/error-message.js';
import { isRecord } from '../../utils/is-record.js';
import type { StoredEntry } from './entry-table.js';
import type { Journal, JournalEntry } from './journal.js';

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isTime = (value: unknown) => typeof value === 'string' && !Number.isNaN(Date.parse(value));

/** Returns what is wrong with an entry, without quoting it; undefined for a valid one. */
export function findEntryProblem(entry: unknown): string | undefined {
  if (!isRecord(entry)) return 'entry: not an object';
  if (!isText(entry.fingerprint)) return 'entry.fingerprint: not a text';
  if (!isText(entry.model)) return 'entry.model: not a text';
  if (!Number.isInteger(entry.attempt) || Number(entry.attempt) < 1)
    return 'entry.attempt: not a number above 0';
  switch (entry.state) {
    case 'idle':
      return typeof entry.reason === 'string' ? undefined : 'entry.reason: not a text';
    case 'sending':
      return isTime(entry.markedAt) && isTime(entry.sendBy)
        ? undefined
        : 'entry.markedAt or entry.sendBy: not a time in ISO 8601';
    case 'submitted':
      return isText(entry.predictionId) ? undefined : 'entry.predictionId: not a text';
    case 'ended':
      if (!isText(entry.predictionId)) return 'entry.predictionId: not a text';
      return idOf(entry.prediction) === undefined ? 'entry.prediction: not a prediction' : undefined;
    default:
      return 'entry.state: unknown';
  }
}

export async function readEntry(journal: Journal, key: string): Promise<StoredEntry | undefined> {
  const found: unknown = await call('get', key, () => journal.get(key));
  if (found === undefined) return undefined;
  const { entry, revision } = isRecord(found) ? found : {};
  const problem = Number.isInteger(revision) ? findEntryProblem(entry) : 'revision: not an integer';
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
  const result: unknown = await call('put', key, () => journal.put(key, entry, revision));
  const isRevision = Number.isInteger(result) && result !== revision;
  if (isRevision || result === 'stale' || result === 'taken') return result as number | 'stale' | 'taken';
  throw new JournalError(
    `The journal's \`put\` returned ${JSON.stringify(result) ?? String(result)} for ${JSON.stringify(key)}; ` +
      "expected the new revision (an integer), 'stale' or 'taken'.",
  );
}

async function call<T>(method: 'get' | 'put', key: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (JournalError.isInstance(cause)) throw cause;
    throw new JournalError(
      `The journal's \`${method}\` failed for ${JSON.stringify(key)}: ${getErrorMessage(cause)}.`,
      { cause },
    );
  }
}
