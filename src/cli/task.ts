/** Follows one task until it ends: progress, download, result and exit code. */
import {
  isCompleted,
  NotFoundError,
  PredictionFailedError,
  type Prediction,
  SubmissionUnknownError,
  WaitTimeoutError,
  WaveSpeedError,
  type WaveSpeedKling,
} from '../index.js';
import { exitCodeOf } from './exit-code-of.js';
import { EXIT, isInterruption } from './exit-codes.js';
import { findFiles, renameFiles } from './file-names.js';
import { interrupted } from './interrupt.js';
import {
  describe,
  listCandidates,
  type ListedCandidate,
  notCertainYet,
  resolveCommandLine,
  resumeCommand,
} from './messages.js';
import { note, paint, print } from './output.js';
import type { Row } from './progress.js';

export interface TaskResult {
  line?: number | undefined;
  key?: string | undefined;
  id?: string | undefined;
  model?: string | undefined;
  /** The service's status, `not_submitted`, or `unknown` if the outcome of the submit is unknown. */
  status: string;
  cost?: number | undefined;
  outputs?: string[] | undefined;
  file?: string | undefined;
  /** Set if there is more than one output. */
  files?: string[] | undefined;
  /** From 2, if earlier attempts failed. */
  attempt?: number | undefined;
  error?: { name: string; message: string; candidates?: ListedCandidate[] } | undefined;
}

export interface TaskContext {
  kling: WaveSpeedKling;
  row: Row;
  label: string;
  /** Nothing is downloaded if undefined. */
  directory: string | undefined;
  /** The journal's file and the task's key in it, if there is a journal. */
  journaled?: { path: string; key: string } | undefined;
  /** Whether an interruption is reported once for all tasks, and not here. */
  isOneOfMany?: boolean | undefined;
  /** Names of a task's files without extension; by default they are named by its id. */
  namesOf?: ((id: string, count: number) => string[] | undefined) | undefined;
  result: TaskResult;
}

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

/** Waits for a task, downloads its outputs and fills in its result. Returns its exit code; never rejects. */
export async function followTask(context: TaskContext, run: () => Promise<Prediction>): Promise<number> {
  const { row, directory, result } = context;
  try {
    const prediction = await run();
    Object.assign(result, { id: prediction.id, status: prediction.status, outputs: prediction.outputs });
    result.model ??= prediction.model;
    if (directory !== undefined && isCompleted(prediction)) {
      const [file, ...others] = await saveNamedOutputs(context, prediction, directory);
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

async function saveNamedOutputs(
  { kling, row, namesOf }: TaskContext,
  prediction: Prediction,
  directory: string,
): Promise<string[]> {
  const names = namesOf?.(prediction.id, prediction.outputs.length);
  if (names === undefined) return saveOutputs(kling, prediction, directory, row);
  // Downloaded by an earlier run of the same batch.
  const existing = await findFiles(directory, names);
  return existing ?? renameFiles(await saveOutputs(kling, prediction, directory, row), names);
}

/** Keeps an existing file: its name contains the task's id, so it is the complete output. */
export async function saveOutputs(
  kling: WaveSpeedKling,
  prediction: Prediction,
  directory: string,
  row: Row,
): Promise<string[]> {
  const onProgress = ({ loaded, total }: { loaded: number; total: number | undefined }) =>
    row.transfer('downloading', loaded, total);
  const options = { signal: interrupted, onProgress, ifExists: 'keep' } as const;
  const files = await kling.download(prediction, directory, options);
  return files.map(({ path }) => path);
}

async function reportFailure(context: TaskContext, error: unknown, code: number): Promise<void> {
  const { row, label, directory, journaled, result } = context;
  if (WaveSpeedError.isInstance(error)) result.id ??= error.predictionId;
  if (PredictionFailedError.isInstance(error)) result.status = error.prediction.status;
  else if (WaitTimeoutError.isInstance(error)) result.status = error.lastPrediction?.status ?? result.status;
  else if (result.id === undefined) result.status = code === EXIT.unknown ? 'unknown' : 'not_submitted';
  else if (result.status === 'not_submitted') result.status = 'created';
  const { name, message } = describe(error, result.id);
  result.error = { name, message };
  if (context.isOneOfMany === true && isInterruption(code)) return row.remove();
  row.end(false, isInterruption(code) ? 'interrupted' : code === EXIT.timeout ? 'timed out' : result.status);
  note(`${label}: ${message}`, paint('red', '✖'));
  if (SubmissionUnknownError.isInstance(error) && result.id === undefined) {
    result.error.candidates = await listCandidates(error, directory);
    if (journaled !== undefined) {
      const wait = notCertainYet(error);
      if (wait !== undefined) note(`${label}: ${wait}`, paint('yellow', '→'));
      note(`${label}: once you know its task: ${resolveCommandLine(journaled)}`, paint('yellow', '→'));
    }
  }
  const isOver = PredictionFailedError.isInstance(error) || NotFoundError.isInstance(error);
  if (result.id !== undefined && !isOver) {
    note(`${label}: to resume: ${resumeCommand(result.id, directory)}`, paint('yellow', '→'));
  }
}

export function printFiles({ files, file, outputs = [] }: TaskResult): void {
  for (const output of files ?? (file === undefined ? outputs : [file])) print(output);
}
