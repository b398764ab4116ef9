/** `resolve`: says which task an idempotency key has, whose submit may or may not have been accepted. */
import { Command } from '@commander-js/extra-typings';
import { fileJournal } from '../../index.js';
import { createClient } from '../client.js';
import { example, text } from '../options.js';
import { note, paint } from '../output.js';

const NO_TASK = 'none';

export function resolveCommand() {
  return new Command('resolve')
    .summary('say which task a key has, after a submit with an unknown outcome')
    .description(
      'Records in a journal which task an interrupted submit started, or that it started none. Submits nothing.',
    )
    .argument('<key>', 'idempotency key', text)
    .argument('<id>', `id of the task, or "${NO_TASK}"`, text)
    .requiredOption('--journal <file>', 'file that keeps idempotency keys', text)
    .option('--force', 'allow it before it is certain, or for a task whose input differs')
    .addHelpText('after', example('resolve fox 0f5c63e1a8d94c1b --journal videos.journal'))
    .action(async (key, id, { journal, force = false }) => {
      await using kling = await createClient({ journal: fileJournal(journal) });
      await kling.resolve(key, id === NO_TASK ? null : id, { force });
      const next = id === NO_TASK ? 'submits it' : `waits for task ${id}`;
      note(`Recorded: the next command with the key ${key} ${next}.`, paint('green', '✔'));
    });
}
