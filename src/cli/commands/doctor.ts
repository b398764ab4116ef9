/** `doctor`: checks the machine, the account and the service. */
import { createInterface } from 'node:readline/promises';
import { Command } from '@commander-js/extra-typings';
import { estimateCost, type ModelId, models } from '../../schemas.js';
import { createClient, hasKey } from '../client.js';
import { attempt, type Check } from '../doctor-check.js';
import { localChecks, serviceChecks } from '../doctor-checks.js';
import { SPEND_INPUT } from '../doctor-input.js';
import { spendChecks } from '../doctor-spend.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { announceInterrupt, interrupted, SUBMIT_INTERRUPTED } from '../interrupt.js';
import { example, text } from '../options.js';
import { note, paint, print, printJson } from '../output.js';
import { proxiedFetch, Recorder } from '../record.js';

export function doctorCommand() {
  return new Command('doctor')
    .summary('check this machine, the account and the service')
    .description(
      'Checks Node, network, proxy, key, balance, prices, history and webhook secret. Costs nothing; exits 1 if something differs.',
    )
    .option(
      '--spend',
      'also make one video of 3 seconds with each model whose fields and price are confirmed, and check each step',
    )
    .option('--yes', 'with --spend: do not ask')
    .option('-o, --output <dir>', 'with --spend: directory of the videos (default: out)', text)
    .option(
      '--record <dir>',
      'write the answers of the API into this directory, without secrets and personal data',
      text,
    )
    .option('--json', 'print one JSON object per check')
    .addHelpText('after', example('doctor', 'doctor --spend --yes'))
    .action(async ({ spend, yes, output = 'out', record, json }) => {
      let failed = 0;
      const options = { spend: spend === true, yes: yes === true, directory: output, record };
      for await (const check of checks(options)) {
        if (!check.ok) failed += 1;
        if (json === true) printJson(check);
        else print(check.ok ? 'ok' : 'differs', check.check, check.detail);
      }
      if (failed === 0) note('Everything is as expected.', paint('green', '✔'));
      else note(`${failed} of the checks failed.`, paint('red', '✖'));
      process.exitCode = failed === 0 ? EXIT.done : EXIT.failed;
    });
}

interface Options {
  spend: boolean;
  yes: boolean;
  directory: string;
  record: string | undefined;
}

async function* checks(options: Options): AsyncGenerator<Check, void, void> {
  yield* localChecks();
  if (!hasKey()) {
    yield { check: 'key', ok: false, detail: 'WAVESPEED_API_KEY is not set' };
    return;
  }
  if (options.record === undefined) {
    yield* accountChecks(options);
    return;
  }
  const recorder = new Recorder(
    options.record,
    (process.env.WAVESPEED_API_KEY ?? '').trim(),
    await proxiedFetch(),
  );
  await recorder.open();
  yield* accountChecks(options, recorder);
  yield await attempt('record', async () => {
    return { ok: true, detail: `${await recorder.close()} answers in ${options.record}` };
  });
}

async function* accountChecks(options: Options, recorder?: Recorder): AsyncGenerator<Check, void, void> {
  await using kling = await createClient(recorder && { fetch: recorder.fetch });
  let isReady = true;
  for await (const check of serviceChecks(kling)) {
    isReady &&= check.ok || !['network', 'key', 'balance'].includes(check.check);
    yield check;
  }
  if (!options.spend || !isReady) return;
  if (!options.yes) await confirmSpending();
  announceInterrupt(SUBMIT_INTERRUPTED);
  for (const model of priced()) yield* spendChecks(kling, model.id, options.directory);
}

/** The models whose fields and price are known from their pages. */
function priced() {
  return Object.values(models).flatMap(({ id, confirmed }) => {
    const cost = estimateCost<ModelId>(id, SPEND_INPUT);
    return confirmed && cost !== undefined ? [{ id, cost }] : [];
  });
}

async function confirmSpending(): Promise<void> {
  const made = priced();
  const cost = made.reduce((sum, { cost }) => sum + cost, 0);
  if (!process.stdin.isTTY) {
    throw new CommandError(
      'doctor --spend asks for confirmation before it pays: run it in a terminal, or with --yes.',
      EXIT.usage,
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const question = `Make ${made.length} videos of 3 seconds for $${Number(cost.toFixed(4))}? [y/N] `;
    const response = await terminal.question(question, { signal: interrupted });
    if (!/^y(?:es)?$/i.test(response.trim())) throw new CommandError('Nothing was spent.', EXIT.usage);
  } finally {
    terminal.close();
  }
}
