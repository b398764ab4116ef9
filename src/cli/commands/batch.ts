/** `batch`: makes one video per row of a file. */
import { Command } from '@commander-js/extra-typings';
import {
  ACCOUNT_LEVELS,
  type AccountLevel,
  type FileJournal,
  fileJournal,
  type WaveSpeedKling,
  type WaveSpeedKlingOptions,
} from '../../index.js';
import { readBatch } from '../batch-file.js';
import { planBatch, type PlannedRow } from '../batch-plan.js';
import { askPrices } from '../batch-price.js';
import { runBatch } from '../batch-run.js';
import { createClient } from '../client.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { FileNames } from '../file-names.js';
import { announceInterrupt, interrupted, SUBMIT_INTERRUPTED } from '../interrupt.js';
import { loadModelFile } from '../load-model.js';
import { count } from '../messages.js';
import { example, numberFrom, oneOf, seconds, text } from '../options.js';
import { note } from '../output.js';
import { Progress } from '../progress.js';

const LEVELS = Object.keys(ACCOUNT_LEVELS) as AccountLevel[];

const HELP = `
A row has \`model\` and \`prompt\`, further fields of the model under the service's names (images, duration, …), and a
\`key\` of your choice. JSON Lines: one object per line. CSV: the first row names the fields; several images are
separated by | or in columns image1, image2, …; an empty cell is an absent field.
Paths of images and videos are relative to the current directory.
With --journal, run the same command again after an interruption: a row whose key (or content, without a key) is in the
journal is not paid again. A failed row keeps its result until --retry-failed gives it another attempt.`;

export function batchCommand() {
  return new Command('batch')
    .summary('make one video per row of a CSV or JSON Lines file')
    .description(
      'Makes one video per row of a CSV or JSON Lines file. Checks all rows, the price and the balance before it sends the first, and prints one JSON object per result.',
    )
    .argument('<file>', 'CSV by its extension, or else JSON Lines; - reads stdin')
    .option('--csv', 'the file is CSV, whatever its name')
    .option(
      '--model-file <file>',
      'a module whose default export is a model made by defineModel, for rows that name it or name no model',
      text,
    )
    .option('-o, --output <dir>', 'download the videos into this directory', text)
    .option(
      '--name <template>',
      'names of the files: {key}, {line}, {id}, {n} (default: {key}, or {id}-{n} for a row without a key)',
      text,
    )
    .option(
      '--journal <file>',
      'file that records what was submitted, so that a second run pays only for what is missing',
      text,
    )
    .option('--retry-failed', 'give rows that failed another attempt; needs --journal')
    .option('--concurrency <number>', 'number of concurrent tasks (default: 100)', numberFrom(1, 'integer'))
    .option('--per-minute <number>', 'submits within any minute', numberFrom(1, 'integer'))
    .option('--level <level>', `the account's level: ${LEVELS.join(', ')}`, oneOf(LEVELS))
    .option('--max-cost <usd>', 'send nothing if the tasks that this run adds would cost more', numberFrom(0))
    .option('--ignore-balance', 'start even if the balance does not cover the batch')
    .option('--allow-duplicates', 'accept equal rows without keys, each as a task of its own')
    .option(
      '--timeout <seconds>',
      'how long to wait for each task (default: 1800); the task continues',
      seconds,
    )
    .option(
      '--when-absent <action>',
      'resubmit: submit again if an interrupted submit is proven to have started no task',
      oneOf(['resubmit']),
    )
    .option('--json', 'accepted for consistency; results are always JSON')
    .addHelpText('after', HELP)
    .addHelpText('after', example('batch videos.csv --journal videos.journal --level silver -o out'))
    .action(async (file, options) => {
      process.exitCode = await batch(file, options);
    });
}

type Options = ReturnType<ReturnType<typeof batchCommand>['opts']>;

function readClientOptions(
  { level, perMinute }: Options,
  journal: FileJournal | undefined,
): WaveSpeedKlingOptions {
  return {
    ...(journal !== undefined && { journal }),
    ...(level !== undefined && { level }),
    ...(perMinute !== undefined && { limits: { perMinute } }),
  };
}

function checkCombinations(options: Options): void {
  const { level, perMinute, name, output, retryFailed, whenAbsent, journal } = options;
  if (level !== undefined && perMinute !== undefined) {
    throw new CommandError('--level and --per-minute: give one of them.', EXIT.usage);
  }
  if (name !== undefined && output === undefined) {
    throw new CommandError('--name needs --output.', EXIT.usage);
  }
  if (retryFailed === true && journal === undefined) {
    throw new CommandError(
      '--retry-failed needs --journal, which has the results of earlier runs.',
      EXIT.usage,
    );
  }
  if (whenAbsent !== undefined && journal === undefined) {
    throw new CommandError(
      '--when-absent needs --journal, which has the submits of earlier runs.',
      EXIT.usage,
    );
  }
}

/** Without the rows whose price is not known yet. */
const sumOf = (rows: readonly PlannedRow[]) =>
  Number(rows.reduce((sum, { cost }) => sum + (cost ?? 0), 0).toFixed(4));

async function batch(file: string, options: Options): Promise<number> {
  const { csv, allowDuplicates, output, retryFailed, maxCost, concurrency, timeout, whenAbsent } = options;
  checkCombinations(options);
  const names = new FileNames(options.name);
  const model = options.modelFile === undefined ? undefined : await loadModelFile(options.modelFile);
  const lines = await readBatch(file, { csv, allowDuplicates, model });
  const journal = options.journal === undefined ? undefined : fileJournal(options.journal);
  await using kling = await createClient(readClientOptions(options, journal));
  const rows = await planBatch(lines, journal, retryFailed === true);
  if (output !== undefined) await names.check(rows, output);
  await checkMoney(kling, rows, options);
  announceInterrupt(SUBMIT_INTERRUPTED);
  const progress = new Progress(rows.length);
  const paid = sumOf(rows.filter(({ isKnown }) => isKnown));
  try {
    return await runBatch(kling, rows, {
      journal: options.journal,
      output,
      names,
      progress,
      // The client counts every request of the batch.
      maxCost: maxCost === undefined ? undefined : maxCost + paid,
      concurrency,
      timeoutMs: timeout,
      whenAbsent,
    });
  } finally {
    progress.stop();
  }
}

/** Refuses a batch that costs more than it may, before anything is sent. */
async function checkMoney(
  kling: WaveSpeedKling,
  rows: readonly PlannedRow[],
  { maxCost = Infinity, ignoreBalance }: Options,
): Promise<void> {
  const added = rows.filter(({ isKnown }) => !isKnown);
  if (added.length === 0) {
    note(`${count(rows.length, 'row')}, all in the journal already: this run costs nothing.`);
    return;
  }
  await askPrices(kling, added);
  const cost = sumOf(added);
  const isComplete = added.every((row) => row.cost !== undefined);
  const atLeast = isComplete ? '' : 'at least ';
  if (cost > maxCost) {
    throw new CommandError(
      `The batch would cost ${atLeast}$${cost}, over --max-cost $${maxCost}; nothing was sent.`,
      EXIT.usage,
    );
  }
  if (ignoreBalance !== true) {
    const balance = await kling.balance({ signal: interrupted });
    if (cost > balance) {
      throw new CommandError(
        `The batch would cost ${atLeast}$${cost}, and the balance is $${balance}; nothing was sent. Top up, or add --ignore-balance, for example with a credit line.`,
        EXIT.account,
      );
    }
  }
  const known = rows.length - added.length;
  const before = known === 0 ? '' : `${known} of ${rows.length} rows are in the journal already; `;
  note(`${before}${count(added.length, 'task')}, ${isComplete ? `$${cost} at most` : `${atLeast}$${cost}`}.`);
}
