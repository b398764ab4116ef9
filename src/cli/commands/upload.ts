/** `upload`: uploads files and prints their URLs. */
import { pathToFileURL } from 'node:url';
import { Command } from '@commander-js/extra-typings';
import { createClient } from '../client.js';
import { example } from '../options.js';
import { print, printJson } from '../output.js';
import { transferEach } from '../transfer-each.js';
import { uploadFiles } from '../upload-files.js';

export function uploadCommand() {
  return new Command('upload')
    .summary('upload files and print their URLs')
    .description(
      'Uploads image, video and audio files, and prints the URL of each. The service keeps them for 7 days.',
    )
    .argument('<file...>', 'image, video or audio files')
    .option('--json', 'print one JSON object per file')
    .addHelpText('after', example('upload front.png side.png'))
    .action(async (files, { json }) => {
      await using kling = await createClient();
      await transferEach(files, 'uploaded', async (file, row) => {
        const [url] = await uploadFiles(kling, [pathToFileURL(file)], row);
        if (json === true) printJson({ file, url });
        else print(url);
      });
    });
}
