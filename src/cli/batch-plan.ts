/** Finds out what a batch would do: which rows the journal knows, which attempt of each counts, and what is to be paid. */
import { isCompleted, type Journal, type JournalEntry } from '../index.js';
import type { BatchLine } from './batch-file.js';
import { CommandError, EXIT } from './exit-codes.js';

export interface PlannedRow extends BatchLine {
  /** From 1; `--retry-failed` makes further ones, each with a key of its own. */
  attempt: number;
  /** Whether the journal has a task for it, so that it costs nothing. */
  isKnown: boolean;
}

const MAX_KEY_LENGTH = 255;

/** Key of a later attempt: `fox#2`. */
export function attemptKey(key: string, attempt: number): string {
  if (attempt === 1) return key;
  const suffix = `#${attempt}`;
  return key.slice(0, MAX_KEY_LENGTH - suffix.length) + suffix;
}

/** A key that another row's later attempt would have. */
function checkAttemptKeys(rows: readonly BatchLine[]): void {
  const lines = new Map(rows.map(({ idempotencyKey, line }) => [idempotencyKey, line]));
  for (const { idempotencyKey, line } of rows) {
    const owner = lines.get(/^(.*)#\d+$/s.exec(idempotencyKey)?.[1] ?? '');
    if (owner === undefined) continue;
    throw new CommandError(
      `The key "${idempotencyKey}" of line ${line} is the key that a later attempt of line ${owner} would have; nothing was sent.`,
      EXIT.usage,
    );
  }
}

const hasFailed = (entry: JournalEntry) => entry.state === 'ended' && !isCompleted(entry.prediction);

/**
 * Looks up each row in the journal. The latest attempt of a row counts; with `retryFailed`, a row whose latest attempt
 * failed gets another one.
 */
export async function planBatch(
  rows: readonly BatchLine[],
  journal: Journal | undefined,
  retryFailed: boolean,
): Promise<PlannedRow[]> {
  if (journal === undefined) return rows.map((row) => ({ ...row, attempt: 1, isKnown: false }));
  checkAttemptKeys(rows);
  const planned: PlannedRow[] = [];
  for (const row of rows) planned.push(await planRow(row, journal, retryFailed));
  return planned;
}

/** The client compares the input too, by a fingerprint of all files: once the row is due. */
function checkModel({ idempotencyKey, line, model }: BatchLine, entry: JournalEntry | undefined): void {
  if (entry === undefined || entry.state === 'idle' || entry.model === model.id) return;
  throw new CommandError(
    `The key "${idempotencyKey}" of line ${line} was used before with another model (${entry.model}); nothing was sent. Use a new key for a new request.`,
    EXIT.usage,
  );
}

async function planRow(row: BatchLine, journal: Journal, retryFailed: boolean): Promise<PlannedRow> {
  let attempt = 1;
  let entry = (await journal.get(row.idempotencyKey))?.entry;
  checkModel(row, entry);
  while (entry !== undefined && hasFailed(entry)) {
    const next = (await journal.get(attemptKey(row.idempotencyKey, attempt + 1)))?.entry;
    if (next === undefined && !retryFailed) break;
    attempt += 1;
    entry = next;
  }
  const idempotencyKey = attemptKey(row.idempotencyKey, attempt);
  const isKnown = entry?.state === 'submitted' || entry?.state === 'ended';
  return { ...row, idempotencyKey, attempt, isKnown };
}
