/** `batch`: makes one video per line of a file. */
import { Command } from '@commander-js/extra-typings';
import {
  ACCOUNT_LEVELS,
  type AccountLevel,
  fileJournal,
  type ManyRequest,
  type ManyResult,
  type WaveSpeedKling,
  type WaveSpeedKlingOptions,
} from '../../index.js';
import { type BatchLine, readBatch } from '../batch-file.js';
import { createClient } from '../client.js';
import { combineExitCodes, CommandError, EXIT, exitCodeOf } from '../exit-codes.js';
import { announceInterrupt, interrupted, SUBMIT_INTERRUPTED } from '../interrupt.js';
import { example, numberFrom, oneOf, seconds, text } from '../options.js';
import { note, paint, printJson } from '../output.js';
import { Progress } from '../progress.js';
import { followTask, taskCallbacks, type TaskContext } from '../task.js';

const DOWNLOADS = 4;

const LEVELS = Object.keys(ACCOUNT_LEVELS) as AccountLevel[];

export function batchCommand() {
  return new Command('batch')
    .summary('make one video per line of a file')
    .description(
      'Makes one video per line of a file: { "key"?, "model", "prompt", "images"?, … }. Checks all lines before it sends the first, and prints one JSON object per result.',
    )
    .argument('<file>', 'JSON Lines; - reads them from stdin')
    .option('-o, --output <dir>', 'download the videos into this directory', text)
    .option(
      '--journal <file>',
      'file that keeps what was submitted: run again, it pays only for what is missing',
      text,
    )
    .option('--concurrency <number>', 'tasks that run at once (default: 100)', numberFrom(1, 'integer'))
    .option('--per-minute <number>', 'submits within any minute', numberFrom(1, 'integer'))
    .option('--level <level>', `the account's level: ${LEVELS.join(', ')}`, oneOf(LEVELS))
    .option('--max-cost <usd>', 'send nothing if the batch would cost more', numberFrom(0))
    .option(
      '--timeout <seconds>',
      'how long to wait for each task (default: 1800); the task continues',
      seconds,
    )
    .option(
      '--when-absent <action>',
      'after an interrupted submit that the history does not show: resubmit',
      oneOf(['resubmit']),
    )
    .option('--json', 'accepted as with every command; results are JSON in any case')
    .addHelpText('after', example('batch videos.jsonl --journal videos.journal --level silver -o out'))
    .action(async (file, options) => {
      process.exitCode = await batch(file, options);
    });
}

type Options = ReturnType<ReturnType<typeof batchCommand>['opts']>;

function readClientOptions({ journal, level, perMinute }: Options): WaveSpeedKlingOptions {
  if (level !== undefined && perMinute !== undefined) {
    throw new CommandError('--level and --per-minute: give one of them.', EXIT.usage);
  }
  return {
    ...(journal !== undefined && { journal: fileJournal(journal) }),
    ...(level !== undefined && { level }),
    ...(perMinute !== undefined && { limits: { perMinute } }),
  };
}

async function batch(file: string, options: Options): Promise<number> {
  const lines = await readBatch(file);
  const clientOptions = readClientOptions(options);
  const cost = Number(lines.reduce((sum, line) => sum + line.cost, 0).toFixed(4));
  const { maxCost = Infinity } = options;
  if (cost > maxCost) {
    throw new CommandError(
      `The batch would cost $${cost}, over --max-cost $${maxCost}; nothing was sent.`,
      EXIT.usage,
    );
  }
  await using kling = await createClient(clientOptions);
  note(`${lines.length} tasks, $${cost} at most.`);
  announceInterrupt(SUBMIT_INTERRUPTED);
  const progress = new Progress(lines.length);
  try {
    return await runAll(kling, lines, options, progress);
  } finally {
    progress.stop();
  }
}

async function runAll(
  kling: WaveSpeedKling,
  lines: readonly BatchLine[],
  options: Options,
  progress: Progress,
): Promise<number> {
  const { journal, concurrency, maxCost, timeout, whenAbsent, output } = options;
  const contexts = new Map<number, TaskContext>();
  const contextOf = (index: number): TaskContext => {
    const existing = contexts.get(index);
    const line = lines[index];
    if (existing !== undefined) return existing;
    if (line === undefined) throw new RangeError(`There is no line for request ${index}.`);
    const { key, model, cost, idempotencyKey } = line;
    const label = key ?? `line ${line.line}`;
    const result = { line: line.line, key, model, status: 'not_submitted', cost };
    const journaled = journal === undefined ? undefined : { path: journal, key: idempotencyKey };
    const context = { kling, label, row: progress.row(label, cost), directory: output, journaled, result };
    contexts.set(index, context);
    return context;
  };
  const requests = lines.map(
    ({ model, input, idempotencyKey }) =>
      ({ model, input, ...(journal !== undefined && { idempotencyKey }) }) as ManyRequest,
  );
  const results = kling.runMany(requests, {
    signal: interrupted,
    concurrency,
    maxCost,
    timeoutMs: timeout,
    whenAbsent,
    onSubmitted: (task, index) => taskCallbacks(contextOf(index)).onSubmitted(task),
    onUpdate: (task, index) => taskCallbacks(contextOf(index)).onUpdate(task),
  });
  const codes: number[] = [];
  const finish = async (result: ManyResult) => {
    const context = contextOf(result.index);
    const code = await followTask(context, async () => {
      if (result.status === 'fulfilled') return result.value;
      context.result.id ??= result.predictionId;
      throw result.reason;
    });
    contexts.delete(result.index);
    codes.push(code);
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
  const done = codes.filter((code) => code === EXIT.done).length;
  note(`${done} of ${lines.length} done.`, done === lines.length ? paint('green', '✔') : paint('red', '✖'));
  return combineExitCodes(codes);
}
