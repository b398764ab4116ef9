/** `download`: saves the outputs of tasks, or URLs. */
import { Command } from '@commander-js/extra-typings';
import { createClient } from '../client.js';
import { interrupted } from '../interrupt.js';
import { example, text } from '../options.js';
import { print, printJson } from '../output.js';
import type { Row } from '../progress.js';
import { saveOutputs } from '../task.js';
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
      const save = async (source: string, row: Row): Promise<string[]> => {
        const isUrl = /^https?:/i.test(source);
        const task = isUrl ? source : await kling.get(source, { signal: interrupted });
        if (typeof task !== 'string' && !overwrite) return saveOutputs(kling, task, output, row);
        const onProgress = ({ loaded, total }: { loaded: number; total: number | undefined }) =>
          row.transfer('downloading', loaded, total);
        const ifExists = overwrite ? 'overwrite' : 'error';
        const files = await kling.download(task, output, { signal: interrupted, ifExists, onProgress });
        return files.map(({ path }) => path);
      };
      await transferEach(sources, 'downloaded', async (source, row) => {
        for (const file of await save(source, row)) {
          if (json === true) printJson({ source, file });
          else print(file);
        }
      });
    });
}
