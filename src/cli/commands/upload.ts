/** `upload`: uploads files and prints their URLs. */
import { pathToFileURL } from 'node:url';
import { Command } from '@commander-js/extra-typings';
import { createClient } from '../client.js';
import { combineExitCodes, EXIT, exitCodeOf } from '../exit-codes.js';
import { interrupted } from '../interrupt.js';
import { example } from '../options.js';
import { note, paint, print, printJson } from '../output.js';
import { Progress } from '../progress.js';
import { describe } from '../messages.js';
import { uploadFiles } from '../upload-files.js';

export function uploadCommand() {
  return new Command('upload')
    .summary('upload files and print their URLs')
    .description('Uploads images and videos, and prints the URL of each. The service keeps them for 7 days.')
    .argument('<file...>', 'images or videos')
    .option('--json', 'print one JSON object per file')
    .addHelpText('after', example('upload front.png side.png'))
    .action(async (files, { json }) => {
      await using kling = await createClient();
      const progress = new Progress(files.length);
      const codes: number[] = [];
      try {
        for (const file of files) {
          const row = progress.row(file);
          try {
            const [url] = await uploadFiles(kling, [pathToFileURL(file)], row);
            if (json === true) printJson({ file, url });
            else print(url);
            row.end(true, 'uploaded');
            codes.push(EXIT.done);
          } catch (error) {
            row.end(false, 'not uploaded');
            note(describe(error).message, paint('red', '✖'));
            codes.push(exitCodeOf(error));
            if (interrupted.aborted) break;
          }
        }
      } finally {
        progress.stop();
      }
      process.exitCode = combineExitCodes(codes);
    });
}
