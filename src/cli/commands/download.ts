/** `download`: saves the outputs of tasks, or URLs. */
import { Command } from '@commander-js/extra-typings';
import { createClient } from '../client.js';
import { interrupted } from '../interrupt.js';
import { example, text } from '../options.js';
import { print, printJson } from '../output.js';
import { transferEach } from '../transfer-each.js';

export function downloadCommand() {
  return new Command('download')
    .summary('save the outputs of tasks, or URLs')
    .description('Downloads the outputs of completed tasks, or URLs, and prints the path of each file.')
    .argument('<id|url...>', 'ids of tasks, or URLs of outputs')
    .option('-o, --output <dir>', 'directory (default: the current one)', text)
    .option('--overwrite', 'replace a file that exists')
    .option('--json', 'print one JSON object per file')
    .addHelpText('after', example('download 0f5c63e1a8d94c1b -o out'))
    .action(async (sources, { output = '.', overwrite = false, json }) => {
      await using kling = await createClient();
      await transferEach(sources, 'downloaded', async (source, row) => {
        const isUrl = /^https?:/i.test(source);
        const task = isUrl ? source : await kling.get(source, { signal: interrupted });
        let isKept = true;
        const onProgress = ({ loaded, total }: { loaded: number; total: number | undefined }) => {
          isKept = false;
          row.transfer('downloading', loaded, total);
        };
        // A file named by its task's id is the complete output.
        const ifExists = overwrite ? 'overwrite' : isUrl ? 'error' : 'keep';
        const files = await kling.download(task, output, { signal: interrupted, ifExists, onProgress });
        for (const { path } of files) {
          if (json === true) printJson({ source, file: path });
          else print(path);
        }
        return isKept ? 'already there' : undefined;
      });
    });
}
