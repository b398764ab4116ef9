/** Reads and writes journal entries, and validates what a journal returns. */
import * as z from 'zod';
import { JournalError } from '../../core/errors/input-error.js';
import { normalizePrediction, type Prediction } from '../../core/prediction.js';
import { getErrorMessage } from '../../utils/error-message.js';
import { once } from '../../utils/once.js';
import type { StoredEntry } from './entry-table.js';
import type { Journal, JournalEntry } from './journal.js';

const getStoredSchema = once(() => {
  const time = z.string().refine((text) => !Number.isNaN(Date.parse(text)), 'not a time in ISO 8601');
  const id = z.string().min(1);
  const common = { fingerprint: z.string().min(1), model: z.string().min(1), attempt: z.int().min(1) };

  const entrySchema = z.discriminatedUnion('state', [
    z.looseObject({ ...common, state: z.literal('idle'), reason: z.string() }),
    z.looseObject({
      ...common,
      state: z.literal('sending'),
      body: z.unknown(),
      markedAt: time,
      sendBy: time,
    }),
    z.looseObject({ ...common, state: z.literal('submitted'), predictionId: id }),
    z.looseObject({
      ...common,
      state: z.literal('ended'),
      predictionId: id,
      prediction: z.custom<Prediction>(
        (value) => normalizePrediction(value) !== undefined,
        'not a prediction',
      ),
    }),
  ]);

  return z.looseObject({ entry: entrySchema, revision: z.int() });
});

export function parseStoredEntry(value: unknown): StoredEntry | { problem: string } {
  const result = getStoredSchema().safeParse(value);
  if (result.success) return { entry: result.data.entry as JournalEntry, revision: result.data.revision };
  const [issue] = result.error.issues;
  return { problem: `${issue?.path.join('.') || 'the entry'}: ${issue?.message ?? 'not valid'}` };
}

export async function readEntry(journal: Journal, key: string): Promise<StoredEntry | undefined> {
  const found: unknown = await call('get', key, () => journal.get(key));
  if (found === undefined) return undefined;
  const stored = parseStoredEntry(found);
  if ('problem' in stored) {
    throw new JournalError(
      `The journal's \`get\` returned no valid entry for ${JSON.stringify(key)} (${stored.problem}); ` +
        'expected { entry, revision } as it was given to `put`, or undefined.',
    );
  }
  return stored;
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
