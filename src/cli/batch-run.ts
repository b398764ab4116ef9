/** Runs a planned batch: each result is printed as it comes, and the summary at the end. */
import type { ManyRequest, ManyResult, WaveSpeedKling } from '../index.js';
import type { PlannedRow } from './batch-plan.js';
import { printSummary, Tally } from './batch-summary.js';
import { exitCodeOf } from './exit-code-of.js';
import { combineExitCodes } from './exit-codes.js';
import type { FileNames } from './file-names.js';
import { interrupted } from './interrupt.js';
import { printJson } from './output.js';
import type { Progress } from './progress.js';
import { followTask, taskCallbacks, type TaskContext } from './task.js';

export interface RunBatchOptions {
  /** The journal's file. */
  journal: string | undefined;
  /** Nothing is downloaded if undefined. */
  output: string | undefined;
  names: FileNames;
  progress: Progress;
  maxCost: number | undefined;
  concurrency: number | undefined;
  timeoutMs: number | undefined;
  whenAbsent: 'resubmit' | undefined;
}

const DOWNLOADS = 4;

/** The rows that have begun; one that has not costs no row of the display. */
class Contexts {
  readonly #byIndex = new Map<number, TaskContext>();

  constructor(
    readonly kling: WaveSpeedKling,
    readonly rows: readonly PlannedRow[],
    readonly options: RunBatchOptions,
  ) {}

  get(index: number): TaskContext {
    const existing = this.#byIndex.get(index);
    const row = this.rows[index];
    if (existing !== undefined) return existing;
    if (row === undefined) throw new RangeError(`There is no row for request ${index}.`);
    const { journal, output, names, progress } = this.options;
    const { key, cost, line } = row;
    const label = key ?? `line ${line}`;
    const context: TaskContext = {
      kling: this.kling,
      label,
      row: progress.row(label, cost),
      directory: output,
      journaled: journal === undefined ? undefined : { path: journal, key: row.idempotencyKey },
      isOneOfMany: true,
      namesOf: (id, count) => names.namesOf(row, id, count),
      result: resultOf(row),
    };
    this.#byIndex.set(index, context);
    return context;
  }

  has(index: number): boolean {
    return this.#byIndex.has(index);
  }
}

const resultOf = ({ line, key, model, cost, attempt }: PlannedRow): TaskContext['result'] => ({
  line,
  key,
  ...(attempt > 1 && { attempt }),
  model: model.id,
  status: 'not_submitted',
  cost,
});

/** Returns the exit code. */
export async function runBatch(
  kling: WaveSpeedKling,
  rows: readonly PlannedRow[],
  options: RunBatchOptions,
): Promise<number> {
  const { journal, output, concurrency, maxCost, timeoutMs, whenAbsent } = options;
  const contexts = new Contexts(kling, rows, options);
  const requests = rows.map(
    ({ model, input, idempotencyKey }) =>
      ({ model, input, ...(journal !== undefined && { idempotencyKey }) }) as ManyRequest,
  );
  const results = kling.runMany(requests, {
    signal: interrupted,
    concurrency,
    maxCost,
    timeoutMs,
    whenAbsent,
    onSubmitted: (task, index) => taskCallbacks(contexts.get(index)).onSubmitted(task),
    onUpdate: (task, index) => taskCallbacks(contexts.get(index)).onUpdate(task),
  });
  const codes: number[] = [];
  const tally = new Tally();
  const running: string[] = [];
  const finish = async (result: ManyResult) => {
    const context = contexts.get(result.index);
    const code = await followTask(context, async () => {
      if (result.status === 'fulfilled') return result.value;
      context.result.id ??= result.predictionId;
      throw result.reason;
    });
    codes.push(code);
    tally.add(context.result);
    if (Tally.groupOf(context.result) === 'running') running.push(context.result.id ?? '');
    printJson(context.result);
  };
  const work = async () => {
    for await (const result of results) await finish(result);
  };
  for (const worker of await Promise.allSettled(Array.from({ length: DOWNLOADS }, work))) {
    // After an interruption, the iterator rejects with the abort reason once all results were yielded.
    const isInterruption =
      interrupted.aborted && worker.status === 'rejected' && worker.reason === interrupted.reason;
    if (worker.status === 'rejected' && !isInterruption) throw worker.reason;
    if (isInterruption) codes.push(exitCodeOf(interrupted.reason));
  }
  for (const [index, row] of rows.entries()) {
    if (contexts.has(index)) continue;
    const result = resultOf(row);
    tally.add(result);
    printJson(result);
  }
  await printSummary(kling, tally, { journal, output, running });
  return combineExitCodes(codes);
}
