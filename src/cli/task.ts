/** Follows one task to its end: progress, download, the result that is printed, and the exit code. */
import {
  DownloadError,
  isCompleted,
  PredictionFailedError,
  type Prediction,
  SubmissionUnknownError,
  WaitTimeoutError,
  WaveSpeedError,
  type WaveSpeedKling,
} from '../index.js';
import { EXIT, exitCodeOf, Interruption } from './exit-codes.js';
import { interrupted } from './interrupt.js';
import { note, paint, print } from './output.js';
import type { Row } from './progress.js';

/** How long candidates of a lost submit are looked for, in milliseconds. */
const CANDIDATES_TIMEOUT_MS = 20_000;

/** A task as `--json` prints it. */
export interface TaskResult {
  /** Line of the batch, from 1. */
  line?: number | undefined;
  key?: string | undefined;
  id?: string | undefined;
  model?: string | undefined;
  /** The service's status; `not_submitted`, or `unknown` where the outcome of the submit is. */
  status: string;
  /** In US dollars. */
  cost?: number | undefined;
  outputs?: string[] | undefined;
  /** Path of the first output, where it was downloaded. */
  file?: string | undefined;
  /** Paths of all outputs, where there is more than one. */
  files?: string[] | undefined;
  error?: { name: string; message: string; candidates?: Candidate[] } | undefined;
}

interface Candidate {
  id: string;
  status: string;
  created_at: string;
  /** `true`: its input is the one submitted. `null`: the service does not show its input. */
  exact_match: boolean | null;
}

/** What is known of a task beforehand. */
export interface TaskContext {
  kling: WaveSpeedKling;
  row: Row;
  /** Names the task in messages. */
  label: string;
  /** Where outputs are downloaded to; undefined: not at all. */
  directory: string | undefined;
  result: TaskResult;
}

/** Quotes a word for a shell, where it needs it. */
function quote(word: string): string {
  return /^[\w./:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** Returns the command that resumes a task. */
export function resumeCommand(id: string, directory = 'out'): string {
  return `wavespeed-kling wait ${quote(id)} -o ${quote(directory)}`;
}

/** Returns the callbacks of a task's life that keep its row, its result and stderr up to date. */
export function taskCallbacks({ row, label, result, directory }: TaskContext) {
  return {
    onSubmitted: ({ id, status }: Prediction) => {
      result.id = id;
      result.status = status;
      note(`${label}: accepted; to resume: ${resumeCommand(id, directory)}`, paint('dim', '·'));
    },
    onUpdate: ({ status }: Prediction) => {
      result.status = status;
      row.update(status);
    },
  };
}

/** Waits for a task, downloads its outputs, and fills in its result. Returns its exit code; does not reject. */
export async function followTask(context: TaskContext, run: () => Promise<Prediction>): Promise<number> {
  const { kling, row, directory, result } = context;
  try {
    const prediction = await run();
    Object.assign(result, { id: prediction.id, status: prediction.status, outputs: prediction.outputs });
    result.model ??= prediction.model;
    if (directory !== undefined && isCompleted(prediction)) {
      const [file, ...others] = await saveOutputs(kling, prediction, directory, row);
      result.file = file;
      if (file !== undefined && others.length > 0) result.files = [file, ...others];
    }
    row.end(true, prediction.status);
    return EXIT.done;
  } catch (error) {
    const code = exitCodeOf(error);
    await reportFailure(context, error, code);
    return code;
  }
}

/** Downloads a task's outputs. A file that exists is complete and the task's own: its name holds the task's id. */
export async function saveOutputs(
  kling: WaveSpeedKling,
  prediction: Prediction,
  directory: string,
  row: Row,
): Promise<string[]> {
  const options = {
    signal: interrupted,
    onProgress: ({ loaded, total }: { loaded: number; total: number | undefined }) =>
      row.transfer('downloading', loaded, total),
  };
  row.update('downloading');
  try {
    const files = await kling.download(prediction, directory, options);
    return files.map(({ path }) => path);
  } catch (error) {
    if (!DownloadError.isInstance(error) || error.reason !== 'exists') throw error;
    if (prediction.outputs.length === 1) return [error.path];
    const files = await kling.download(prediction, directory, { ...options, overwrite: true });
    return files.map(({ path }) => path);
  }
}

async function reportFailure(context: TaskContext, error: unknown, code: number): Promise<void> {
  const { row, label, directory, result } = context;
  if (WaveSpeedError.isInstance(error)) result.id ??= error.predictionId;
  if (PredictionFailedError.isInstance(error)) result.status = error.prediction.status;
  else if (WaitTimeoutError.isInstance(error)) result.status = error.lastPrediction?.status ?? result.status;
  else if (result.id === undefined) result.status = code === EXIT.unknown ? 'unknown' : 'not_submitted';
  const { name, message } = describe(error, result.id);
  result.error = { name, message };
  row.end(
    false,
    code === EXIT.interrupted ? 'interrupted' : code === EXIT.timeout ? 'timed out' : result.status,
  );
  note(`${label}: ${message}`, paint('red', '✖'));
  if (SubmissionUnknownError.isInstance(error) && result.id === undefined) {
    result.error.candidates = await listCandidates(error, directory);
  }
  if (result.id !== undefined && !PredictionFailedError.isInstance(error)) {
    note(`${label}: to resume: ${resumeCommand(result.id, directory)}`, paint('yellow', '→'));
  }
}

/** Words an error for a terminal: the library's messages name its own methods. */
export function describe(error: unknown, id?: string): { name: string; message: string } {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof Interruption)
    return {
      name: 'Interrupted',
      message: id === undefined ? 'Interrupted; nothing was submitted.' : message,
    };
  if (name === 'AbortError' && id !== undefined) {
    return { name: 'Interrupted', message: `Interrupted. Task ${id} goes on, and is paid for.` };
  }
  if (WaitTimeoutError.isInstance(error)) {
    const seconds = Number((error.elapsedMs / 1000).toFixed(1));
    return {
      name,
      message: `Timed out after ${seconds} s. Task ${error.predictionId} goes on, and is paid for.`,
    };
  }
  if (SubmissionUnknownError.isInstance(error)) {
    const why = error.cause instanceof Error ? ` (${error.cause.message.replace(/\.$/, '')})` : '';
    const message =
      id === undefined
        ? `The task may or may not have been accepted, and paid for${why}. It was sent once and is not sent again.`
        : `Task ${id} was accepted, and is paid for${why}.`;
    return { name, message };
  }
  return { name, message };
}

/** Prints the tasks that a lost submit may have started. */
async function listCandidates(
  error: SubmissionUnknownError,
  directory: string | undefined,
): Promise<Candidate[]> {
  let found;
  try {
    found = await error.candidates({ timeoutMs: CANDIDATES_TIMEOUT_MS });
  } catch (cause) {
    note(`The tasks of the account cannot be listed: ${describe(cause).message}`, paint('red', '✖'));
    return [];
  }
  if (found.length === 0) {
    note(
      'The history shows no task that it may be. It can lag behind: see `wavespeed-kling list` before you run it again ' +
        '(with --journal: --when-absent resubmit).',
    );
    return [];
  }
  note('Tasks that it may be:');
  for (const { id, status, created_at, exactMatch } of found) {
    const match =
      exactMatch === undefined ? 'its input is not shown' : exactMatch ? 'same input' : 'another input';
    note(`  ${id}  ${status}  ${created_at}  ${match}`);
  }
  const matches = found.filter(({ exactMatch }) => exactMatch === true);
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

/** Prints a task's files, or its outputs' URLs, one per line. */
export function printFiles({ files, file, outputs = [] }: TaskResult): void {
  for (const output of files ?? (file === undefined ? outputs : [file])) print(output);
}
