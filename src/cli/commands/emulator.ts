/** `emulator`: serves a local emulator of the service. */
import { once } from 'node:events';
import { Command } from '@commander-js/extra-typings';
import { CommandError, EXIT } from '../exit-codes.js';
import { interrupted } from '../interrupt.js';
import { example, numberFrom } from '../options.js';
import { note, print, printJson } from '../output.js';

export function emulatorCommand() {
  return new Command('emulator')
    .summary('serve an emulator of the service')
    .description('Serves an emulator of the service on this machine until Ctrl-C: try any client for free.')
    .option('--port <number>', 'port on 127.0.0.1 (default: any free one)', numberFrom(0, 'integer'))
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      example('emulator --port 8700 &', "run o1 -p 'A paper boat' -o out   # after the printed export line"),
    )
    .action(async ({ port, json }) => {
      const { startEmulator } = await import('../../testing/index.js');
      const emulator = await startEmulator({ port }).catch((error: Error) => {
        throw new CommandError(`The emulator cannot listen: ${error.message}.`, EXIT.failed);
      });
      const { url, apiKey } = emulator;
      if (json === true) printJson({ url, api_key: apiKey });
      else print(`export WAVESPEED_BASE_URL=${url} WAVESPEED_API_KEY=${apiKey}`);
      note('The emulator is running: no network, no cost. Ctrl-C ends it.');
      if (!interrupted.aborted) await once(interrupted, 'abort');
      await emulator.close();
    });
}
