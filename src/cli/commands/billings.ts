/** `billings`: prints the account's charges and refunds. */
import { Command } from '@commander-js/extra-typings';
import { createClient } from '../client.js';
import { interrupted } from '../interrupt.js';
import { example, numberFrom, once, oneOf, parseModelName, shortName } from '../options.js';
import { print, printJson } from '../output.js';
import { since } from '../since.js';

const DEFAULT_LIMIT = 30;

export function billingsCommand() {
  return new Command('billings')
    .summary("print the account's charges and refunds")
    .description(
      "Prints the account's charges and refunds, newest first: id of the task, model, deduct or refund, US dollars, time, separated by tabs.",
    )
    .option('--type <type>', 'deduct or refund', oneOf(['deduct', 'refund']))
    .option('--model <model>', 'short name, or a model id', once(parseModelName))
    .option('--since <time>', 'rows since then: 7d, 12h, or ISO 8601', since)
    .option(
      '--limit <number>',
      `maximum number of rows (default: ${DEFAULT_LIMIT})`,
      numberFrom(1, 'integer'),
    )
    .option('--json', 'print each row as the service describes it')
    .addHelpText('after', example('billings --type refund --since 24h'))
    .action(async ({ type, model, since: from, limit = DEFAULT_LIMIT, json }) => {
      await using kling = await createClient();
      let count = 0;
      for await (const row of kling.billings({ type, model, from }, { signal: interrupted })) {
        if (json === true) printJson(row);
        else {
          const { prediction, billing_type, price, created_at } = row;
          print(prediction?.uuid, shortName(prediction?.model_uuid ?? ''), billing_type, price, created_at);
        }
        if (++count >= limit) break;
      }
    });
}
