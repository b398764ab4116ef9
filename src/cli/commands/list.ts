/** `list`: prints the account's tasks. */
import { Command } from '@commander-js/extra-typings';
import { createClient } from '../client.js';
import { interrupted } from '../interrupt.js';
import { example, numberFrom, parseModelName, shortName, text, once } from '../options.js';
import { print, printJson } from '../output.js';

const DEFAULT_LIMIT = 30;

export function listCommand() {
  return new Command('list')
    .summary("print the account's tasks")
    .description(
      "Prints the account's tasks of the last 7 days, newest first: id, model, status, time, output or error, separated by tabs.",
    )
    .option('--status <status>', 'created, processing, completed, failed', text)
    .option('--model <model>', 'short name, or a model id', once(parseModelName))
    .option(
      '--limit <number>',
      `maximum number of tasks (default: ${DEFAULT_LIMIT})`,
      numberFrom(1, 'integer'),
    )
    .option('--json', 'print each task as the service describes it')
    .addHelpText('after', example('list --status failed --limit 5'))
    .action(async ({ status, model, limit = DEFAULT_LIMIT, json }) => {
      await using kling = await createClient();
      const query = { status, model, page_size: Math.min(limit, 100) };
      let count = 0;
      for await (const task of kling.list(query, { signal: interrupted })) {
        if (json === true) printJson(task);
        else
          print(task.id, shortName(task.model), task.status, task.created_at, task.outputs[0] ?? task.error);
        if (++count >= limit) break;
      }
    });
}
