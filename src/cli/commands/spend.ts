/** `spend`: prints what was charged and refunded, and what does not add up. */
import { stat } from 'node:fs/promises';
import { Command } from '@commander-js/extra-typings';
import { type BillingRow, fileJournal, type Reconciliation } from '../../index.js';
import { createClient } from '../client.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { interrupted } from '../interrupt.js';
import { count } from '../messages.js';
import { example, shortName, text } from '../options.js';
import { note, paint, print, printJson, printLine } from '../output.js';
import { DAY_MS, since } from '../since.js';
import { type Amounts, reportSpend, type SpendReport, toCsv } from '../spend-report.js';

const HELP = `
Findings: refund_missing (failed over 3 hours ago, not refunded), refund_pending, price_differs (charged is not the list
price), and with --journal no_charge (of the journal, never charged) and no_key (charged, unknown to the journal).
The exit code is 1 if there is one.`;

/** A charge may be dated a little before its task. */
const MARGIN_MS = 15 * 60_000;

export function spendCommand() {
  return new Command('spend')
    .summary('print what was charged and refunded, and what does not add up')
    .description(
      'Prints what the tasks of the last days were charged and refunded, by model and by day (UTC), and each task for which that does not add up. Costs nothing.',
    )
    .option('--since <time>', 'tasks created since then: 7d, 12h, or ISO 8601 (default: 7d)', since)
    .option('--journal <file>', 'journal whose keys the tasks are compared with', text)
    .option('--csv', 'print a row per task: prediction_id,key,model,status,charged,refunded,estimate,finding')
    .option('--json', 'print one JSON object')
    .addHelpText('after', HELP)
    .addHelpText('after', example('spend --since 24h --journal videos.journal'))
    .action(async (options) => {
      process.exitCode = await spend(options);
    });
}

type Options = ReturnType<ReturnType<typeof spendCommand>['opts']>;

async function spend({ since: given, journal, csv, json }: Options): Promise<number> {
  if (csv === true && json === true)
    throw new CommandError('--csv and --json: give one of them.', EXIT.usage);
  const from = given ?? new Date(Date.now() - 7 * DAY_MS);
  if (journal !== undefined) await checkExists(journal);
  await using kling = await createClient(journal === undefined ? {} : { journal: fileJournal(journal) });
  const tasks: Reconciliation[] = [];
  for await (const task of kling.reconcile({ since: from }, { signal: interrupted })) tasks.push(task);
  const rows: BillingRow[] = [];
  const query = { from: new Date(from.getTime() - MARGIN_MS) };
  for await (const row of kling.billings(query, { signal: interrupted })) rows.push(row);
  const report = reportSpend(tasks, rows);
  if (csv === true) for (const line of toCsv(tasks)) printLine(line);
  else if (json === true) printJson(report);
  else printReport(report);
  const { length } = report.findings;
  if (length === 0) note(`${count(tasks.length, 'task')}, all as expected.`, paint('green', '✔'));
  else
    note(
      `${length} of ${count(tasks.length, 'task')} ${length === 1 ? 'does' : 'do'} not add up.`,
      paint('red', '✖'),
    );
  return length === 0 ? EXIT.done : EXIT.failed;
}

/** A journal that is created by looking at it would be empty: every task would be without a key. */
async function checkExists(journal: string): Promise<void> {
  try {
    await stat(journal);
  } catch (error) {
    throw new CommandError(`--journal: ${(error as Error).message}.`, EXIT.usage);
  }
}

const dollars = (amount: number) => `$${Number(amount.toFixed(4))}`;

function printReport({ by_model, by_day, findings, ...total }: SpendReport): void {
  const printAmounts = (name: string, { charged, refunded, net }: Amounts) =>
    print(name, `charged ${dollars(charged)}`, `refunded ${dollars(refunded)}`, `net ${dollars(net)}`);
  printAmounts('total', total);
  for (const [model, amounts] of Object.entries(by_model)) printAmounts(shortName(model), amounts);
  for (const [day, amounts] of Object.entries(by_day)) printAmounts(day, amounts);
  for (const { finding, prediction_id, key, status, charged, refunded } of findings) {
    print(
      finding,
      prediction_id,
      key,
      status,
      `charged ${dollars(charged)}`,
      `refunded ${dollars(refunded)}`,
    );
  }
}
