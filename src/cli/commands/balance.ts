/** `balance`: prints the account's balance. */
import { Command } from '@commander-js/extra-typings';
import { createClient } from '../client.js';
import { interrupted } from '../interrupt.js';
import { example } from '../options.js';
import { print, printJson } from '../output.js';

export function balanceCommand() {
  return new Command('balance')
    .summary('print the account balance')
    .description('Prints the account balance, in US dollars.')
    .option('--json', 'print one JSON object')
    .addHelpText('after', example('balance'))
    .action(async ({ json }) => {
      await using kling = await createClient();
      const balance = await kling.balance({ signal: interrupted });
      if (json === true) printJson({ balance });
      else print(balance);
    });
}
