/** Error messages for the terminal, with the next step. */
import { IdempotencyConflictError, SubmissionUnknownError, WaitTimeoutError } from '../index.js';
import { Interruption } from './exit-codes.js';
import { note, paint } from './output.js';

const CANDIDATES_TIMEOUT_MS = 20_000;

/** `1 task`, `2 tasks`. */
export const count = (amount: number, noun: string) => `${amount} ${noun}${amount === 1 ? '' : 's'}`;

export interface ListedCandidate {
  id: string;
  status: string;
  created_at: string;
  /** `true`: the input is the one submitted. `null`: the service does not return the input. */
  exact_match: boolean | null;
}

export function quote(word: string): string {
  return /^[\w./:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

export function resumeCommand(id: string, directory = 'out'): string {
  return `wavespeed-kling wait ${quote(id)} -o ${quote(directory)}`;
}

export function resolveCommandLine({ key, path }: { key: string; path: string }): string {
  return `wavespeed-kling resolve ${quote(key)} <id or none> --journal ${quote(path)}`;
}

/** Without its full stop. */
const endless = (sentence: string) => sentence.replace(/\.$/, '');

/** The key of a row that has none is made from its text: only the content of its files can differ. */
const DERIVED_KEY = /^line-[0-9a-f]{32}(?:#\d+)?$/;

const FILES_CHANGED =
  'The row was submitted before, and a file that it names has changed since; nothing was sent. For a video of the new file, give the row a `key`.';

/** Rewords errors for a terminal: the library's messages name its own methods. */
export function describe(error: unknown, id?: string): { name: string; message: string } {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof Interruption) {
    const nothing = id === undefined ? 'Interrupted; nothing was submitted.' : message;
    return { name: 'Interrupted', message: nothing };
  }
  if (name === 'AbortError' && id !== undefined) {
    return { name: 'Interrupted', message: `Interrupted. Task ${id} continues and has been charged.` };
  }
  if (WaitTimeoutError.isInstance(error)) {
    const seconds = Number((error.elapsedMs / 1000).toFixed(1));
    const why = error.cause instanceof Error ? `; the last poll failed: ${endless(error.cause.message)}` : '';
    return {
      name,
      message: `Timed out after ${seconds} s${why}. Task ${error.predictionId} continues and has been charged.`,
    };
  }
  if (SubmissionUnknownError.isInstance(error)) {
    const why = error.cause instanceof Error ? ` (${endless(error.cause.message)})` : '';
    const message =
      id === undefined
        ? `The task may or may not have been accepted and charged${why}. It was sent once and is not sent again.`
        : `Task ${id} was accepted and charged${why}.`;
    return { name, message };
  }
  if (IdempotencyConflictError.isInstance(error) && DERIVED_KEY.test(error.idempotencyKey)) {
    return { name, message: FILES_CHANGED };
  }
  return {
    name,
    message: message
      .replace(/pass \{ force: true \}/i, 'add --force')
      .replace(/(raise) `maxCost`/i, '$1 --max-cost'),
  };
}

/** Says when the outcome of a keyed submit will be certain, if it is not yet. */
export function notCertainYet({ certainAt }: SubmissionUnknownError): string | undefined {
  if (certainAt.getTime() <= Date.now()) return undefined;
  const time = certainAt.toISOString().slice(0, 19);
  return `not decided before ${time}Z: run the same command again after that. It is not paid twice.`;
}

export async function listCandidates(
  error: SubmissionUnknownError,
  directory: string | undefined,
): Promise<ListedCandidate[]> {
  let found;
  try {
    found = await error.candidates({ timeoutMs: CANDIDATES_TIMEOUT_MS });
  } catch (cause) {
    note(`The tasks of the account cannot be listed: ${describe(cause).message}`, paint('red', '✖'));
    return [];
  }
  const possible = found.filter(({ exactMatch }) => exactMatch !== false);
  if (possible.length > 0) note('Tasks that the submit may have started:');
  for (const { id, status, created_at, exactMatch } of possible) {
    note(
      `  ${id}  ${status}  ${created_at}  ${exactMatch === true ? 'same input' : 'its input is not shown'}`,
    );
  }
  const others = found.length - possible.length;
  if (others > 0) {
    note(
      `Submitted in these minutes with another input: ${count(others, 'task')}, see \`wavespeed-kling list\`.`,
    );
  }
  if (possible.length === 0) {
    note(
      'The history shows no task that the submit may have started. It can lag behind: see `wavespeed-kling list` before you run it again ' +
        '(with --journal: --when-absent resubmit).',
    );
  }
  const matches = possible.filter(({ exactMatch }) => exactMatch === true);
  const [match] = matches;
  if (match !== undefined && matches.length === 1) {
    note(`To resume: ${resumeCommand(match.id, directory)}`, paint('yellow', '→'));
  }
  return found.map(({ id, status, created_at, exactMatch }) => ({
    id,
    status,
    created_at,
    exact_match: exactMatch ?? null,
  }));
}
