/** `get`: prints the current state of a task. */
import { Command } from '@commander-js/extra-typings';
import { createClient } from '../client.js';
import { interrupted } from '../interrupt.js';
import { example } from '../options.js';
import { print, printJson } from '../output.js';

export function getCommand() {
  return new Command('get')
    .summary('print a task as it is now')
    .description('Prints a task as it is now: id, status, output or error, separated by tabs.')
    .argument('<id>', 'id of a task')
    .option('--json', 'print the task as the service describes it')
    .addHelpText('after', example('get 0f5c63e1a8d94c1b --json'))
    .action(async (id, { json }) => {
      await using kling = await createClient();
      const task = await kling.get(id, { signal: interrupted });
      if (json === true) printJson(task);
      else print(task.id, task.status, task.outputs[0] ?? task.error);
    });
}
