/** `wait`: waits for submitted tasks by id. */
import { Command } from '@commander-js/extra-typings';
import { createClient } from '../client.js';
import { combineExitCodes } from '../exit-codes.js';
import { interrupted } from '../interrupt.js';
import { example, seconds, text } from '../options.js';
import { printJson } from '../output.js';
import { Progress } from '../progress.js';
import { followTask, printFiles, taskCallbacks, type TaskContext } from '../task.js';

export function waitCommand() {
  return new Command('wait')
    .summary('wait for tasks by id; resume')
    .description('Waits until tasks have ended; resumes what was interrupted. Costs nothing.')
    .argument('<id...>', 'ids of tasks')
    .option('-o, --output <dir>', 'download the videos into this directory', text)
    .option('--timeout <seconds>', 'how long to wait at most (default: 1800); the tasks continue', seconds)
    .option('--json', 'print one JSON object per task')
    .addHelpText('after', example('wait 0f5c63e1a8d94c1b -o out'))
    .action(async (given, { output, timeout, json }) => {
      const ids = [...new Set(given)];
      await using kling = await createClient();
      const progress = new Progress(ids.length);
      const waitFor = async (id: string) => {
        const context: TaskContext = {
          kling,
          label: id,
          row: progress.row(id),
          directory: output,
          result: { id, status: 'unknown' },
        };
        const { onUpdate } = taskCallbacks(context);
        const options = { signal: interrupted, timeoutMs: timeout, onUpdate };
        const code = await followTask(context, () => kling.wait(id, options));
        if (json === true) printJson(context.result);
        else printFiles(context.result);
        return code;
      };
      try {
        process.exitCode = combineExitCodes(await Promise.all(ids.map(waitFor)));
      } finally {
        progress.stop();
      }
    });
}
